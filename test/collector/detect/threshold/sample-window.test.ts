import { describe, expect, it } from "vitest";
import {
  createSampleWindow,
  hasLine,
  isEmpty,
  predictLine,
  pushSample,
  summarize,
  type Summary,
} from "../../../../collector/detect/threshold/sample-window.ts";
import { createRandom } from "../../../kit/random.ts";

const lengthMilliseconds = 60_000;

function filled(how: Summary, values: readonly number[], capacity?: number) {
  const window = createSampleWindow(how, lengthMilliseconds, capacity);
  values.forEach((value, index) => pushSample(window, index * 10_000, value));
  return window;
}

function summariesOf(values: readonly number[], end: number): number[] {
  return (["min", "max", "avg"] as const).map((how) => summarize(filled(how, values), end));
}

describe("a window of samples", () => {
  it("gives the least, the greatest and the mean of what is in it", () => {
    expect(summariesOf([9, 1, 5, 3], 30_000)).toEqual([1, 9, 4.5]);
  });

  it("forgets what is older than its length, and keeps what is just as old", () => {
    const window = filled("max", [9, 1, 5, 3]);
    expect(summarize(window, 60_000)).toBe(9);
    expect(summarize(window, 60_001)).toBe(5);
    expect(isEmpty(window)).toBe(false);
    expect(summarize(window, 200_000)).toBeNaN();
    expect(isEmpty(window)).toBe(true);
  });

  it("draws a straight line on", () => {
    // 100 less 2 in 10 s: 94 at 30 s, and 14 after 400 s more.
    expect(predictLine(filled("last", [100, 98, 96, 94]), 30_000, 400_000)).toBeCloseTo(14, 9);
    expect(predictLine(filled("last", [7, 7, 7]), 20_000, 1e9)).toBe(7);
    const one = filled("last", [7]);
    expect(predictLine(one, 0, 1000)).toBeNaN();
    expect(hasLine(one)).toBe(false);
  });

  it("passes over NaN for extremes and gives it for a mean, as PromQL does", () => {
    expect(summariesOf([Number.NaN, 2, 4], 20_000)).toEqual([2, 4, Number.NaN]);
  });

  it("is bounded, and loses no peak to its bound", () => {
    const peaks = createSampleWindow("max", lengthMilliseconds, 8);
    const means = createSampleWindow("avg", lengthMilliseconds, 8);
    for (let second = 0; second < 60; second += 1)
      for (const window of [peaks, means])
        pushSample(window, second * 1000, second === 31 ? 50 : 1);
    expect(summarize(peaks, 60_000)).toBe(50);
    expect(summarize(means, 60_000)).toBeCloseTo((59 + 50) / 60, 9);
  });

  it("ignores a sample that it has, and begins anew when time goes back", () => {
    const window = filled("max", [1, 2]);
    pushSample(window, 10_000, 99);
    expect(summarize(window, 10_000)).toBe(2);
    pushSample(window, 5000, 1);
    expect(summarize(window, 5000)).toBe(1);
  });

  it.each(["min", "max", "avg"] as const)(
    "says the same whether or not it was asked in between: %s",
    (how) => {
      for (const seed of [1, 2, 3, 4]) {
        const random = createRandom(seed);
        const asked = createSampleWindow(how, lengthMilliseconds, 32);
        const [times, values]: [number[], number[]] = [[], []];
        for (let now = 0, count = 0; count < 400; count += 1) {
          now += random.below(40) === 0 ? 70_000 : 500 + random.below(4000);
          times.push(now);
          values.push(random.below(5) === 0 ? 3.3 : random.below(100) / 7);
          pushSample(asked, now, values[count]!);
          if (random.below(3) === 0) summarize(asked, now);
          const alone = createSampleWindow(how, lengthMilliseconds, 32);
          times.forEach((time, index) => pushSample(alone, time, values[index]!));
          expect(summarize(asked, now)).toBe(summarize(alone, now));
          const extreme = values.filter(
            (_, index) => times[index]! >= now - lengthMilliseconds / 2,
          );
          if (how === "min")
            expect(summarize(asked, now)).toBeLessThanOrEqual(Math.min(...extreme));
        }
      }
    },
  );
});
