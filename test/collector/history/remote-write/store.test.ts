import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import {
  createRemoteStores,
  type RemoteStoreListener,
} from "../../../../collector/history/remote-write/store.ts";
import { remoteStoresSchema } from "../../../../collector/history/remote-write/settings.ts";
import { createIngest, defaultIngestLimits } from "../../../../collector/ingest/door.ts";
import { createEnv } from "../../../../core/kit/env.ts";
import { createSelfMetrics } from "../../../../core/kit/self-metrics.ts";
import { decodeSnappy } from "../../../../core/wire/snappy.ts";
import { createWriteRequestReader } from "../../../../core/wire/write-request-v1.ts";
import { createWriteRequestV2Reader } from "../../../../core/wire/write-request-v2.ts";
import { defaultWriteRequestLimits } from "../../../../core/wire/write-request.ts";
import { makeFolder } from "../../../kit/folder.ts";
import { createFrameMaker, quietLog, testOrigin, type Sample } from "../../../kit/rule-bench.ts";

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
}

interface TestStore {
  readonly url: string;
  readonly requests: {
    readonly headers: NodeJS.Dict<string | string[]>;
    readonly lines: string[];
  }[];
  /** Of all requests that were accepted, in their order. */
  readonly accepted: string[];
  answer: (lines: readonly string[]) => Answer;
}

/** Stands for a store: reads what comes and answers what the test says. */
async function startStore(): Promise<TestStore> {
  const store: TestStore = { url: "", requests: [], accepted: [], answer: () => ({ status: 204 }) };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const isV2 = String(request.headers["content-type"]).includes("v2.Request");
      const lines = readLines(Buffer.concat(chunks), isV2);
      store.requests.push({ headers: request.headers, lines });
      const { status, headers } = store.answer(lines);
      if (status === 204) store.accepted.push(...lines);
      response.writeHead(status, headers).end(status === 204 ? "" : "because of the test");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  undo.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return Object.assign(store, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/write`,
  });
}

function readLines(body: Buffer, isV2: boolean): string[] {
  const names: string[] = [];
  const create = isV2 ? createWriteRequestV2Reader : createWriteRequestReader;
  const reader = create(
    defaultWriteRequestLimits,
    (labels) =>
      names.push((labels ?? []).map(({ name, value }) => `${name}=${value}`).join(",")) - 1,
  );
  const { length, series, times, values, words } = reader.read(decodeSnappy(body, 1e8));
  return Array.from({ length }, (_, at) => {
    const isStale = words[at * 2] === 2 && words[at * 2 + 1] === 0x7ff0_0000;
    return `${names[series[at] ?? 0]} ${isStale ? "ended" : values[at]} @${(times[at] ?? 0) - began}`;
  });
}

const began = Math.floor(Date.now()) - 60_000;
const place = "instance=node-1:9410,job=warpwatch";

function open(store: TestStore, folder: string, settings: Readonly<Record<string, unknown>> = {}) {
  const env = createEnv();
  const metrics = createSelfMetrics({ clock: env.clock, processMetrics: false });
  const stores = createRemoteStores({
    env,
    log: quietLog,
    metrics,
    folder,
    gatherMilliseconds: 20,
    stores: remoteStoresSchema.parse([{ name: "fleet", url: store.url, ...settings }]),
  });
  const ingest = createIngest({
    clock: env.clock,
    log: quietLog,
    metrics,
    limits: defaultIngestLimits,
  });
  for (const listener of stores.listeners) ingest.listen(listener);
  let closed: Promise<void> | null = null;
  const close = (): Promise<void> => (closed ??= stores.close());
  undo.push(close);
  const counted = async (): Promise<string[]> =>
    (await metrics.render("text")).match(
      /^warpwatch_remote_store_(requests|samples)\S+ [1-9]\d*$/gm,
    ) ?? [];
  const [listener] = stores.listeners;
  return { ingest, close, counted, listener: listener as RemoteStoreListener };
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error("it did not come");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Metrics are rendered at most once a second. */
async function untilCounted(
  counted: () => Promise<string[]>,
  lines: readonly string[],
): Promise<void> {
  const hasAll = async (): Promise<void> =>
    expect(await counted()).toEqual(expect.arrayContaining([...lines]));
  await vi.waitFor(hasAll, { timeout: 20_000 });
}

const one = (metric: string, value: number | undefined): Sample => ({ metric, value });

describe("a store by remote-write", () => {
  it("gets each sample once under history's name for it, and a marker where a series ends", async () => {
    const store = await startStore();
    const { ingest, close } = open(store, makeFolder(), {
      labels: { cluster: "c1", job: "other" },
    });
    const frame = createFrameMaker();
    ingest.accept(frame(began + 1000, [one("a", 1), one("b", 2)]));
    ingest.accept(frame(began + 2000, [one("a", 3), one("b", undefined)]));
    ingest.accept(frame(began + 3000, [one("c", 4)]));
    ingest.accept(frame(began + 4000, [one("c", 5)], { complete: false }));
    await until(() => store.accepted.length === 7);
    await close();
    const labels = "cluster=c1,instance=node-1:9410,job=warpwatch,node=node-1";
    expect(store.accepted).toEqual([
      `__name__=a,${labels} 1 @1000`,
      `__name__=b,${labels} 2 @1000`,
      `__name__=a,${labels} 3 @2000`,
      `__name__=b,${labels} ended @2000`,
      `__name__=a,${labels} ended @3000`,
      `__name__=c,${labels} 4 @3000`,
      `__name__=c,${labels} 5 @4000`,
    ]);
    expect(store.requests[0]?.headers).toMatchObject({
      "content-encoding": "snappy",
      "content-type": "application/x-protobuf",
      "x-prometheus-remote-write-version": "0.1.0",
    });
  });

  it("speaks 2.0, with the user's own headers and the token as it is now", async () => {
    const folder = makeFolder();
    const store = await startStore();
    const tokenFile = join(folder, "token");
    writeFileSync(tokenFile, "first\n");
    const { ingest } = open(store, folder, {
      protocol: "2.0",
      token_file: tokenFile,
      headers: { "x-scope-orgid": "fleet" },
    });
    const frame = createFrameMaker();
    ingest.accept(frame(began, [one("a", Number.NaN), one("b", -0)]));
    await until(() => store.accepted.length === 2);
    writeFileSync(tokenFile, "second\n");
    ingest.accept(frame(began + 1, [one("a", undefined), one("b", 1)]));
    await until(() => store.accepted.length === 4);
    expect(store.accepted[2]).toBe(`__name__=a,${place},node=node-1 ended @1`);
    expect(store.requests.map(({ headers }) => headers["authorization"])).toEqual([
      "Bearer first",
      "Bearer second",
    ]);
    expect(store.requests[0]?.headers).toMatchObject({
      "content-type": "application/x-protobuf;proto=io.prometheus.write.v2.Request",
      "x-prometheus-remote-write-version": "2.0.0",
      "x-scope-orgid": "fleet",
    });
  });

  it.each([500, 503, 429, 401, 404])(
    "sends again in order what was answered %i",
    async (status) => {
      const store = await startStore();
      const { ingest, counted } = open(store, makeFolder());
      let failures = 2;
      store.answer = () => (failures-- > 0 ? { status } : { status: 204 });
      const frame = createFrameMaker();
      ingest.accept(frame(began + 1, [one("a", 1)]));
      await until(() => store.requests.length > 0);
      ingest.accept(frame(began + 2, [one("a", 2)]));
      await until(() => store.accepted.length === 2);
      expect(store.accepted.map((line) => line.split(" ")[1])).toEqual(["1", "2"]);
      await untilCounted(counted, [
        'warpwatch_remote_store_requests_total{store="fleet",outcome="accepted"} 2',
        'warpwatch_remote_store_requests_total{store="fleet",outcome="retry"} 2',
        'warpwatch_remote_store_samples_total{store="fleet"} 2',
      ]);
    },
  );

  it("waits as long as Retry-After says", async () => {
    const store = await startStore();
    const { ingest } = open(store, makeFolder());
    const at: number[] = [];
    store.answer = () =>
      at.push(performance.now()) === 1
        ? { status: 429, headers: { "retry-after": "1" } }
        : { status: 204 };
    ingest.accept(createFrameMaker()(began, [one("a", 1)]));
    await until(() => store.accepted.length === 1);
    expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThan(950);
  });

  it("puts one bad sample aside, and the others of its batch arrive", async () => {
    const folder = makeFolder();
    const store = await startStore();
    const { ingest, counted } = open(store, folder);
    store.answer = (lines) => ({
      status: lines.some((line) => line.includes(" 666 ")) ? 400 : 204,
    });
    const samples = Array.from({ length: 100 }, (_, at) => one(`m${at}`, at === 37 ? 666 : at));
    ingest.accept(createFrameMaker()(began, samples));
    await until(() => store.accepted.length === 99);
    await until(() => readdirSync(refusedFolder(folder)).length === 1);
    expect(new Set(store.accepted).size).toBe(99);
    await untilCounted(counted, [
      'warpwatch_remote_store_samples_dropped_total{store="fleet",reason="refused"} 1',
    ]);
    ingest.accept(createFrameMaker({ ...testOrigin, boot: "b" })(began + 1, [one("next", 1)]));
    await until(() => store.accepted.length >= 100);
  });

  it("doesn't ask a store that refuses everything more than it must", async () => {
    const store = await startStore();
    const { ingest, counted } = open(store, makeFolder());
    store.answer = () => ({ status: 400 });
    const samples = Array.from({ length: 2000 }, (_, at) => one(`m${at}`, at));
    ingest.accept(createFrameMaker()(began, samples));
    await untilCounted(counted, [
      'warpwatch_remote_store_samples_dropped_total{store="fleet",reason="refused"} 2000',
    ]);
    expect(store.requests.length).toBeLessThan(80);
  });

  it("keeps what a store didn't take over a restart, in order", async () => {
    const folder = makeFolder();
    const store = await startStore();
    store.answer = () => ({ status: 503 });
    const first = open(store, folder);
    const frame = createFrameMaker();
    for (let round = 1; round <= 3; round += 1) {
      first.ingest.accept(frame(began + round, [one("a", round)]));
      await until(() => batchesOf(folder).length === round);
    }
    await first.close();
    store.answer = () => ({ status: 204 });
    const second = open(store, folder);
    await until(() => store.accepted.length === 3);
    expect(store.accepted.map((line) => line.split(" ")[1])).toEqual(["1", "2", "3"]);
    await until(() => batchesOf(folder).length === 0);
    await second.close();
  });

  it("goes past a batch whose file is spoiled", async () => {
    const folder = makeFolder();
    const store = await startStore();
    for (const shard of ["0", "1", "2", "3"]) {
      mkdirSync(join(folder, "fleet", shard), { recursive: true });
      writeFileSync(join(folder, "fleet", shard, "000000000001-7.batch"), "not a batch");
    }
    store.answer = () => ({ status: 204 });
    const { ingest } = open(store, folder, { protocol: "2.0" });
    ingest.accept(createFrameMaker()(began, [one("a", 1)]));
    await until(() => store.accepted.length === 1);
  });

  it("sends what comes late apart from what is now", async () => {
    const store = await startStore();
    const { listener } = open(store, makeFolder());
    listener.late(createFrameMaker()(began - 600_000, [one("a", 1)]));
    await until(() => store.accepted.length === 1);
    expect(store.accepted).toEqual([`__name__=a,${place},node=node-1 1 @-600000`]);
  });
});

function shardFolders(folder: string): string[] {
  return readdirSync(join(folder, "fleet")).map((shard) => join(folder, "fleet", shard));
}

function batchesOf(folder: string): string[] {
  return shardFolders(folder).flatMap((shard) =>
    readdirSync(shard).filter((name) => name.endsWith(".batch")),
  );
}

function refusedFolder(folder: string): string {
  const full = shardFolders(folder).find((shard) => readdirSync(join(shard, "refused")).length > 0);
  return full === undefined ? makeFolder() : join(full, "refused");
}
