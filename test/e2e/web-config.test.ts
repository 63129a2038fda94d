/** `--web.config.file`: what node_exporter's scrapers show it, TLS, certificates, names and passwords, opens the agent's addresses. */
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { request, type RequestOptions } from "node:https";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { makeAuthority, readCertificate, type Authority } from "../kit/certificates.ts";
import { makeFolder } from "../kit/folder.ts";
import { emptyHash, secretHash } from "../kit/passwords.ts";
import { freePort, hasProgram, startWarpwatch, type Program } from "../kit/programs.ts";
import { startPrometheusWith } from "../kit/prometheus.ts";

const serverTls = "tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n";
const wantsCertificate =
  "  client_ca_file: authority.crt\n  client_auth_type: RequireAndVerifyClientCert\n";
const users = `basic_auth_users:\n  prometheus: ${secretHash}\n`;

interface Started {
  readonly authority: Authority;
  readonly file: string;
  /** The agent's own, node_exporter's, dcgm-exporter's. */
  readonly addresses: readonly [string, string, string];
  readonly token: string;
  readonly program: Program;
}

async function start(content: string): Promise<Started> {
  const authority = makeAuthority(makeFolder());
  authority.issue("127.0.0.1", { file: "server" });
  const file = join(authority.folder, "web.yml");
  writeFileSync(file, content);
  const state = makeFolder();
  const address = async (): Promise<string> => `127.0.0.1:${await freePort()}`;
  const addresses = [await address(), await address(), await address()] as const;
  const program = startWarpwatch([
    "agent",
    "--synthetic",
    `--web.listen-address=${addresses[0]}`,
    `--compat.node-exporter=${addresses[1]}`,
    `--compat.dcgm-exporter=${addresses[2]}`,
    `--state.folder=${state}`,
    `--web.config.file=${file}`,
  ]);
  onTestFinished(() => void program.stop());
  await expect
    .poll(() => program.output(), { timeout: 30_000 })
    .toContain("serves what dcgm-exporter would");
  const token = readFileSync(join(state, "token"), "utf8").trim();
  return { authority, file, addresses, token, program };
}

interface Answered {
  readonly status: number;
  readonly asks: string;
  readonly body: string;
}

function ask(address: string, options: RequestOptions): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const sent = request(`https://${address}/metrics`, { agent: false, ...options }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          asks: response.headers["www-authenticate"] ?? "",
          body,
        }),
      );
    });
    sent.on("error", reject);
    sent.end();
  });
}

const trust = ({ certificateFile }: Authority) => ({ ca: readFileSync(certificateFile) });

it("asks everybody for a name and a password on every address, loopback as well, and takes the token instead", async () => {
  const { authority, addresses, token } = await start(serverTls + users);
  for (const address of addresses) {
    const caller = { ...trust(authority), auth: "prometheus:secret" };
    expect((await ask(address, caller)).status).toBe(200);
    expect(await ask(address, trust(authority))).toMatchObject({
      status: 401,
      asks: 'Basic realm="warpwatch"',
      body: expect.stringContaining("a name and a password are needed"),
    });
    for (const auth of ["prometheus:wrong", "stranger:secret"])
      expect((await ask(address, { ...trust(authority), auth })).status).toBe(401);
    const headers = { authorization: `Bearer ${token}` };
    expect((await ask(address, { ...trust(authority), headers })).status).toBe(200);
  }
  await expect(fetch(`http://${addresses[0]}/metrics`)).rejects.toThrow("fetch failed");
});

it("shuts out an address for a minute after ten wrong passwords", async () => {
  const { authority, addresses } = await start(serverTls + users);
  const statuses: number[] = [];
  for (let attempt = 0; attempt < 11; attempt += 1) {
    const auth = `prometheus:guess-${attempt}`;
    statuses.push((await ask(addresses[1], { ...trust(authority), auth })).status);
  }
  expect(statuses).toEqual([...Array<number>(10).fill(401), 429]);
  const right = { ...trust(authority), auth: "prometheus:secret" };
  expect((await ask(addresses[1], right)).status).toBe(429);
  expect((await ask(addresses[2], right)).status).toBe(200);
});

it("takes other passwords and another certificate from the next second on, without a restart", async () => {
  const { authority, file, addresses, program } = await start(serverTls + users);
  const address = addresses[1];
  expect((await ask(address, { ...trust(authority), auth: "prometheus:secret" })).status).toBe(200);
  const next = makeAuthority(makeFolder(), "next");
  const issued = next.issue("127.0.0.1");
  copyFileSync(issued.certificateFile, join(authority.folder, "server.crt"));
  copyFileSync(issued.keyFile, join(authority.folder, "server.key"));
  writeFileSync(file, `${serverTls}basic_auth_users:\n  other: ${emptyHash}\n`);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  expect((await ask(address, { ...trust(next), auth: "prometheus:secret" })).status).toBe(401);
  expect((await ask(address, { ...trust(next), auth: "other:" })).status).toBe(200);
  writeFileSync(file, `${serverTls}basic_auth_users:\n  other: nonsense\n`);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  expect((await ask(address, { ...trust(next), auth: "other:" })).status).toBe(200);
  expect(program.output()).toMatch(
    /the web configuration stays as it was: .*web\.yml:5: basic_auth_users\.other: isn't a hash of bcrypt's/,
  );
});

it.skipIf(!hasProgram("prometheus"))(
  "is scraped by Prometheus with certificate, name and password, and not without one of them",
  async () => {
    const { authority, addresses } = await start(serverTls + wantsCertificate + users);
    const own = authority.issue("prometheus");
    const secret = join(authority.folder, "password");
    writeFileSync(secret, "secret\n");
    const job = (name: string, targets: readonly string[], auth: string, certificate: string) =>
      `  - job_name: ${name}
    scheme: https
    ${auth}
    tls_config: { ca_file: ${authority.certificateFile}${certificate} }
    static_configs: [{ targets: ${JSON.stringify(targets)} }]
`;
    const shown = `, cert_file: ${own.certificateFile}, key_file: ${own.keyFile}`;
    const known = `basic_auth: { username: prometheus, password_file: ${secret} }`;
    const prometheus = await startPrometheusWith(
      makeFolder(),
      job("warpwatch", addresses, known, shown) +
        job("nameless", addresses, "basic_auth: {}", shown) +
        job("uncertified", addresses, known, ""),
    );
    onTestFinished(async () => void (await prometheus.program.stop()));
    const sum = (name: string) => prometheus.query(`sum(up{job="${name}"})`);
    await expect.poll(() => sum("warpwatch"), { timeout: 20_000 }).toBe(3);
    await expect.poll(() => sum("uncertified"), { timeout: 20_000 }).toBe(0);
    expect(await sum("nameless")).toBe(0);
    expect(await prometheus.query('count(DCGM_FI_DEV_GPU_TEMP{job="warpwatch"})')).toBeGreaterThan(
      1,
    );
    const certified = readCertificate(own);
    const caller = { ...trust(authority), ...certified, auth: "prometheus:secret" };
    expect((await ask(addresses[0], caller)).status).toBe(200);
    await expect(ask(addresses[0], { ...trust(authority), auth: caller.auth })).rejects.toThrow();
  },
);

it("doesn't start with a file it can't use, and says where and why", async () => {
  const folder = makeFolder();
  const file = join(folder, "web.yml");
  writeFileSync(file, "basic_auth_users:\n  prometheus: secret\n");
  const program = startWarpwatch([
    "agent",
    `--state.folder=${folder}`,
    `--web.config.file=${file}`,
  ]);
  expect(await program.ended()).not.toBe(0);
  expect(program.output()).toContain(`${file}:2: basic_auth_users.prometheus: isn't a hash`);
  expect(program.output()).not.toContain("    at ");
});
