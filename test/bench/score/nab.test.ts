import { describe, expect, it } from "vitest";
import { probationRows, scaledSigmoid, scoreNab } from "./nab.ts";

/** A stream of 100 rows (15 of probation) with one window over rows 50 to 59. */
function stream(detections: Readonly<Record<number, number>>): {
  scores: Float64Array;
  windows: [number, number][];
} {
  const scores = new Float64Array(100);
  for (const [row, score] of Object.entries(detections)) scores[Number(row)] = score;
  return { scores, windows: [[50, 59]] };
}

const sigmoid = (x: number): number => 2 / (1 + Math.exp(5 * x)) - 1;

describe("the NAB scorer, its rules worked by hand", () => {
  it("gives 100 for a detection on the first row of the window and nothing else", () => {
    expect(scoreNab([stream({ 50: 1 })]).normalised).toBeCloseTo(100, 10);
  });

  it("gives 0 for silence, and finds no threshold worth having for noise alone", () => {
    expect(scoreNab([stream({})]).normalised).toBe(0);
    expect(scoreNab([stream({ 20: 1, 30: 1 })]).normalised).toBe(0);
  });

  it("weighs a detection by where in the window it falls", () => {
    // Row 55 of 50…59: position −(59 − 55 + 1)/10 = −0.5.
    const worth = sigmoid(-0.5) / sigmoid(-1);
    expect(scoreNab([stream({ 55: 1 })]).normalised).toBeCloseTo((100 * (worth + 1)) / 2, 10);
  });

  it("counts only the earliest detection of a window", () => {
    expect(scoreNab([stream({ 55: 1, 57: 1, 59: 1 })]).normalised).toBeCloseTo(
      scoreNab([stream({ 55: 1 })]).normalised,
      10,
    );
  });

  it("charges 0.11 for an alarm before any window and less for one shortly after a window", () => {
    expect(scoreNab([stream({ 30: 1, 50: 1 })]).normalised).toBeCloseTo(
      (100 * (1 - 0.11 + 1)) / 2,
      10,
    );
    // Row 61 is two rows past a window of ten: position 2/9.
    const charge = 0.11 * sigmoid(2 / 9);
    expect(scoreNab([stream({ 50: 1, 61: 1 })]).normalised).toBeCloseTo(
      (100 * (1 + charge + 1)) / 2,
      10,
    );
    // Row 90 is 31/9 windows past: beyond 3 the full charge.
    expect(scoreNab([stream({ 50: 1, 90: 1 })]).normalised).toBeCloseTo(
      (100 * (1 - 0.11 + 1)) / 2,
      10,
    );
  });

  it("does not score the probation", () => {
    expect(probationRows(100)).toBe(15);
    expect(probationRows(10_000)).toBe(750);
    expect(scoreNab([stream({ 3: 1, 14: 1, 50: 1 })]).normalised).toBeCloseTo(100, 10);
    expect(scoreNab([stream({ 15: 1, 50: 1 })]).normalised).toBeLessThan(100);
  });

  it("takes one threshold for all streams", () => {
    // The first stream needs a threshold below 0.4, at which the second has 30 false alarms: the better trade is to miss.
    const noisy = stream(Object.fromEntries(Array.from({ length: 30 }, (_, i) => [16 + i, 0.5])));
    const result = scoreNab([
      stream({ 50: 0.4 }),
      { ...noisy, scores: noisy.scores.with(50, 0.9) },
    ]);
    expect(result.threshold).toBe(0.9);
    expect(result.windowsFound).toBe(1);
    expect(result.normalised).toBeCloseTo(50, 10);
  });

  it("has the sigmoid of the paper", () => {
    expect(scaledSigmoid(-1)).toBeCloseTo(0.98661, 5);
    expect(scaledSigmoid(0)).toBe(0);
    expect(scaledSigmoid(3.01)).toBe(-1);
  });
});
