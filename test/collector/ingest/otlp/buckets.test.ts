import { array, assert, double, integer, property } from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addBuckets,
  exponentialBuckets,
  maximumExponentialBuckets,
} from "../../../../collector/ingest/otlp/buckets.ts";
import {
  noOtlpAttributes,
  type OtlpBuckets,
  type OtlpExponentialPoint,
} from "../../../../core/wire/otlp.ts";

function record(values: readonly number[], scale: number): OtlpExponentialPoint {
  const base = 2 ** (2 ** -scale);
  const side = (magnitudes: readonly number[]): OtlpBuckets => {
    const indexes = magnitudes.map((value) => Math.ceil(Math.log(value) / Math.log(base)) - 1);
    if (indexes.length === 0) return { offset: 0, counts: [] };
    const offset = Math.min(...indexes);
    const counts = Array.from({ length: Math.max(...indexes) - offset + 1 }, () => 0);
    for (const index of indexes) counts[index - offset] = (counts[index - offset] ?? 0) + 1;
    return { offset, counts };
  };
  return {
    attributes: noOtlpAttributes,
    startMilliseconds: 0,
    timeMilliseconds: 1,
    isMissing: false,
    count: values.length,
    sum: null,
    scale,
    zeroCount: values.filter((value) => value === 0).length,
    zeroThreshold: 0,
    positive: side(values.filter((value) => value > 0)),
    negative: side(values.filter((value) => value < 0).map(Math.abs)),
    isOversized: false,
  };
}

/** How many values each bucket and all below it hold. */
function totals({ bounds, counts }: { bounds: readonly number[]; counts: readonly number[] }) {
  let total = 0;
  return bounds.map((bound, index) => [bound, (total += counts[index] ?? 0)] as const);
}

describe("an exponential histogram as classic buckets", () => {
  it("counts at each bound what isn't above it, with a bounded number of bounds in ascending order", () => {
    const magnitude = double({ min: 1e-6, max: 1e6, noNaN: true });
    const values = array(
      magnitude.chain((value) => integer({ min: -1, max: 1 }).map((sign) => sign * value)),
    );
    assert(
      property(values, integer({ min: -2, max: 6 }), (list, scale) => {
        const buckets = exponentialBuckets(record(list, scale));
        if (!buckets) throw new Error("it has buckets");
        expect(buckets.bounds.length).toBeLessThanOrEqual(maximumExponentialBuckets + 3);
        expect(buckets.bounds).toEqual(buckets.bounds.toSorted((one, other) => one - other));
        for (const [bound, total] of totals(buckets)) {
          // Logarithms round: a value at a bound may be counted on either side of it.
          const below = list.filter((value) => value < bound - Math.abs(bound) * 1e-9).length;
          const most = list.filter((value) => value <= bound + Math.abs(bound) * 1e-9).length;
          expect(total).toBeGreaterThanOrEqual(below);
          expect(total).toBeLessThanOrEqual(most);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("has the same bounds however fine the sender's are", () => {
    const values = [3, 17, 100];
    const [fine, finer] = [3, 6].map((scale) => exponentialBuckets(record(values, scale)));
    expect(fine).toEqual(finer);
  });

  it("goes to coarser bounds, which are among the finer, where there would be too many", () => {
    const narrow = exponentialBuckets(record([1, 2], 2))?.bounds ?? [];
    const wide = exponentialBuckets(record([1e-9, 1, 2, 1e9], 2))?.bounds ?? [];
    expect(wide.length).toBeLessThanOrEqual(maximumExponentialBuckets + 1);
    expect(wide.filter((bound) => bound >= 1 && bound <= 2)).toEqual(
      narrow.filter((bound) => bound === 1 || bound === 2 || wide.includes(bound)),
    );
  });

  it("is refused with a scale beyond the specification's", () => {
    expect(exponentialBuckets({ ...record([1], 0), scale: 21 })).toBeNull();
    expect(exponentialBuckets({ ...record([1], 0), scale: Number.NaN })).toBeNull();
  });

  it("leaves out bounds that no number can be", () => {
    const point = { ...record([], 0), scale: -10, positive: { offset: 0, counts: [1, 1] } };
    expect(exponentialBuckets(point)).toEqual({ bounds: [1], counts: [0] });
  });
});

describe("the sum of two sets of buckets", () => {
  it("has the bounds of both and loses nothing", () => {
    const sum = addBuckets(
      { bounds: [1, 4], counts: [1, 2] },
      { bounds: [2, 4, 8], counts: [10, 20, 30] },
    );
    expect(sum).toEqual({ bounds: [1, 2, 4, 8], counts: [1, 10, 22, 30] });
    expect(addBuckets({ bounds: [], counts: [] }, sum)).toEqual(sum);
  });
});
