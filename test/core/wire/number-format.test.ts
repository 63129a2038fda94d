import * as fc from "fast-check";
import { expect, test } from "vitest";
import { formatNumber, maximumNumberBytes, writeNumber } from "../../../core/wire/number-format.ts";

function written(value: number): string {
  const target = Buffer.alloc(maximumNumberBytes + 2, 0x23);
  const end = writeNumber(target, 1, value);
  expect(target[0]).toBe(0x23);
  expect(target.subarray(end).every((byte) => byte === 0x23)).toBe(true);
  return target.toString("latin1", 1, end);
}

test.each([
  [0, "0"],
  [-0, "-0"],
  [7, "7"],
  [-1, "-1"],
  [999_999_999, "999999999"],
  [1_000_000_000, "1000000000"],
  [1_000_000_001, "1000000001"],
  [4_294_967_296, "4294967296"],
  [9_007_199_254_740_991, "9007199254740991"],
  [-9_007_199_254_740_991, "-9007199254740991"],
  [9_007_199_254_740_992, "9007199254740992"],
  [0.5, "0.5"],
  [-0.25, "-0.25"],
  [12.34, "12.34"],
  [1234567.001, "1234567.001"],
  [0.000001, "0.000001"],
  [1_700_000_000.123456, "1700000000.123456"],
  [0.1 + 0.2, "0.30000000000000004"],
  [1e21, "1e+21"],
  [5e-324, "5e-324"],
  [-Number.MAX_VALUE, "-1.7976931348623157e+308"],
  [Number.NaN, "NaN"],
  [Number.POSITIVE_INFINITY, "+Inf"],
  [Number.NEGATIVE_INFINITY, "-Inf"],
])("writes %d as %s", (value, text) => {
  expect(written(value)).toBe(text);
  expect(formatNumber(value)).toBe(text);
});

test("writes every float64 in the shortest digits that read back as the same number", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      expect(Object.is(Number(written(value)), value)).toBe(true);
    }),
    { numRuns: 3000 },
  );
});

test("writes decimals of few places as String does", () => {
  fc.assert(
    fc.property(fc.integer(), fc.constantFrom(10, 100, 1000, 1e4, 1e5, 1e6), (whole, power) => {
      const value = whole / power;
      expect(written(value)).toBe(formatNumber(value));
    }),
    { numRuns: 3000 },
  );
});
