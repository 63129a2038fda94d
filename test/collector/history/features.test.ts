/** Daily features: they are what a plain look at the day's samples and events gives, once per day, whatever happens meanwhile. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { gpu, memory, network } from "../../../core/catalog/index.ts";
import type { Metric } from "../../../core/catalog/metric.ts";
import type { WarpwatchEvent } from "../../../core/wire/event.ts";
import type { Frame, Schema } from "../../../core/wire/frame.ts";
import type { FeatureRow } from "../../../collector/history/job.ts";
import { createFakeClock } from "../../kit/fake-clock.ts";
import { makeFolder } from "../../kit/folder.ts";
import {
  dayMilliseconds,
  frameAt,
  metricValue,
  openHistory,
  originOf,
  startMilliseconds as start,
  type TestHistory,
} from "./kit.ts";

const available = memory.memory.metric("MemAvailable", { unit: "bytes", suffix: "_bytes" });
const today = "2026-01-10";
const hour = 3_600_000;

function seriesOf(metric: Metric, labels: Readonly<Record<string, string>>) {
  return { metric, values: metric.labels.map((name) => labels[name] ?? ""), device: null };
}

/** A GPU's gauge and counter, a NIC's counter, a virtual interface that says nothing of hardware, and the node's memory. */
function schemaOf(node: string): Schema {
  const series = [
    seriesOf(gpu.temperature, { gpu: "0", UUID: "GPU-a" }),
    seriesOf(gpu.pcieReplays, { gpu: "0", UUID: "GPU-a" }),
    seriesOf(network.receiveErrors, { device: "eth0" }),
    seriesOf(network.receiveErrors, { device: "veth12" }),
    seriesOf(available, {}),
  ];
  const groups = [{ source: "test", first: 0, length: series.length }];
  return { origin: originOf(node), version: 1, groups, series };
}

interface Sample {
  readonly atMilliseconds: number;
  readonly values: readonly (number | null)[];
}

const number = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constant(Number.NaN));
const samples = fc.array(
  fc.record({
    // Twenty minutes around midnight, and the rest of the day.
    atMilliseconds: fc.oneof(
      fc.integer({ min: -600, max: 600 }).map((second) => second * 1000),
      fc.integer({ min: 0, max: 86_399 }).map((second) => second * 1000),
    ),
    values: fc.array(fc.option(number, { freq: 5 }), { minLength: 5, maxLength: 5 }),
  }),
  { minLength: 1, maxLength: 40 },
);

test("they are what a plain look at every sample of the day gives", async () => {
  await fc.assert(
    fc.asyncProperty(samples, fc.nat(40), async (generated, cut) => {
      const clock = createFakeClock(start + dayMilliseconds);
      const history = openHistory(makeFolder(), { clock });
      const unique = new Map(generated.map((sample) => [sample.atMilliseconds, sample]));
      const ordered = [...unique.values()].toSorted(
        (one, other) => one.atMilliseconds - other.atMilliseconds,
      );
      await feed(history, ordered.slice(0, cut), 1);
      await feed(history, ordered.slice(cut), 1 + cut);
      await clock.advance(2 * hour);
      await history.makeFeatures();
      const rows = await rowsOf(history);
      await history.close();
      expect(rows.map(withoutLabels)).toEqual(model(ordered));
    }),
    { numRuns: 5 },
  );
}, 120_000);

test("minutes of a rolled-up day give the same extremes, mean, number and increase as its samples", async () => {
  const clock = createFakeClock(start);
  const history = openHistory(makeFolder(), { clock });
  const ordered = Array.from({ length: 400 }, (_, index) => ({
    atMilliseconds: index * 1000,
    // The counter is set back half-way, at a minute's beginning.
    values: [index % 17, index % 240, 0, 0, 5],
  }));
  await feed(history, ordered, 1);
  await clock.advance(2 * dayMilliseconds);
  await history.rollUp();
  await history.makeFeatures();
  expect((await rowsOf(history)).map(withoutLabels)).toEqual(model(ordered));
  await history.close();
});

test("events are counted by kind, device and XID", async () => {
  const clock = createFakeClock(start);
  const history = openHistory(makeFolder(), { clock });
  await feed(history, [{ atMilliseconds: 0, values: [1, 1, 1, 1, 1] }], 1);
  const event = (sequence: number, of: Partial<WarpwatchEvent>): WarpwatchEvent => ({
    node: "node-1",
    boot: "boot-1",
    sequence,
    timeMilliseconds: start + sequence,
    kind: "xid",
    device: "GPU-a",
    text: "",
    fields: { xid: "79" },
    ...of,
  });
  history.events.add([
    event(1, {}),
    event(2, {}),
    event(3, { fields: { xid: "31" } }),
    event(4, { kind: "link_change", device: "eth0", fields: {} }),
    event(5, { kind: "out_of_memory_kill", device: "", fields: {} }),
    event(6, { timeMilliseconds: start + dayMilliseconds }),
  ]);
  await clock.advance(dayMilliseconds + 2 * hour);
  await history.makeFeatures();
  const rows = (await rowsOf(history)).filter(({ metric }) => metric.startsWith("event:"));
  expect(
    rows.map(({ kind, device, metric, labels, samples }) => [
      kind,
      device,
      metric,
      labels,
      samples,
    ]),
  ).toEqual([
    ["gpu", "GPU-a", "event:xid", '{"xid":"31"}', 1],
    ["gpu", "GPU-a", "event:xid", '{"xid":"79"}', 2],
    ["nic", "eth0", "event:link_change", "{}", 1],
    ["node", "", "event:out_of_memory_kill", "{}", 1],
  ]);
  await history.close();
});

test("a day is made once it is closed, again when samples or events of it come late, and then no more", async () => {
  const clock = createFakeClock(start);
  const folder = makeFolder();
  const history = openHistory(folder, { clock });
  await feed(history, [{ atMilliseconds: 0, values: [1, 1, 1, 1, 1] }], 1);
  await clock.advance(dayMilliseconds + 2 * hour - 1);
  expect(await history.makeFeatures()).toEqual({ days: 0, rows: 0 });
  await clock.advance(1);
  expect(await history.makeFeatures()).toEqual({ days: 1, rows: 4 });
  expect(await history.makeFeatures()).toEqual({ days: 0, rows: 0 });
  const [first] = history.featureDays();

  await feed(history, [{ atMilliseconds: 60_000, values: [9, 1, 1, 1, 1] }], 2);
  expect(history.featureDays()).toMatchObject([{ state: "stale" }]);
  expect(await history.makeFeatures()).toMatchObject({ days: 1 });
  expect((await rowsOf(history))[0]).toMatchObject({ maximum: 9, samples: 2 });
  history.events.add([
    {
      node: "node-1",
      boot: "boot-1",
      sequence: 1,
      timeMilliseconds: start + 5,
      kind: "hung_task",
      device: "",
      text: "",
      fields: {},
    },
  ]);
  expect(await history.makeFeatures()).toEqual({ days: 1, rows: 5 });
  // Nobody can be reading the files that were replaced any more.
  await clock.advance(60_000);
  expect(existsSync(join(folder, first?.file ?? ""))).toBe(false);
  expect(readdirSync(join(folder, "features"))).toHaveLength(1);
  await history.close();
});

test("features outlive the samples they were made of, and aren't made anew of what is left of those", async () => {
  const clock = createFakeClock(start);
  const folder = makeFolder();
  const options = {
    clock,
    retentionMilliseconds: 3 * dayMilliseconds,
    featuresMilliseconds: 365 * dayMilliseconds,
  };
  const history = openHistory(folder, options);
  await feed(history, [{ atMilliseconds: 0, values: [7, 1, 1, 1, 1] }], 1);
  await clock.advance(2 * dayMilliseconds);
  await history.makeFeatures();
  await clock.advance(2 * dayMilliseconds);
  history.retain();
  expect(history.files()).toEqual([]);
  await feed(history, [{ atMilliseconds: 2 * dayMilliseconds, values: [1, 1, 1, 1, 1] }], 2);
  await history.makeFeatures();
  expect(history.featureDays()).toMatchObject([
    { day: today, state: "final" },
    { day: "2026-01-12", state: "current" },
  ]);
  await clock.advance(361 * dayMilliseconds);
  history.retain();
  expect(history.featureDays()).toMatchObject([{ day: today }, { day: "2026-01-12" }]);
  await clock.advance(2 * dayMilliseconds);
  history.retain();
  expect(history.featureDays()).toMatchObject([{ day: "2026-01-12" }]);
  await history.close();
});

test("the oldest days go when features are over their bytes, and a day has no more rows than it may", async () => {
  const clock = createFakeClock(start);
  const folder = makeFolder();
  const history = openHistory(folder, { clock, bounds: { featureBytes: 5000, featureRows: 3 } });
  for (let day = 0; day < 6; day += 1) {
    const atMilliseconds = day * dayMilliseconds;
    await feed(history, [{ atMilliseconds, values: [1, 1, 1, 1, 1] }], day + 1);
    await clock.advance(dayMilliseconds);
  }
  await clock.advance(2 * hour);
  await history.makeFeatures();
  expect(history.featureDays()).toHaveLength(6);
  expect(history.featureDays()[0]).toMatchObject({ rows: 3 });
  expect(await metricValue(history.metrics, "warpwatch_history_feature_rows_dropped_total")).toBe(
    6,
  );
  history.retain();
  // What a process tells of itself may be a second old.
  await clock.advance(2000);
  const kept = history.featureDays();
  expect(kept.length).toBeLessThan(6);
  expect(kept.at(-1)).toMatchObject({ day: "2026-01-15" });
  const bytes = await metricValue(history.metrics, "warpwatch_history_feature_bytes");
  expect(bytes).toBe(kept.reduce((sum, one) => sum + one.bytes, 0));
  expect(bytes).toBeLessThanOrEqual(5000);
  expect(readdirSync(join(folder, "features"))).toHaveLength(kept.length);
  await history.close();
});

test("a crash leaves the features of before, and a failure is tried again", async () => {
  const clock = createFakeClock(start);
  const folder = makeFolder();
  const first = openHistory(folder, { clock });
  await feed(first, [{ atMilliseconds: 0, values: [1, 1, 1, 1, 1] }], 1);
  await clock.advance(2 * dayMilliseconds);
  await first.makeFeatures();
  const before = await rowsOf(first);
  await first.close();
  const left = join(folder, "features", "2026-01-10-left.parquet");
  writeFileSync(left, "PAR1");
  const broken = openHistory(folder, { clock, bounds: { memoryMebibytes: 1 } });
  expect(existsSync(left)).toBe(false);
  broken.events.add([
    {
      node: "node-1",
      boot: "boot-1",
      sequence: 1,
      timeMilliseconds: start,
      kind: "hung_task",
      device: "",
      text: "",
      fields: {},
    },
  ]);
  await expect(broken.makeFeatures()).rejects.toThrow(/history's child process/);
  const failed = 'warpwatch_history_feature_days_total{outcome="failure"}';
  expect(await metricValue(broken.metrics, failed)).toBe(1);
  await broken.close();
  const mended = openHistory(folder, { clock });
  expect(await rowsOf(mended)).toEqual(before);
  expect(await mended.makeFeatures()).toEqual({ days: 1, rows: before.length + 1 });
  await mended.close();
});

test("pages of a query together hold every row once, of the days, devices and metrics asked for", async () => {
  const clock = createFakeClock(start);
  const history = openHistory(makeFolder(), { clock });
  for (let day = 0; day < 3; day += 1) {
    const atMilliseconds = day * dayMilliseconds;
    await feed(history, [{ atMilliseconds, values: [day, 1, 1, 1, 1] }], day + 1);
  }
  await clock.advance(4 * dayMilliseconds);
  await history.makeFeatures();
  const query = { ...any, from: "2026-01-11", device: "GPU-a", metric: gpu.temperature.name };
  const one = await history.queryFeatures({ ...query, limit: 1 });
  const other = await history.queryFeatures({ ...query, limit: 1, skip: one.next ?? 0 });
  expect(other.next).toBeNull();
  expect([...one.rows, ...other.rows]).toMatchObject([
    { day: "2026-01-11", kind: "gpu", device: "GPU-a", last: 1 },
    { day: "2026-01-12", kind: "gpu", device: "GPU-a", last: 2 },
  ]);
  expect(await history.queryFeatures({ ...any, node: "'; DROP TABLE feature; --" })).toEqual({
    rows: [],
    next: null,
  });
  await history.close();
});

test("a file that was damaged on disk is put aside, counted and made anew; one without a checksum is read", async () => {
  const clock = createFakeClock(start);
  const folder = makeFolder();
  const first = openHistory(folder, { clock });
  await feed(first, [{ atMilliseconds: 0, values: [1, 2, 3, 4, 5] }], 1);
  await clock.advance(2 * dayMilliseconds);
  await first.makeFeatures();
  const before = await rowsOf(first);
  const [name = ""] = readdirSync(join(folder, "features"));
  await first.close();
  const file = join(folder, "features", name);
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 4;
  writeFileSync(file, bytes);
  const second = openHistory(folder, { clock });
  await expect(rowsOf(second)).rejects.toThrow(/damaged on disk and is put aside: ask again/);
  expect(await rowsOf(second)).toEqual([]);
  expect(readdirSync(join(folder, "damaged"))).toEqual([name]);
  const counted = 'warpwatch_history_damaged_total{reason="file"}';
  expect(await metricValue(second.metrics, counted)).toBe(1);
  expect(await metricValue(second.metrics, "warpwatch_history_feature_bytes")).toBe(0);
  expect(await second.makeFeatures()).toEqual({ days: 1, rows: before.length });
  expect(await rowsOf(second)).toEqual(before);
  await second.close();
  const sqlite = new DatabaseSync(join(folder, "journal.db"));
  sqlite.exec("UPDATE feature_day SET checksum = NULL");
  sqlite.close();
  const third = openHistory(folder, { clock });
  expect(await rowsOf(third)).toEqual(before);
  await third.close();
});

const any = {
  from: "2026-01-01",
  to: "2026-12-31",
  node: "",
  device: "",
  metric: "",
  limit: 1000,
  skip: 0,
};

async function rowsOf(history: TestHistory): Promise<readonly FeatureRow[]> {
  return (await history.queryFeatures({ ...any, from: today, to: today })).rows;
}

async function feed(history: TestHistory, ordered: readonly Sample[], first: number) {
  const schema = schemaOf("node-1");
  ordered.forEach(({ atMilliseconds, values }, index) => {
    const frame: Frame = frameAt(schema, first + index, start + atMilliseconds, values, false);
    void history.append(frame);
  });
  await history.compact({ all: true });
}

function withoutLabels({ labels, ...row }: FeatureRow) {
  return { ...row, instance: (JSON.parse(labels) as Record<string, string>)["instance"] };
}

/** Every sample looked at, one after the other. */
function model(ordered: readonly Sample[]) {
  const series = [
    { slot: 0, kind: "gpu", device: "GPU-a", metric: gpu.temperature.name, isCounter: false },
    { slot: 1, kind: "gpu", device: "GPU-a", metric: gpu.pcieReplays.name, isCounter: true },
    { slot: 2, kind: "nic", device: "eth0", metric: network.receiveErrors.name, isCounter: true },
    { slot: 4, kind: "node", device: "", metric: available.name, isCounter: false },
  ];
  return series.flatMap(({ slot, isCounter, ...names }) => {
    const all = ordered.flatMap(({ atMilliseconds, values }) => {
      const value = values[slot] ?? null;
      return value === null ? [] : [{ atMilliseconds, value }];
    });
    const within = all.filter(({ atMilliseconds }) => atMilliseconds >= 0);
    if (within.length === 0) return [];
    const finite = within.map(({ value }) => value).filter(Number.isFinite);
    const counted = all.filter(
      ({ atMilliseconds, value }) => atMilliseconds > -300_000 && Number.isFinite(value),
    );
    let increase = 0;
    let resets = 0;
    counted.forEach(({ atMilliseconds, value }, index) => {
      const before = counted[index - 1]?.value;
      if (before === undefined || atMilliseconds < 0) return;
      increase += value < before ? value : value - before;
      if (value < before) resets += 1;
    });
    const sum = finite.reduce((total, value) => total + value, 0);
    return {
      day: today,
      node: "node-1",
      ...names,
      minimum: finite.length === 0 ? null : Math.min(...finite),
      maximum: finite.length === 0 ? null : Math.max(...finite),
      mean: finite.length === 0 ? null : expect.closeTo(sum / finite.length, 9),
      last: finite.at(-1) ?? null,
      samples: within.length,
      increase: isCounter ? increase : null,
      resets: isCounter ? resets : null,
      instance: "node-1:1",
    };
  });
}
