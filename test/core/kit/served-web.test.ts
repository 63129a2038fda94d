import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { connect, type SecureContextOptions, type TLSSocket } from "node:tls";
import { expect, it, onTestFinished } from "vitest";
import { startApiServer } from "../../../collector/api/server.ts";
import { createPushClient } from "../../../agent/push/client.ts";
import { createSystemClock } from "../../../core/kit/clock.ts";
import { systemTls } from "../../../core/kit/tls-files.ts";
import { makeAuthority, readCertificate, type Authority } from "../../kit/certificates.ts";
import { makeFolder } from "../../kit/folder.ts";
import { createTestMetrics, quietLog } from "../../kit/rule-bench.ts";

const pushToken = "push-token-of-the-fleet-0123456789abcdef";

async function start(authority: Authority, extra = "") {
  const file = join(authority.folder, "web.yml");
  writeFileSync(
    file,
    `tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n${extra}`,
  );
  const server = await startApiServer({
    listen: { host: "127.0.0.1", port: 0 },
    hostNames: [],
    token: "secret",
    pushToken,
    webConfigFile: file,
    routes: [
      {
        method: "GET",
        path: "/",
        role: "viewer",
        handle: () => ({ status: 200, body: { hello: "world" } }),
      },
      {
        method: "POST",
        path: "/api/v1/frames",
        role: "push",
        rawBody: { limitBytes: 1000 },
        handle: () => ({ status: 200, body: { acknowledged: 1 } }),
      },
    ],
    clock: createSystemClock(),
    log: quietLog,
    metrics: createTestMetrics(),
  });
  onTestFinished(() => server.close());
  return server.address;
}

/** What comes back, or the code of what went wrong. */
function ask(address: string, tls: SecureContextOptions): Promise<string> {
  return new Promise((resolve) => {
    const headers = { authorization: "Bearer secret" };
    const sent = request(address, { ...tls, headers, agent: false }, (response) => {
      response.setEncoding("utf8").on("data", resolve);
    });
    sent.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    sent.end();
  });
}

const callers = "  client_ca_file: authority.crt\n  client_auth_type: RequireAndVerifyClientCert\n";
const trust = (authority: Authority) => ({ ca: readFileSync(authority.certificateFile) });
const world = '{"hello":"world"}';

function makeServerAuthority(): Authority {
  const authority = makeAuthority(makeFolder());
  authority.issue("127.0.0.1", { file: "server" });
  return authority;
}

it("serves over TLS to those who trust its authority, and to no others", async () => {
  const authority = makeServerAuthority();
  const address = await start(authority);
  expect(address).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
  expect(await ask(address, trust(authority))).toBe(world);
  expect(await ask(address, trust(makeAuthority(makeFolder(), "wrong")))).toMatch(
    /^(UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT_LOCALLY|CERT_SIGNATURE_FAILURE)$/,
  );
  await expect(fetch(address.replace("https", "http"))).rejects.toThrow("fetch failed");
});

it("gives a certificate's caller what it gives others, and nobody without one anything", async () => {
  const authority = makeServerAuthority();
  const address = await start(authority, callers);
  const mine = readCertificate(authority.issue("node-1"));
  expect(await ask(address, { ...trust(authority), ...mine })).toBe(world);
  expect(await ask(address, trust(authority))).toMatch(
    /^(ERR_SSL_.*CERTIFICATE_REQUIRED|ECONNRESET)$/,
  );
  const stranger = readCertificate(makeAuthority(makeFolder(), "stranger").issue("node-1"));
  expect(await ask(address, { ...trust(authority), ...stranger })).not.toBe(world);
  const expired = readCertificate(authority.issue("node-2", { days: -1 }));
  expect(await ask(address, { ...trust(authority), ...expired })).not.toBe(world);
});

it("lets only those in whose certificate has one of the names", async () => {
  const authority = makeServerAuthority();
  const address = await start(authority, `${callers}  client_allowed_sans: [node-1]\n`);
  const known = readCertificate(authority.issue("node-1"));
  const other = readCertificate(authority.issue("node-2"));
  expect(await ask(address, { ...trust(authority), ...known })).toBe(world);
  expect(await ask(address, { ...trust(authority), ...other })).not.toBe(world);
});

it("asks for no certificate but judges one that is shown, where that is what it was told", async () => {
  const authority = makeServerAuthority();
  const given = callers.replace("RequireAndVerifyClientCert", "VerifyClientCertIfGiven");
  const address = await start(authority, given);
  const stranger = readCertificate(makeAuthority(makeFolder(), "stranger").issue("node-1"));
  expect(await ask(address, trust(authority))).toBe(world);
  expect(await ask(address, { ...trust(authority), ...stranger })).not.toBe(world);
});

it("speaks no version below the one it was told", async () => {
  const authority = makeServerAuthority();
  const address = await start(authority, "  min_version: TLS13\n");
  expect(await ask(address, { ...trust(authority), maxVersion: "TLSv1.2" })).toMatch(
    /^(ERR_SSL|EPROTO)/,
  );
  expect(await ask(address, trust(authority))).toBe(world);
});

it("shows the next caller the certificate that took the first one's place, and keeps the old one for a broken one", async () => {
  const authority = makeServerAuthority();
  const address = await start(authority);
  const { port } = new URL(address);
  const shown = (): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket: TLSSocket = connect(
        { host: "127.0.0.1", port: Number(port), ...trust(authority) },
        () => {
          resolve(socket.getPeerCertificate().serialNumber);
          socket.destroy();
        },
      );
      socket.on("error", reject);
    });
  const first = await shown();
  const next = authority.issue("127.0.0.1", { file: "next" });
  copyFileSync(next.certificateFile, join(authority.folder, "server.crt"));
  // Between the two files the pair doesn't belong together.
  await new Promise((resolve) => setTimeout(resolve, 1100));
  expect(await shown()).toBe(first);
  copyFileSync(next.keyFile, join(authority.folder, "server.key"));
  await new Promise((resolve) => setTimeout(resolve, 1100));
  expect(await shown()).not.toBe(first);
});

it("takes an agent that shows its certificate, and tells one that doesn't what it lacks", async () => {
  const authority = makeServerAuthority();
  const address = await start(authority, callers);
  const tokenFile = join(authority.folder, "token");
  writeFileSync(tokenFile, pushToken, { mode: 0o600 });
  const push = async (tls: Partial<typeof systemTls>) => {
    const client = createPushClient({
      url: new URL(address),
      tokenFile,
      tls: { ...systemTls, ...tls },
      clock: createSystemClock(),
      onError: () => {},
    });
    onTestFinished(() => client.close());
    return client.post({ path: "/api/v1/frames", headers: {}, body: Buffer.from("x") });
  };
  const trusted = { authorityFile: authority.certificateFile };
  expect(await push({ ...trusted, ...authority.issue("node-1") })).toEqual({
    kind: "settled",
    refused: 0,
  });
  expect(await push({ ...authority.issue("node-1") })).toMatchObject({
    kind: "unreachable",
    sentence: expect.stringMatching(/isn't trusted .*--push\.ca-file/),
  });
  expect(await push(trusted)).toMatchObject({ kind: "unreachable" });
});

it("doesn't start with a certificate that can't be read", async () => {
  await expect(start(makeAuthority(makeFolder()))).rejects.toMatchObject({ code: "TLS_UNUSABLE" });
});
