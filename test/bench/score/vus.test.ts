import { describe, expect, it } from "vitest";
import { segmentsOf, volumeUnderPrecisionRecall } from "./vus.ts";

/** Ten rows of which rows 4 and 5 are anomalous. */
const labels = Uint8Array.of(0, 0, 0, 0, 1, 1, 0, 0, 0, 0);
const at = (scores: Readonly<Record<number, number>>): Float64Array => {
  const all = new Float64Array(10);
  for (const [row, score] of Object.entries(scores)) all[Number(row)] = score;
  return all;
};

describe("VUS-PR, its surface worked by hand", () => {
  it("is the area under precision and recall where no row beside an anomaly counts", () => {
    // Ranked 4, 5, then all: recall 1/2 and 1 at precision 1.
    expect(volumeUnderPrecisionRecall(at({ 4: 2, 5: 1 }), labels, 0)).toBeCloseTo(1, 12);
    // Ranked 0, 4, 5: precision 0 at recall 0, 1/2 at 1/2, 2/3 at 1.
    const scores = at({ 0: 3, 4: 2, 5: 1 });
    expect(volumeUnderPrecisionRecall(scores, labels, 0)).toBeCloseTo(1 / 4 + 1 / 3, 12);
  });

  it("counts a row beside an anomaly in part, by the root of how near it is", () => {
    // Width 4: rows 3 and 6 weigh √(3/4), rows 2 and 7 weigh √(1/2); positives (2 + soft total) / 2.
    const near = Math.sqrt(3 / 4);
    const far = Math.sqrt(1 / 2);
    const soft = 2 + 2 * near + 2 * far;
    const positives = (2 + soft) / 2;
    // Row 3 first, then everything at once: the anomaly is hit by row 3 already, since it lies within half a width.
    const first = near / positives;
    const wide = first * near + (1 - first) * (soft / 10);
    // Width 0: row 3 is a false alarm, the rest comes at precision 2/10.
    const narrow = 0.2;
    expect(volumeUnderPrecisionRecall(at({ 3: 1 }), labels, 4, 4)).toBeCloseTo(
      (narrow + wide) / 2,
      12,
    );
  });

  it("weighs recall by the share of anomalies that were hit at all", () => {
    const two = Uint8Array.of(0, 1, 0, 0, 0, 0, 0, 0, 1, 0);
    // Row 1 found: recall 1/2 of the rows times 1/2 of the anomalies, at precision 1; then all at once: 2/10.
    const expected = 1 / 4 + (3 / 4) * (2 / 10);
    expect(volumeUnderPrecisionRecall(at({ 1: 1 }), two, 0)).toBeCloseTo(expected, 12);
  });

  it("gives a detector that is always on the share of rows that are anomalous", () => {
    const on = new Float64Array(10).fill(1);
    expect(volumeUnderPrecisionRecall(on, labels, 0)).toBeCloseTo(0.2, 12);
  });

  it("has no value where nothing is labelled, and finds segments at both ends", () => {
    expect(volumeUnderPrecisionRecall(at({ 4: 1 }), new Uint8Array(10), 0)).toBeNaN();
    expect(segmentsOf(Uint8Array.of(1, 1, 0, 1))).toEqual([
      [0, 1],
      [3, 3],
    ]);
  });
});
