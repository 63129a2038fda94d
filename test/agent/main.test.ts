/** The agent as a whole over real HTTP: what it serves, to whom, how it is bounded, and what is left when it stops. */
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { gunzipSync } from "node:zlib";
import { request, type IncomingHttpHeaders } from "node:http";
import { describe, expect, onTestFinished, test } from "vitest";
import { agentConfigFromFlags, type FlagValues } from "../../agent/config.ts";
import { controlPath, sendControl } from "../../agent/control.ts";
import { startAgent, type Agent } from "../../agent/main.ts";
import { createEnv } from "../../core/kit/env.ts";
import { createLog } from "../../core/kit/log.ts";
import { readLocalToken } from "../../core/kit/state-folder.ts";
import { makeFolder } from "../kit/folder.ts";
import { makePuppet, noSuchPlace, type Puppet } from "../kit/sampler-bench.ts";

interface Running {
  readonly agent: Agent;
  readonly folder: string;
  readonly logLines: readonly string[];
}

async function start(puppets: readonly Puppet[], flags: FlagValues = {}): Promise<Running> {
  const folder = makeFolder();
  const env = createEnv({ node: "n1" });
  const logLines: string[] = [];
  const agent = await startAgent({
    env,
    log: createLog({ clock: env.clock, write: (line) => void logLines.push(line) }),
    config: agentConfigFromFlags(
      { "web.listen-address": "127.0.0.1:0", "state.folder": folder, ...flags },
      {},
    ),
    sources: puppets.map(({ source }) => source),
  });
  onTestFinished(() => agent.stop());
  return { agent, folder, logLines };
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

function ask(
  agent: Agent,
  path: string,
  headers: Record<string, string> = {},
  method = "GET",
  body = "",
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(`${agent.address}${path}`, { method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks),
        }),
      );
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

/** Sends bytes as they are and returns what comes back until the server closes. */
function sendRaw(agent: Agent, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(agent.address);
    let answer = "";
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.on("data", (chunk) => (answer += chunk.toString()));
    socket.on("close", () => resolve(answer));
    socket.on("error", reject);
  });
}

const openMetrics = { Accept: "application/openmetrics-text;version=1.0.0" };

test("the metrics page holds the sources' samples, their own metrics and the process's, each family once", async () => {
  const { agent } = await start([makePuppet("one")]);
  for (const headers of [{}, openMetrics]) {
    const { status, body } = await ask(agent, "/metrics", headers);
    const text = body.toString();
    expect(status).toBe(200);
    for (const line of [
      'one_value{device="a"} 1',
      'warpwatch_source_up{source="one"} 1',
      'warpwatch_source_info{source="one",state="up",reason=""} 1',
    ])
      expect(text).toContain(`\n${line}\n`);
    expect(text).toMatch(/^process_resident_memory_bytes \d/m);
    const families = [...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1]);
    expect(new Set(families).size).toBe(families.length);
  }
});

test("formats are negotiated, and only OpenMetrics ends in its mark", async () => {
  const { agent } = await start([makePuppet("one")]);
  const text = await ask(agent, "/metrics");
  expect(text.headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(text.body.toString()).not.toContain("# EOF");
  const open = await ask(agent, "/metrics", openMetrics);
  expect(open.headers["content-type"]).toContain("application/openmetrics-text; version=1.0.0");
  expect(open.body.toString().endsWith("\n# EOF\n")).toBe(true);
  expect(open.headers["vary"]).toBe("Accept, Accept-Encoding");
  expect(Number(open.headers["warpwatch-sample-age-seconds"])).toBeLessThan(1);
});

test("a packed page is the same page, and is packed once per sample", async () => {
  const puppet = makePuppet("one");
  const { agent } = await start([puppet], { "sampling.fast-period": "1h" });
  const gzip = { "Accept-Encoding": "gzip" };
  const packed = await ask(agent, "/metrics", gzip);
  expect(packed.headers["content-encoding"]).toBe("gzip");
  expect(gunzipSync(packed.body).toString()).toContain("one_value");
  const again = await Promise.all(Array.from({ length: 5 }, () => ask(agent, "/metrics", gzip)));
  for (const answer of again) expect(answer.body.equals(packed.body)).toBe(true);
  expect(puppet.reads).toBe(1);
});

test("a scrape a second later shows what is true then, though the period is an hour", async () => {
  const puppet = makePuppet("one");
  const { agent } = await start([puppet], { "sampling.fast-period": "1h" });
  await ask(agent, "/metrics");
  puppet.value = 5;
  await new Promise((resolve) => setTimeout(resolve, 1050));
  expect((await ask(agent, "/metrics")).body.toString()).toContain('one_value{device="a"} 5\n');
});

test("a HEAD says what a GET would, without the body", async () => {
  const { agent } = await start([makePuppet("one")]);
  const head = await ask(agent, "/metrics", {}, "HEAD");
  expect([head.status, head.body.length]).toEqual([200, 0]);
  expect(Number(head.headers["content-length"])).toBeGreaterThan(1000);
});

test("healthy and ready answer, and the landing page lists sources with their reasons escaped", async () => {
  const none = makePuppet("none");
  none.open = () => ({ absent: "<script>alert(1)</script>" });
  const { agent } = await start([makePuppet("one"), none]);
  expect((await ask(agent, "/-/healthy")).status).toBe(200);
  expect((await ask(agent, "/-/ready")).status).toBe(200);
  const page = await ask(agent, "/");
  expect(page.headers["content-security-policy"]).toContain("default-src 'none'");
  expect(page.body.toString()).toContain("&lt;script&gt;");
  expect(page.body.toString()).not.toContain("<script>");
});

describe("requests that get no metrics", () => {
  test.each([
    ["another site's name", "/metrics", { Host: "evil.example" }, 403],
    ["another site's page", "/metrics", { Origin: "http://evil.example" }, 403],
    ["a path nobody serves", "/debug", {}, 404],
    ["a path with two slashes", "//metrics", {}, 400],
    ["a path that is encoded", "/%6detrics", {}, 404],
    ["dots", "/-/../metrics", {}, 400],
  ])("%s", async (_name, path, headers, status) => {
    const { agent } = await start([makePuppet("one")]);
    const host = "Host" in headers ? headers.Host : new URL(agent.address).host;
    const origin = "Origin" in headers ? `Origin: ${headers.Origin}\r\n` : "";
    const answer = await sendRaw(
      agent,
      `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${origin}Connection: close\r\n\r\n`,
    );
    expect(answer.split("\r\n")[0]).toContain(` ${status} `);
    expect(answer).not.toContain("one_value");
  });

  test("a POST, with or without a body", async () => {
    const { agent } = await start([makePuppet("one")]);
    expect((await ask(agent, "/metrics", {}, "POST")).status).toBe(405);
    const withBody = await ask(agent, "/metrics", {}, "POST", "x".repeat(10));
    expect([withBody.status, withBody.headers["connection"]]).toEqual([413, "close"]);
  });

  test("a body announced in pieces, or with a question first", async () => {
    const { agent } = await start([makePuppet("one")]);
    const { host } = new URL(agent.address);
    const head = `GET /metrics HTTP/1.1\r\nHost: ${host}\r\n`;
    for (const more of [
      "Transfer-Encoding: chunked\r\n\r\n",
      "Expect: 100-continue\r\nContent-Length: 9\r\n\r\n",
    ])
      expect(await sendRaw(agent, head + more)).toMatch(/^HTTP\/1\.1 413 /);
  });

  test("headers over 16 KiB, no Host, and what isn't HTTP", async () => {
    const { agent } = await start([makePuppet("one")]);
    const { host } = new URL(agent.address);
    const long = `GET / HTTP/1.1\r\nHost: ${host}\r\nX: ${"x".repeat(20_000)}\r\n\r\n`;
    expect(await sendRaw(agent, long)).toMatch(/^HTTP\/1\.1 431 /);
    expect(await sendRaw(agent, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n")).toMatch(/ 400 /);
    expect(await sendRaw(agent, "\u0016\u0003\u0001\r\n\r\n")).toMatch(/ 400 /);
    expect((await ask(agent, "/metrics")).status).toBe(200);
  });
});

test("what was answered and refused is counted, without labels from outside", async () => {
  const { agent } = await start([makePuppet("one")], { "sampling.fast-period": "100ms" });
  await ask(agent, "/nothing-of-the-kind");
  await ask(agent, "/-/healthy", {}, "PATCH");
  await new Promise((resolve) => setTimeout(resolve, 1100));
  await ask(agent, "/metrics");
  await new Promise((resolve) => setTimeout(resolve, 1100));
  const text = (await ask(agent, "/metrics")).body.toString();
  expect(text).toContain('{route="refused",method="GET",code="404"} 1');
  expect(text).toContain('{route="refused",method="other",code="405"} 1');
  expect(text).toContain('{route="/metrics",method="GET",code="200"} 1');
  expect(text).not.toContain("nothing-of-the-kind");
});

test("a taken port is one sentence that names the flag, and leaves nothing behind", async () => {
  const { agent } = await start([makePuppet("one")]);
  const { port } = new URL(agent.address);
  const second = makePuppet("two");
  await expect(start([second], { "web.listen-address": `127.0.0.1:${port}` })).rejects.toThrow(
    expect.objectContaining({
      code: "LISTEN_FAILED",
      message: expect.stringMatching(/port is taken.*--web\.listen-address/),
    }),
  );
  expect(second.opens).toBe(0);
});

test("the first start says where the token is, and not the token", async () => {
  const { folder, logLines } = await start([makePuppet("one")]);
  const { token } = readLocalToken(folder);
  expect(logLines.filter((line) => line.includes(token))).toEqual([]);
  expect(logLines.filter((line) => line.includes(`${folder}/token`)).length).toBe(1);
});

test("the control socket tells the state and goes away with the agent", async () => {
  const none = makePuppet("none");
  none.open = noSuchPlace;
  const { agent, folder } = await start([none]);
  const path = controlPath(folder);
  expect(await sendControl(path, { command: "status" })).toMatchObject({
    node: "n1",
    sources: [{ name: "none", state: "absent", reason: "this machine has none" }],
  });
  await agent.stop();
  expect(existsSync(path)).toBe(false);
  await expect(ask(agent, "/metrics")).rejects.toThrow(/ECONNREFUSED/);
});

test("the signal that would open Node's inspector does nothing", async () => {
  await start([makePuppet("one")]);
  process.kill(process.pid, "SIGUSR1");
  await new Promise((resolve) => setTimeout(resolve, 100));
  const { url } = await import("node:inspector");
  expect(url()).toBeUndefined();
});
