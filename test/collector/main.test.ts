import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { collectorSchema } from "../../collector/config.ts";
import { startCollector, type Collector } from "../../collector/main.ts";
import { gpu } from "../../core/catalog/index.ts";
import { parseConfig } from "../../core/kit/config.ts";
import { createEnv } from "../../core/kit/env.ts";
import { createFrameMaker, quietLog, type Sample } from "../kit/rule-bench.ts";

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).toReversed()) await close();
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "warpwatch-collector-"));
  open.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const env = createEnv({ node: "here" });

async function start(yaml = "", folder = newFolder()): Promise<Collector> {
  const config = parseConfig(`listen: 127.0.0.1:0\n${yaml}`, "c.yaml", collectorSchema);
  const collector = await startCollector({
    env,
    log: quietLog,
    config,
    defaultStateFolder: folder,
  });
  let stopped: Promise<void> | null = null;
  const stop = (): Promise<void> => (stopped ??= collector.stop());
  open.push(stop);
  return { ...collector, stop };
}

interface CallOptions {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

async function call(collector: Collector, path: string, options: CallOptions = {}) {
  const response = await fetch(`${collector.address}${path}`, {
    ...options,
    headers: {
      authorization: `Bearer ${collector.token.token}`,
      ...(options.body === undefined ? {} : { "content-type": "application/json" }),
      ...options.headers,
    },
  });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") ?? false;
  return {
    status: response.status,
    headers: response.headers,
    body: isJson ? JSON.parse(text) : text,
  };
}

const labels = {
  gpu: "0",
  UUID: "GPU-1",
  pci_bus_id: "x",
  device: "nvidia0",
  modelName: "H100",
  Hostname: "node-1",
};
const heat = (celsius: number): Sample => ({ metric: gpu.temperature, labels, value: celsius });

/** Stands for a receiver of webhooks; remembers the bodies. */
async function receiver(): Promise<{ url: string; bodies: string[] }> {
  const bodies: string[] = [];
  const server: Server = createServer((incoming, response) => {
    let body = "";
    incoming.on("data", (chunk: Buffer) => (body += chunk.toString()));
    incoming.on("end", () => {
      bodies.push(body);
      response.end("{}");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  open.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, bodies };
}

describe("the collector", () => {
  it("tells of a breach and of its end, and shows both", async () => {
    const { url, bodies } = await receiver();
    const collector = await start(
      `rules: {GpuHot: {for: 0s}}\nnotifiers: [{type: webhook, url: "${url}"}]`,
    );
    const make = createFrameMaker();
    collector.frameSink.accept(make(env.clock.now(), [heat(90)]));
    expect(collector.alerts()[0]).toMatchObject({ rule: "GpuHot", state: "firing" });
    await vi.waitFor(() => expect(bodies).toHaveLength(1), 20_000);
    const listed = await call(collector, "/api/v1/alerts");
    expect(listed.body.alerts[0].annotations.summary).toBe("GPU 0 of node-1 is at 90 °C");
    await new Promise((resolve) => setTimeout(resolve, 5));
    collector.frameSink.accept(make(env.clock.now(), [heat(70)]));
    await vi.waitFor(() => expect(bodies).toHaveLength(2), 20_000);
    const { body } = await call(collector, "/api/v1/alerts");
    // Of its own outbox it may just have seen that something waits there.
    const rules = body.alerts.map(({ rule }: { rule: string }) => rule);
    expect(rules).not.toContain("GpuHot");
  });

  it("takes up alerts where it left them, and tells nobody twice", async () => {
    const { url, bodies } = await receiver();
    const folder = newFolder();
    const yaml = `rules: {GpuHot: {for: 0s}}\nnotifiers: [{type: webhook, url: "${url}"}]`;
    const first = await start(yaml, folder);
    const make = createFrameMaker();
    first.frameSink.accept(make(env.clock.now(), [heat(90)]));
    await vi.waitFor(() => expect(bodies).toHaveLength(1), 20_000);
    await first.stop();
    const second = await start(yaml, folder);
    expect(second.alerts()[0]).toMatchObject({ state: "firing", unknown: true });
    expect(second.token).toMatchObject({ token: first.token.token, created: false });
    second.frameSink.accept(make(env.clock.now(), [heat(91)]));
    expect(second.alerts()[0]).toMatchObject({ state: "firing", unknown: false });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(bodies).toHaveLength(1);
  });

  it("keeps its token and its state for its owner only", async () => {
    const folder = newFolder();
    const collector = await start("", folder);
    expect(collector.token.created).toBe(true);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(collector.token.file).mode & 0o777).toBe(0o600);
  });

  it("shows nodes, GPUs and events, and the fleet among its metrics", async () => {
    const collector = await start();
    const make = createFrameMaker();
    const device = {
      kind: "gpu",
      id: "GPU-1",
      node: "node-1",
      name: "gpu0",
      model: "H100",
      place: { cluster: "", region: "", rack: "", chassis: "", slot: "" },
    } as const;
    collector.frameSink.accept(make(env.clock.now(), [{ ...heat(60), device }]));
    collector.eventSink.accept({
      node: "node-1",
      boot: "b",
      sequence: 1,
      timeMilliseconds: 5,
      kind: "xid",
      device: "GPU-1",
      text: "XID 79",
      fields: {},
    });
    await vi.waitFor(async () => {
      expect((await call(collector, "/-/ready")).status).toBe(200);
      const { body } = await call(collector, "/api/v1/nodes");
      expect(body.nodes[0]).toMatchObject({ node: "node-1", state: "up", gpusExpected: 1 });
    }, 20_000);
    const overview = (await call(collector, "/api/v1/overview")).body;
    expect(overview.nodes[0].gpus[0]).toMatchObject({
      uuid: "GPU-1",
      temperatureCelsius: 60,
      state: "ok",
    });
    expect((await call(collector, "/api/v1/events?node=node-1")).body.events).toHaveLength(1);
    expect((await call(collector, "/api/v1/events?node=other")).body.events).toEqual([]);
    const metrics = await call(collector, "/metrics", { headers: { accept: "text/plain" } });
    expect(metrics.body).toContain('warpwatch_fleet_node_up{node="node-1"} 1');
    expect(metrics.body).toContain('warpwatch_events_received_total{kind="xid"} 1');
    expect(metrics.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  });

  it("takes planned removals from an operator, and refuses what isn't one", async () => {
    const collector = await start();
    const post = (body: string) => call(collector, "/api/v1/removals", { method: "POST", body });
    expect((await post('{"node":"n1","device":"GPU-1"}')).status).toBe(201);
    expect((await call(collector, "/api/v1/removals")).body.removals).toMatchObject([
      { node: "n1", device: "GPU-1", source: "request" },
    ]);
    for (const bad of ["{}", '{"node":""}', '{"node":"a","x":1}', "[]", "not json", ""]) {
      const answer = await post(bad);
      expect(answer.status).toBe(400);
      expect(answer.body.error).not.toMatch(/\n|at .*\.js/);
    }
    const remove = (query: string) =>
      call(collector, `/api/v1/removals?${query}`, { method: "DELETE" });
    expect((await remove("node=n1&device=GPU-2")).status).toBe(404);
    expect((await remove("node=n1&device=GPU-1")).status).toBe(200);
  });

  it("follows its fleet file, and stays with what it said when that is broken", async () => {
    const file = join(newFolder(), "fleet.yaml");
    writeFileSync(file, "nodes: [{name: far, gpus: 8}]\n");
    const collector = await start(`fleet: {file: "${file}"}`);
    const nodes = async () => (await call(collector, "/api/v1/nodes")).body.nodes;
    await vi.waitFor(
      async () => expect(await nodes()).toMatchObject([{ node: "far", gpusExpected: 8 }]),
      20_000,
    );
    writeFileSync(file, "nodes: [{nmae: far}]\n# longer\n");
    await new Promise((resolve) => setTimeout(resolve, 1200));
    expect(await nodes()).toMatchObject([{ node: "far", gpusExpected: 8 }]);
    writeFileSync(file, "nodes: [{name: far, gpus: 4}]\n# still longer\n");
    await vi.waitFor(
      async () => expect(await nodes()).toMatchObject([{ gpusExpected: 4 }]),
      20_000,
    );
  });

  it("says in one sentence that its port is taken, and leaves nothing behind", async () => {
    const first = await start();
    const port = new URL(first.address).port;
    const folder = newFolder();
    const config = parseConfig(`listen: 127.0.0.1:${port}`, "c.yaml", collectorSchema);
    const again = () => startCollector({ env, log: quietLog, config, defaultStateFolder: folder });
    await expect(again()).rejects.toThrow(
      `can't listen on 127.0.0.1:${port}: the port is taken; \`listen\` sets another`,
    );
    // The state folder is free again.
    await start("", folder);
  });
});

describe("the collector's server", () => {
  it("lets this machine read pages, metrics and health, and nothing else without the token", async () => {
    const collector = await start();
    const status = async (path: string, method = "GET"): Promise<number> =>
      (await fetch(`${collector.address}${path}`, { method })).status;
    for (const path of ["/", "/console.js", "/console.css", "/metrics", "/-/healthy"])
      expect([path, await status(path)]).toEqual([path, 200]);
    for (const path of ["overview", "alerts", "nodes", "targets", "events", "removals", "status"])
      expect([path, await status(`/api/v1/${path}`)]).toEqual([path, 401]);
    expect(await status("/api/v1/removals", "POST")).toBe(401);
    expect(await status("/api/v1/removals", "DELETE")).toBe(401);
    expect(await status("/api/v1/nothing")).toBe(404);
    expect(await status("/etc/passwd")).toBe(404);
    expect(await status("/metrics", "POST")).toBe(405);
  });

  it("refuses other names, other sites and wrong tokens", async () => {
    const collector = await start();
    const { port } = new URL(collector.address);
    const ask = (headers: Record<string, string>): Promise<number> =>
      new Promise((resolve, reject) => {
        const asked = request({ port, path: "/api/v1/alerts", headers }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        });
        asked.on("error", reject);
        asked.end();
      });
    const good = { authorization: `Bearer ${collector.token.token}` };
    expect(await ask(good)).toBe(200);
    expect(await ask({ ...good, host: "evil.example" })).toBe(403);
    expect(await ask({ ...good, origin: "http://evil.example" })).toBe(403);
    expect(await ask({ authorization: "Bearer wrong" })).toBe(401);
  });

  it("bounds the body of a request", async () => {
    const collector = await start();
    const body = JSON.stringify({ node: "x".repeat(100_000) });
    const answer = await call(collector, "/api/v1/removals", { method: "POST", body });
    expect(answer.status).toBe(413);
  });

  it("counts requests by route, and never by what a caller spells out", async () => {
    const collector = await start();
    await call(collector, "/api/v1/alerts");
    await call(collector, "/made-up-by-a-caller");
    await vi.waitFor(async () => {
      const { body } = await call(collector, "/metrics");
      expect(body).toContain('route="/api/v1/alerts",method="GET",code="200"} 1');
      expect(body).toContain('route="refused",method="GET",code="404"} 1');
      expect(body).not.toContain("made-up");
    }, 20_000);
  });
});
