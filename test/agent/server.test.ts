/** The agent's server by itself: what it says before and after the samples are fresh, to strangers, and to too many. */
import { createHolders } from "../../agent/attribution/holders.ts";
import { connect, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { expect, onTestFinished, test } from "vitest";
import { startServer, type AgentServer } from "../../agent/server.ts";
import { createSystemClock } from "../../core/kit/clock.ts";
import { createLog } from "../../core/kit/log.ts";
import { createSelfMetrics } from "../../core/kit/self-metrics.ts";
import { makeBench, makePuppet, type SamplerBench } from "../kit/sampler-bench.ts";

const token = "t".repeat(43);

async function start(host = "127.0.0.1"): Promise<{ server: AgentServer; bench: SamplerBench }> {
  const bench = makeBench([makePuppet("one")]);
  const clock = createSystemClock();
  const server = await startServer({
    config: {
      listen: { host, port: 0 },
      telemetryPath: "/metrics",
      hostNames: [],
      webConfigFile: "",
    },
    node: "n1",
    token,
    holders: createHolders(),
    sampler: bench.sampler,
    metrics: createSelfMetrics({ clock, processMetrics: false }),
    freshMilliseconds: 4000,
    clock,
    log: createLog({ clock, write: () => undefined }),
  });
  onTestFinished(() => server.close());
  return { server, bench };
}

async function statusOf(url: string, authorization?: string): Promise<number> {
  const headers: Record<string, string> = authorization ? { Authorization: authorization } : {};
  const answer = await fetch(url, { headers });
  await answer.arrayBuffer();
  return answer.status;
}

test("before the first frame there is no page rather than half of one", async () => {
  const { server, bench } = await start();
  expect(await statusOf(`${server.address}/metrics`)).toBe(503);
  expect(await statusOf(`${server.address}/-/ready`)).toBe(503);
  expect(await statusOf(`${server.address}/-/healthy`)).toBe(200);
  await bench.sampler.start();
  expect(await statusOf(`${server.address}/metrics`)).toBe(200);
  expect(await statusOf(`${server.address}/-/ready`)).toBe(200);
});

test("an agent whose sampling stands still is healthy and not ready", async () => {
  const { server, bench } = await start();
  await bench.sampler.start();
  bench.sampler.stop();
  await bench.clock.advance(4001);
  expect(await statusOf(`${server.address}/-/ready`)).toBe(503);
  expect(await statusOf(`${server.address}/-/healthy`)).toBe(200);
});

const outside = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address;

test.skipIf(outside === undefined)(
  "from beyond loopback every page needs the token, and ten wrong ones close the door",
  async () => {
    const { server, bench } = await start("0.0.0.0");
    await bench.sampler.start();
    const url = `http://${outside}:${new URL(server.address).port}`;
    for (const path of ["/metrics", "/", "/-/healthy", "/-/ready"])
      expect(await statusOf(url + path)).toBe(401);
    expect(await statusOf(`${url}/metrics`, `Bearer ${token}`)).toBe(200);
    for (let attempt = 0; attempt < 10; attempt += 1)
      expect(await statusOf(`${url}/metrics`, "Bearer wrong")).toBe(401);
    expect(await statusOf(`${url}/metrics`, `Bearer ${token}`)).toBe(429);
    expect(await statusOf(`http://127.0.0.1:${new URL(server.address).port}/metrics`)).toBe(200);
  },
);

test("connections past the bound are closed at once and counted, and the rest are served", async () => {
  const { server, bench } = await start();
  await bench.sampler.start();
  const { port } = new URL(server.address);
  const sockets: Socket[] = [];
  let closed = 0;
  for (let index = 0; index < 520; index += 1) {
    const socket = connect(Number(port), "127.0.0.1");
    socket.on("error", () => undefined);
    socket.once("close", () => (closed += 1));
    sockets.push(socket);
  }
  await expect.poll(() => closed, { timeout: 20_000 }).toBe(8);
  for (const socket of sockets.slice(0, 20)) socket.destroy();
  await expect.poll(() => statusOf(`${server.address}/-/healthy`).catch(() => 0)).toBe(200);
  const page = await (await fetch(`${server.address}/metrics`)).text();
  expect(page).toMatch(/^warpwatch_http_dropped_connections_total ([89]|\d\d)$/m);
  for (const socket of sockets) socket.destroy();
});
