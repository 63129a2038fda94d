import { describe, expect, it } from "vitest";
import { createTrend, fit, trendCells } from "../../../collector/detect/forecast.ts";

const second = 1000;

function wave(index: number): number {
  return ((index * 7919) % 13) / 13 - 0.5;
}

describe("the forecast of time to a limit", () => {
  it("dates the limit of a straight line exactly", () => {
    const times = Array.from({ length: 12 }, (_, index) => index * 10 * second);
    const found = fit(
      times,
      times.map((time) => 100 - 0.5 * (time / second)),
      0,
    );
    expect(found?.slopePerSecond).toBeCloseTo(-0.5, 12);
    expect(found?.expectedMilliseconds).toBeCloseTo(200 * second, 3);
    expect(found?.earliestMilliseconds).toBeCloseTo(200 * second, 3);
    expect(found?.latestMilliseconds).toBeCloseTo(200 * second, 3);
  });

  it("holds the true date between the earliest and the latest when there is noise", () => {
    const trend = createTrend();
    for (let index = 0; index < 240; index += 1)
      trend.add(index * second, 40 + 0.1 * index + wave(index));
    const found = trend.forecast(90);
    const truth = 500 * second;
    expect(found?.earliestMilliseconds).toBeLessThan(truth);
    expect(found?.latestMilliseconds).toBeGreaterThan(truth);
    expect((found?.latestMilliseconds ?? 0) - (found?.earliestMilliseconds ?? 0)).toBeLessThan(
      60 * second,
    );
  });

  it("is not moved by a few wild samples", () => {
    const trend = createTrend();
    for (let index = 0; index < 240; index += 1)
      trend.add(index * second, index % 50 === 0 ? 1e6 : 40 + 0.1 * index);
    expect(trend.forecast(90)?.slopePerSecond).toBeCloseTo(0.1, 2);
  });

  it("says nothing of a flat series, of one that moves away, and of one too young", () => {
    const flat = createTrend();
    const away = createTrend();
    const young = createTrend();
    for (let index = 0; index < 600; index += 1) {
      flat.add(index * second, 50 + wave(index));
      away.add(index * second, 50 - 0.1 * index);
      if (index < 50) young.add(index * second, 50 + index);
    }
    expect(flat.forecast(90)).toBeNull();
    expect(away.forecast(90)).toBeNull();
    expect(young.forecast(90)).toBeNull();
  });

  it("starts anew over cells that hold no past, and comes to an end", () => {
    for (const garbage of [1e161, -1, Number.NaN]) {
      const trend = createTrend(undefined, new Float64Array(trendCells).fill(garbage));
      for (let index = 0; index < 240; index += 1) trend.add(index * second, 40 + 0.1 * index);
      expect(trend.forecast(90)?.slopePerSecond).toBeCloseTo(0.1, 6);
    }
  });

  it("sees a change of pace within two minutes although it has watched for hours", () => {
    const trend = createTrend({
      spanMilliseconds: 5000,
      windowMilliseconds: 240_000,
      significance: 4,
    });
    for (let index = 0; index < 7200; index += 1) trend.add(index * second, 50 + wave(index));
    for (let index = 7200; index < 7320; index += 1)
      trend.add(index * second, 50 + (index - 7200) * 0.2 + wave(index));
    const found = trend.forecast(100);
    expect(found?.expectedMilliseconds).toBeGreaterThan(7400 * second);
    expect(found?.expectedMilliseconds).toBeLessThan(7500 * second);
  });

  it("keeps at most 49 points whatever it is fed, and widens its span up to the window", () => {
    const trend = createTrend({
      spanMilliseconds: 1000,
      windowMilliseconds: 3_600_000,
      significance: 4,
    });
    for (let index = 0; index < 20_000; index += 1) trend.add(index * second, 1000 - index * 0.01);
    const found = trend.forecast(0);
    expect(found?.expectedMilliseconds).toBeCloseTo(100_000 * second, -6);
  });
});
