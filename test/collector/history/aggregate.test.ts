/** Queries with an aggregate: what all samples since the step before come to, from samples and from minutes alike. */
import { expect, test } from "vitest";
import type { Aggregate } from "../../../collector/history/buckets.ts";
import { createFakeClock } from "../../kit/fake-clock.ts";
import { makeFolder } from "../../kit/folder.ts";
import {
  ask,
  dayMilliseconds,
  frameAt,
  levelSchema,
  openHistory,
  originOf,
  startMilliseconds as start,
  type TestHistory,
} from "./kit.ts";

const schema = levelSchema(originOf("node-1"), [0, 1]);
const minute = 60_000;
const seconds = 1200;

/** GPU 0 jumps about and is NaN now and then; GPU 1 is there in every other ten minutes. */
function valuesAt(second: number): readonly [number, number | null] {
  const jumping = second % 37 === 5 ? Number.NaN : Math.round(100 * Math.sin(second * second));
  return [jumping, second % 1200 < 600 ? second : null];
}

function feed(history: TestHistory, from: number, to: number): void {
  for (let second = from; second < to; second += 1)
    void history.append(frameAt(schema, second + 1, start + second * 1000, valuesAt(second)));
}

const aggregates = ["min", "max", "mean", "count"] as const satisfies readonly Aggregate[];

function model(gpu: 0 | 1, aggregate: (typeof aggregates)[number], end: number, step: number) {
  const all: number[] = [];
  for (let second = Math.max(0, Math.floor(end - step) + 1); second <= end; second += 1) {
    const value = second < seconds ? (valuesAt(second)[gpu] ?? null) : null;
    if (value !== null) all.push(value);
  }
  const numbers = all.filter((value) => !Number.isNaN(value));
  if (all.length === 0) return null;
  if (aggregate === "count") return all.length;
  if (aggregate === "min") return Math.min(...numbers);
  if (aggregate === "max") return Math.max(...numbers);
  return numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
}

async function check(history: TestHistory, step: number, points: number, shift = 0) {
  for (const aggregate of aggregates) {
    const from = start + shift * 1000;
    const found = await history.query({ ...ask(from, step * 1000, points), aggregate });
    const expected = ([0, 1] as const).flatMap((gpu) => {
      const own = Array.from({ length: points }, (_, index) => {
        const value = model(gpu, aggregate, shift + index * step, step);
        return value === null ? [] : [[from + index * step * 1000, expect.closeTo(value, 9)]];
      }).flat();
      return own.length === 0 ? [] : [own];
    });
    expect(found.map(({ points: answer }) => answer)).toEqual(expected);
  }
}

test("they are of all samples since the step before, in the journal, in files and in both", async () => {
  const history = openHistory(makeFolder());
  feed(history, 0, 700);
  await history.compact({ all: true });
  feed(history, 700, seconds);
  await check(history, 45, 30, 10);
  await check(history, 600, 3);
  await history.compact({ all: true });
  await check(history, 45, 30, 10);
  await history.close();
}, 120_000);

test("minutes give what their samples gave, but for NaN, for steps of whole minutes on either side of the boundary", async () => {
  const clock = createFakeClock(start);
  const history = openHistory(makeFolder(), { clock });
  feed(history, 0, seconds);
  await history.compact({ all: true });
  await clock.advance(2 * dayMilliseconds);
  await history.rollUp();
  const today = clock.now();
  for (let second = 0; second < 120; second += 1)
    void history.append(frameAt(schema, 5000 + second, today + second * 1000, [second, null]));
  // A minute is from its first second up to the next one's: the step before its end.
  const query = { ...ask(start + minute - 1, minute, 10, { gpu: "1" }) };
  const least = await history.query({ ...query, aggregate: "min" });
  const mean = await history.query({ ...query, aggregate: "mean" });
  const count = await history.query({ ...query, aggregate: "count" });
  const minutes = Array.from({ length: 10 }, (_, index) => start + (index + 1) * minute - 1);
  expect(least[0]?.points).toEqual(minutes.map((at, index) => [at, index * 60]));
  expect(mean[0]?.points).toEqual(minutes.map((at, index) => [at, index * 60 + 29.5]));
  expect(count[0]?.points).toEqual(minutes.map((at) => [at, 60]));
  // From the old day's minutes to this day's seconds in two steps.
  const wide = ask(today - 1, today + minute - start, 2, { gpu: "0" });
  const [across] = await history.query({ ...wide, aggregate: "count" });
  expect(across?.points.map(([, value]) => value)).toEqual([seconds, 120]);
  await history.close();
}, 120_000);

test("more series or points than may be are refused", async () => {
  const history = openHistory(makeFolder(), { bounds: { query: { series: 1, cells: 20 } } });
  feed(history, 0, 10);
  const query = { ...ask(start, 1000, 5), aggregate: "max" as const };
  await expect(history.query(query)).rejects.toMatchObject({ code: "LIMIT_REACHED" });
  const long = { ...ask(start, 1000, 21, { gpu: "0" }), aggregate: "max" as const };
  await expect(history.query(long)).rejects.toMatchObject({ code: "LIMIT_REACHED" });
  await history.close();
});
