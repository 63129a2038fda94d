import { describe, expect, it } from "vitest";
import {
  createSampleWindow,
  greatestOf,
  leastOf,
  meanOf,
  predictLine,
  pushSample,
} from "../../../../collector/detect/threshold/sample-window.ts";

function filled(values: readonly number[], capacity?: number) {
  const window = createSampleWindow(60_000, capacity);
  values.forEach((value, index) => pushSample(window, index * 10_000, value));
  return window;
}

describe("a window of samples", () => {
  it("gives the least, the greatest and the mean of what is in it", () => {
    const window = filled([9, 1, 5, 3]);
    expect([leastOf(window, 30_000), greatestOf(window, 30_000), meanOf(window, 30_000)]).toEqual([
      1, 9, 4.5,
    ]);
  });

  it("forgets what is older than its length, and keeps what is just as old", () => {
    const window = filled([9, 1, 5, 3]);
    expect(greatestOf(window, 60_000)).toBe(9);
    expect(greatestOf(window, 60_001)).toBe(5);
    expect(greatestOf(window, 200_000)).toBeUndefined();
  });

  it("draws a straight line on", () => {
    // 100 less 2 in 10 s: 94 at 30 s, and 14 after 400 s more.
    expect(predictLine(filled([100, 98, 96, 94]), 30_000, 400_000)).toBeCloseTo(14, 9);
    expect(predictLine(filled([7, 7, 7]), 20_000, 1e9)).toBe(7);
    expect(predictLine(filled([7]), 0, 1000)).toBeUndefined();
  });

  it("passes over NaN for extremes and gives it for a mean, as PromQL does", () => {
    const window = filled([Number.NaN, 2, 4]);
    expect([leastOf(window, 20_000), greatestOf(window, 20_000)]).toEqual([2, 4]);
    expect(meanOf(window, 20_000)).toBeNaN();
  });

  it("is bounded, and loses no peak to its bound", () => {
    const window = createSampleWindow(60_000, 8);
    for (let second = 0; second < 60; second += 1)
      pushSample(window, second * 1000, second === 31 ? 50 : 1);
    expect(greatestOf(window, 60_000)).toBe(50);
    expect(meanOf(window, 60_000)).toBeCloseTo((59 + 50) / 60, 9);
  });

  it("ignores a sample that it has, and begins anew when time goes back", () => {
    const window = filled([1, 2]);
    pushSample(window, 10_000, 99);
    expect(greatestOf(window, 10_000)).toBe(2);
    pushSample(window, 5000, 7);
    expect(leastOf(window, 5000)).toBe(7);
  });
});
