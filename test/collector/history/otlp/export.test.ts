import { afterEach, expect, it } from "vitest";
import { startOtlpExport } from "../../../../collector/history/otlp/export.ts";
import { otlpExportSchema } from "../../../../collector/history/otlp/settings.ts";
import { createIngest, defaultIngestLimits } from "../../../../collector/ingest/door.ts";
import { createEnv } from "../../../../core/kit/env.ts";
import { createSelfMetrics } from "../../../../core/kit/self-metrics.ts";
import { startOtlpSink } from "../../../kit/otlp-sink.ts";
import { createFrameMaker, quietLog, testOrigin } from "../../../kit/rule-bench.ts";

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});

async function open() {
  const sink = await startOtlpSink();
  undo.push(sink.close);
  const env = createEnv({ randomId: () => "00000000" });
  const metrics = createSelfMetrics({ clock: env.clock, processMetrics: false });
  const common = { clock: env.clock, log: quietLog, metrics };
  const ingest = createIngest({ ...common, limits: defaultIngestLimits });
  const [endpoint] = otlpExportSchema.parse([{ name: "sink", url: sink.url }]);
  const out = startOtlpExport({
    env,
    log: quietLog,
    metrics,
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
  return { ingest, metrics, lines, until, out };
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
