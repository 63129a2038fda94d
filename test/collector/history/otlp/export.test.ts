import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { startOtlpExport } from "../../../../collector/history/otlp/export.ts";
import { otlpExportSchema } from "../../../../collector/history/otlp/settings.ts";
import { createIngest, defaultIngestLimits } from "../../../../collector/ingest/door.ts";
import { createEnv } from "../../../../core/kit/env.ts";
import { createSelfMetrics } from "../../../../core/kit/self-metrics.ts";
import { makeFolder } from "../../../kit/folder.ts";
import { startOtlpSink, type OtlpSink } from "../../../kit/otlp-sink.ts";
import { createFrameMaker, quietLog, testOrigin } from "../../../kit/rule-bench.ts";

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});

interface Opening {
  readonly sink?: OtlpSink;
  readonly folder?: string;
  readonly settings?: Readonly<Record<string, unknown>>;
}

async function open({ sink: given, folder = makeFolder(), settings = {} }: Opening = {}) {
  const sink = given ?? (await startOtlpSink());
  if (!given) undo.push(sink.close);
  const env = createEnv({ randomId: () => "00000000" });
  const metrics = createSelfMetrics({ clock: env.clock, processMetrics: false });
  const common = { clock: env.clock, log: quietLog, metrics };
  const ingest = createIngest({ ...common, limits: defaultIngestLimits });
  const [endpoint] = otlpExportSchema.parse([{ name: "sink", url: sink.url, ...settings }]);
  const out = startOtlpExport({
    env,
    log: quietLog,
    metrics,
    folder,
    endpoints: endpoint ? [{ ...endpoint, intervalMilliseconds: 5 }] : [],
    origins: () => ingest.origins(),
  });
  ingest.listen(out.listener);
  undo.push(() => out.close());
  /** `resource metric value @time` of every point that arrived. */
  const lines = (): string[] =>
    sink.received.flatMap(({ resources }) =>
      resources.flatMap(({ attributes, metrics }) =>
        metrics.flatMap(({ name, data }) =>
          data.points.map((point) => {
            const resource = (attributes.read() ?? []).map(({ value }) => value).join(" ");
            const value = "value" in point ? point.value : "";
            return `${resource} ${name} ${value} @${point.timeMilliseconds}`;
          }),
        ),
      ),
    );
  const until = (count: number): Promise<void> =>
    expect.poll(() => lines().length, { interval: 5 }).toBeGreaterThanOrEqual(count);
  return { ingest, metrics, lines, until, out, sink };
}

it("sends each origin's newest samples on, once for each frame, with whose they are", async () => {
  const { ingest, lines, until, metrics, out } = await open();
  const node = createFrameMaker();
  const other = createFrameMaker({ node: "", job: "trainer", instance: "a1", boot: "b" });
  const now = Math.floor(Date.now());
  ingest.accept(
    node(now, [
      { metric: "node_load1", value: 1 },
      { metric: "gone", value: undefined },
    ]),
  );
  ingest.accept(other(now, [{ metric: "train_loss", value: 2.5 }]));
  await until(2);
  ingest.accept(
    node(now + 1000, [
      { metric: "node_load1", value: 1 },
      { metric: "gone", value: undefined },
    ]),
  );
  await until(3);
  const counted = 'warpwatch_otlp_export_points_total{store="sink"} 3';
  // The page is a second old at most.
  await expect.poll(() => metrics.render("text"), { timeout: 5000 }).toContain(counted);
  await out.close();
  expect(lines()).toEqual([
    `warpwatch node-1:9410 node-1 node_load1 1 @${now}`,
    `trainer a1 train_loss 2.5 @${now}`,
    `warpwatch node-1:9410 node-1 node_load1 1 @${now + 1000}`,
  ]);
  expect(await metrics.render("text")).toContain(
    'warpwatch_otlp_export_points_dropped_total{store="sink",reason="refused"} 0',
  );
});

it("sends of a partial frame only what it brought, under its own time", async () => {
  const { ingest, lines, until, out } = await open();
  const make = createFrameMaker({ ...testOrigin, boot: "partial" });
  const now = Math.floor(Date.now());
  const of = (load: number | undefined, up: number | undefined) => [
    { metric: "node_load1", value: load },
    { metric: "up", value: up },
  ];
  ingest.accept(make(now, of(1, 1), { complete: false }));
  await until(2);
  ingest.accept(make(now + 1000, of(undefined, 0), { complete: false }));
  await until(3);
  await out.close();
  expect(lines().slice(2)).toEqual([`warpwatch node-1:9410 node-1 up 0 @${now + 1000}`]);
});

it("is told by its settings what it can't use", () => {
  const errors = (entry: Readonly<Record<string, unknown>>): string =>
    otlpExportSchema.safeParse([{ name: "a", url: "http://otel:4318", ...entry }]).error?.issues[0]
      ?.message ?? "";
  expect(errors({})).toBe("");
  expect(errors({ url: "otel:4318" })).toBe("must be an http:// or https:// address");
  expect(errors({ headers: { Authorization: "x" } })).toMatch(/key/);
  expect(errors({ interval: "100ms" })).toBe("must be 1s to 1h");
  expect(
    otlpExportSchema.safeParse([
      { name: "a", url: "http://b" },
      { name: "a", url: "http://c" },
    ]).success,
  ).toBe(false);
});

it("keeps what waits on disk over a restart, in its order and however it is packed then, and counts what was damaged", async () => {
  const folder = makeFolder();
  const settings = { buffer_bytes: 2 ** 20 };
  const sink = await startOtlpSink();
  undo.push(sink.close);
  sink.answer = () => ({ status: 503 });
  const before = await open({ sink, folder, settings });
  const frame = createFrameMaker();
  const now = Math.floor(Date.now());
  const waiting = (): string[] =>
    readdirSync(join(folder, "sink")).filter((name) => name.endsWith(".batch"));
  for (const value of [1, 2, 3]) {
    before.ingest.accept(frame(now + value, [{ metric: "node_load1", value }]));
    await expect.poll(() => waiting().length, { interval: 5 }).toBe(value);
  }
  await before.out.close();
  const [, second = ""] = waiting().toSorted();
  writeFileSync(join(folder, "sink", second), "damaged");
  sink.received.length = 0;
  sink.answer = () => ({ status: 200 });
  const after = await open({ sink, folder, settings: { ...settings, compression: "none" } });
  await after.until(2);
  expect(after.lines().map((line) => line.replace(/^.* (?=node_load1)/, ""))).toEqual([
    `node_load1 1 @${now + 1}`,
    `node_load1 3 @${now + 3}`,
  ]);
  expect(sink.received.map(({ headers }) => headers["content-encoding"])).toEqual([
    undefined,
    undefined,
  ]);
  await expect.poll(() => waiting()).toEqual([]);
  expect(await after.metrics.render("text")).toContain(
    'warpwatch_otlp_export_points_dropped_total{store="sink",reason="unreadable"} 1',
  );
});

it("lets the oldest go where more would wait on disk than may, and counts them", async () => {
  const folder = makeFolder();
  const sink = await startOtlpSink();
  undo.push(sink.close);
  sink.answer = () => ({ status: 503 });
  const { ingest, metrics } = await open({
    sink,
    folder,
    settings: { buffer_bytes: 2 ** 20, compression: "none" },
  });
  const frame = createFrameMaker();
  const now = Math.floor(Date.now());
  const samples = Array.from({ length: 4000 }, (_, index) => ({
    metric: "m",
    labels: { text: `${index} ${"x".repeat(100)}` },
    value: index,
  }));
  const dropped = async (): Promise<string> =>
    /points_dropped_total\{store="sink",reason="queue_full"\} (\d+)/.exec(
      await metrics.render("text"),
    )?.[1] ?? "";
  for (let round = 1; round <= 4 && (await dropped()) === "0"; round += 1) {
    const { length } = readdirSync(join(folder, "sink"));
    ingest.accept(frame(now + round, samples));
    await expect
      .poll(
        async () => readdirSync(join(folder, "sink")).length > length || (await dropped()) !== "0",
      )
      .toBe(true);
  }
  expect(await dropped()).toBe("4000");
});
