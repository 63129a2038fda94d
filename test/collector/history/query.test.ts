import * as fc from "fast-check";
import { expect, test } from "vitest";
import { openMetric } from "../../../core/catalog/metric.ts";
import type { Frame, Schema } from "../../../core/wire/frame.ts";
import { createFakeClock } from "../../kit/fake-clock.ts";
import { makeFolder } from "../../kit/folder.ts";
import {
  ask,
  frameAt,
  levelSchema,
  openHistory,
  originOf,
  startMilliseconds as start,
} from "./kit.ts";

const lookBack = 300_000;

/** One frame of one of two origins; `late` ones have a sequence and a time from before the live ones. */
interface Step {
  readonly node: number;
  readonly late: boolean;
  readonly complete: boolean;
  readonly gapMilliseconds: number;
  readonly gpus: number;
  readonly values: readonly (number | null)[];
}

const value = fc.option(
  fc.oneof(fc.double(), fc.integer({ min: -5, max: 5 }), fc.constant(Number.NaN)),
  { freq: 4 },
);
const step: fc.Arbitrary<Step> = fc.record({
  node: fc.nat(1),
  late: fc.boolean(),
  complete: fc.boolean(),
  gapMilliseconds: fc.integer({ min: 1, max: 200_000 }),
  gpus: fc.integer({ min: 1, max: 3 }),
  values: fc.array(value, { minLength: 3, maxLength: 3 }),
});
const range = fc.record({
  from: fc.integer({ min: -900_000, max: 900_000 }),
  step: fc.integer({ min: 1, max: 120_000 }),
  points: fc.integer({ min: 1, max: 40 }),
});

test("answers as a model does that looks at every sample for every step", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), range, async (steps, asked) => {
      const history = openHistory(makeFolder());
      const frames = framesOf(steps);
      for (const { frame } of frames) void history.append(frame);
      const found = await answer(history, asked);
      await history.close();
      expect(found).toEqual(model(frames, asked));
    }),
    { numRuns: 300 },
  );
});

test("answers the same from Parquet files, from the journal and from both", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 25 }),
      fc.nat(25),
      range,
      async (steps, cut, asked) => {
        const history = openHistory(makeFolder());
        const frames = framesOf(steps);
        for (const { frame } of frames.slice(0, cut)) void history.append(frame);
        await history.compact({ all: true });
        for (const { frame } of frames.slice(cut)) void history.append(frame);
        const found = await answer(history, asked);
        await history.close();
        expect(found).toEqual(model(frames, asked));
      },
    ),
    { numRuns: 8 },
  );
}, 120_000);

test("finds a slow source's samples for as long as frames carry them, and their end when none does", async () => {
  const history = openHistory(makeFolder());
  const slow = openMetric("test_slow", "gauge", "Read once an hour.", []);
  const { series } = levelSchema(originOf("node-1"), [0]);
  const schema: Schema = {
    origin: originOf("node-1"),
    version: 1,
    groups: [
      { source: "fast", first: 0, length: 1 },
      { source: "slow", first: 1, length: 1 },
    ],
    series: [...series, { metric: slow, values: [], device: null }],
  };
  for (let second = 0; second <= 2000; second += 1) {
    const ends = second >= 1500;
    const frame = frameAt(schema, second + 1, start + second * 1000, [1, ends ? null : 42]);
    frame.timestamps[1] = start;
    void history.append(frame);
  }
  const query = {
    matcher: { metric: slow.name, labels: {} },
    range: { start: start * 1000, step: 100_000_000, points: 21 },
  };
  const expected = Array.from({ length: 15 }, (_, index) => [start + index * 100_000, 42]);
  expect((await history.query(query)).map(({ points }) => points)).toEqual([expected]);
  await history.compact({ all: true });
  expect((await history.query(query)).map(({ points }) => points)).toEqual([expected]);
  await history.close();
});

test("ends a series with the frame whose schema no longer has it", async () => {
  const clock = createFakeClock(start);
  const history = openHistory(makeFolder(), { clock });
  const origin = originOf("node-1");
  void history.append(frameAt(levelSchema(origin, [0, 1]), 1, start, [1, 2]));
  // The chain before is compacted already: the end has to be told all the same.
  await history.compact({ all: true });
  void history.append(frameAt(levelSchema(origin, [0], 2), 2, start + 1000, [3]));
  const names = (await history.query(ask(start + 1000))).map(({ name }) => name.labels);
  expect(names).toEqual(['{"gpu":"0","instance":"node-1:1","job":"test"}']);
  expect(await history.query(ask(start + 999))).toHaveLength(2);
  await history.close();
});

test("chooses series by the labels given, by node, and by the absence of a label", async () => {
  const history = openHistory(makeFolder());
  for (const node of ["node-1", "node-2"])
    void history.append(frameAt(levelSchema(originOf(node), [0, 1]), 1, start, [1, 2]));
  const count = async (labels: Record<string, string>): Promise<number> =>
    (await history.query(ask(start, 1000, 1, labels))).length;
  for (const compacted of [false, true]) {
    if (compacted) await history.compact({ all: true });
    expect(await count({})).toBe(4);
    expect(await count({ gpu: "1" })).toBe(2);
    expect(await count({ gpu: "1", node: "node-2" })).toBe(1);
    expect(await count({ gpu: "1", instance: "node-1:1", rack: "" })).toBe(1);
    expect(await count({ gpu: "'; DROP TABLE frame; --" })).toBe(0);
  }
  await history.close();
});

test("refuses what would be too much, in the journal and in the files, and answers on", async () => {
  const history = openHistory(makeFolder(), { bounds: { query: { series: 3, cells: 20 } } });
  const schema = levelSchema(originOf("node-1"), [0, 1, 2, 3]);
  void history.append(frameAt(schema, 1, start, [1, 2, 3, 4]));
  const tooMuch = { code: "LIMIT_REACHED" };
  for (const compacted of [false, true]) {
    if (compacted) await history.compact({ all: true });
    await expect(history.query(ask(start))).rejects.toMatchObject(tooMuch);
    await expect(history.query(ask(start, 1000, 21, { gpu: "1" }))).rejects.toMatchObject(tooMuch);
    expect(await history.query(ask(start, 1000, 20, { gpu: "1" }))).toHaveLength(1);
  }
  await history.close();
});

test("ends a query that takes over its time, and lets only so many wait", async () => {
  const clock = createFakeClock(start);
  const hurried = openHistory(makeFolder(), { clock, bounds: { queryMilliseconds: -1 } });
  await expect(hurried.query(ask(start))).rejects.toThrow("ask for a shorter range or more labels");
  await hurried.close();
  const history = openHistory(makeFolder(), { clock });
  void history.append(frameAt(levelSchema(originOf("node-1"), [0]), 1, start, [1]));
  const asked = await Promise.allSettled(
    Array.from({ length: 20 }, () => history.query(ask(start))),
  );
  const refused = asked.filter(({ status }) => status === "rejected");
  expect(refused).toHaveLength(2);
  expect(String((refused[0] as PromiseRejectedResult).reason)).toContain("too many queries wait");
  await history.close();
});

interface Planned {
  readonly frame: Frame;
  readonly stream: string;
}

/** Times are all different, so that the order of appending never decides. */
function framesOf(steps: readonly Step[]): Planned[] {
  const schemas = new Map<string, Schema>();
  const state = [0, 1].map((node) => ({
    live: { time: start + node, sequence: 1000 },
    late: { time: start - 800_000 + node, sequence: 0 },
  }));
  return steps.flatMap(({ node, late, complete, gapMilliseconds, gpus, values }) => {
    const of = state[node]!;
    // Something live has to be there for anything to be late.
    const isLate = late && of.live.sequence > 1000;
    const place = isLate ? of.late : of.live;
    const time = place.time + gapMilliseconds * 2;
    if (isLate && time >= start) return [];
    Object.assign(place, { time, sequence: place.sequence + 1 });
    const key = `${node} ${gpus}`;
    const list = Array.from({ length: gpus }, (_, gpu) => gpu);
    const schema = schemas.get(key) ?? levelSchema(originOf(`node-${node}`), list, gpus);
    schemas.set(key, schema);
    const frame = frameAt(schema, place.sequence, time, values.slice(0, gpus), complete);
    return [{ frame, stream: `${node} ${isLate}` }];
  });
}

interface Asked {
  readonly from: number;
  readonly step: number;
  readonly points: number;
}

async function answer(
  history: ReturnType<typeof openHistory>,
  asked: Asked,
): Promise<Record<string, readonly (readonly [number, number])[]>> {
  const series = await history.query(ask(start + asked.from, asked.step, asked.points));
  return Object.fromEntries(
    series.map(({ name, points }) => [`${name.node} ${name.labels}`, points]),
  );
}

/** A complete frame ends what the frame before it in the same stream held and it doesn't. */
function model(frames: readonly Planned[], asked: Asked): Record<string, [number, number][]> {
  const samples: { key: string; time: number; value: number | null }[] = [];
  const held = new Map<string, Set<string>>();
  for (const { frame, stream } of frames) {
    const { node, instance, job } = frame.schema.origin;
    const time = frame.timestamps[0] ?? 0;
    const now = new Set<string>();
    frame.schema.series.forEach(({ values }, slot) => {
      if (((frame.present[0] ?? 0) & (1 << slot)) === 0) return;
      const key = `${node} ${JSON.stringify({ gpu: values[0], instance, job })}`;
      now.add(key);
      samples.push({ key, time, value: frame.values[slot] ?? 0 });
    });
    const before = held.get(stream) ?? new Set();
    if (frame.complete)
      for (const key of before) if (!now.has(key)) samples.push({ key, time, value: null });
    held.set(stream, frame.complete ? now : new Set([...before, ...now]));
  }
  const result: Record<string, [number, number][]> = {};
  for (const key of new Set(samples.map((sample) => sample.key)))
    for (let point = 0; point < asked.points; point += 1) {
      const at = start + asked.from + point * asked.step;
      const last = samples
        .filter((sample) => sample.key === key && sample.time <= at)
        .toSorted((one, other) => one.time - other.time)
        .at(-1);
      if (last && last.value !== null && at - last.time < lookBack)
        (result[key] ??= []).push([at, last.value]);
    }
  return result;
}
