import { describe, expect, it } from "vitest";
import { createCounterWindow } from "../../../../collector/detect/threshold/window.ts";

/** Worked out by hand from Prometheus' extrapolatedRate; seconds and values as pairs. */
function increaseOf(lengthSeconds: number, endSeconds: number, samples: [number, number][]) {
  const window = createCounterWindow(lengthSeconds * 1000);
  for (const [second, value] of samples) window.push(second * 1000, value);
  return window.increase(endSeconds * 1000);
}

const every15 = (count: number, step: number): [number, number][] =>
  Array.from({ length: count }, (_, index) => [index * 15, index * step + 1000]);

describe("a counter's window", () => {
  it("gives the plain difference where samples reach both ends", () => {
    expect(increaseOf(60, 60, every15(5, 30))).toBeCloseTo(120, 10);
  });

  it("extrapolates to an end that is closer than 1.1 times the spacing", () => {
    // Samples at 0..45, window 0..50: covered 45 s, 5 s after the last.
    expect(increaseOf(50, 50, every15(4, 30))).toBeCloseTo(90 * (50 / 45), 10);
  });

  it("still calls 1.05 spacings close", () => {
    // Samples at 0..45, window 0..60.75: 15.75 s after the last, 1.05 of 15.
    expect(increaseOf(60.75, 60.75, every15(4, 30))).toBeCloseTo(90 * (60.75 / 45), 10);
  });

  it("extrapolates by half the spacing to an end that is further away", () => {
    // Samples at 0..45, window 0..120, so 75 s after the last: half of 15 is added.
    expect(increaseOf(120, 120, every15(4, 30))).toBeCloseTo(90 * (52.5 / 45), 10);
  });

  it("doesn't extrapolate a counter below zero", () => {
    // 10 → 100 over 45 s: the line meets zero 5 s before the first sample, at 60.
    const samples: [number, number][] = [
      [60, 10],
      [75, 40],
      [90, 70],
      [105, 100],
    ];
    expect(increaseOf(60, 105, samples)).toBeCloseTo(90 * (50 / 45), 10);
  });

  it("adds what a counter had before each reset", () => {
    const samples: [number, number][] = [
      [0, 100],
      [15, 130],
      [30, 20],
      [45, 50],
      [60, 5],
    ];
    // 5 - 100 + 130 + 50 = 85, samples at both ends.
    expect(increaseOf(60, 60, samples)).toBeCloseTo(85, 10);
  });

  it("finds no increase in a counter that only began anew, whatever earlier resets took from it", () => {
    const samples: [number, number][] = [
      [0, 0.1],
      [15, 0],
      [30, 0.2],
      [90, 0.2],
      [105, 0],
    ];
    // 0 - 0.2 + 0.2; a running sum of resets would leave a rounding error, which is above 0.
    expect(increaseOf(60, 105, samples)).toBe(0);
  });

  it("counts a sample that stands exactly at the window's start", () => {
    expect(increaseOf(30, 45, every15(4, 30))).toBeCloseTo(60, 10);
  });

  it("knows nothing of fewer than two samples", () => {
    expect(increaseOf(60, 60, [])).toBeNaN();
    expect(increaseOf(60, 60, [[30, 1]])).toBeNaN();
    expect(increaseOf(60, 300, every15(4, 30))).toBeNaN();
  });

  it("takes a sample only once, and begins anew when time goes back", () => {
    const window = createCounterWindow(60_000);
    for (const time of [0, 15_000, 15_000, 30_000]) window.push(time, 10 + time / 1000);
    expect(window.increase(30_000)).toBeCloseTo(40, 10);
    window.push(5000, 100);
    expect(window.increase(5000)).toBeNaN();
  });

  it("merges samples that don't fit and still counts every reset", () => {
    let merged = 0;
    const window = createCounterWindow(100_000, () => (merged += 1), 32);
    let value = 0;
    let total = 0;
    for (let time = 0; time <= 100_000; time += 100) {
      if (time > 0) total += 1;
      value = time % 7000 === 0 ? 1 : value + 1;
      window.push(time, value);
    }
    expect(merged).toBeGreaterThan(900);
    // Within one spacing of what all samples would give.
    expect(Math.abs(window.increase(100_000) - total)).toBeLessThan(total * 0.05);
  });
});
