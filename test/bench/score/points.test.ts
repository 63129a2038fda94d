import { describe, expect, it } from "vitest";
import { averagePrecision, logLoss } from "./points.ts";

describe("average precision, worked by hand", () => {
  it("sums the precision at each row that is found", () => {
    const scores = Float64Array.of(5, 4, 3, 2);
    // Found at rank 1 (precision 1) and rank 3 (2/3).
    expect(averagePrecision(scores, Uint8Array.of(1, 0, 1, 0))).toBeCloseTo((1 + 2 / 3) / 2, 12);
  });

  it("takes rows of equal score together, so that their order doesn't matter", () => {
    const scores = Float64Array.of(1, 1, 1, 1);
    expect(averagePrecision(scores, Uint8Array.of(1, 0, 0, 0))).toBeCloseTo(0.25, 12);
    expect(averagePrecision(scores, Uint8Array.of(0, 0, 0, 1))).toBeCloseTo(0.25, 12);
    expect(averagePrecision(scores, new Uint8Array(4))).toBeNaN();
  });
});

describe("log-loss", () => {
  it("is the mean surprise at what happened, and never without bound", () => {
    expect(logLoss([0.5, 0.25], [true, false])).toBeCloseTo((Math.log(2) - Math.log(0.75)) / 2, 12);
    expect(logLoss([0], [true])).toBeCloseTo(-Math.log(1e-6), 9);
  });
});
