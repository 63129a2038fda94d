import * as fc from "fast-check";
import { expect, test } from "vitest";
import { scanNumber } from "../../../core/wire/number-scan.ts";

function scan(text: string): { value: number; end: number } {
  const target = new Float64Array(1);
  const end = scanNumber(Buffer.from(`${text}\n`), 0, target, 0);
  return { value: target[0] ?? 0, end };
}

/** As Go's client library spells it: an exponent of two digits or more from a million on. */
function goSpelling(value: number): string {
  const [mantissa = "", exponent = ""] = value.toExponential().split("e");
  const power = Number(exponent);
  if (value === 0 || (power >= -4 && power < 6)) return String(value);
  return `${mantissa}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

test("reads back every float64, as JavaScript and as Go spell it", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      for (const text of [String(value), goSpelling(value), value.toExponential(20)]) {
        const { value: read, end } = scan(text);
        expect(Object.is(read, Number(text))).toBe(true);
        expect(end).toBe(text.length);
      }
    }),
    { numRuns: 2000 },
  );
});

test("reads decimals of any length and exponent as they are nearest to", () => {
  const digits = fc.string({
    unit: fc.constantFrom(..."0123456789".split("")),
    minLength: 1,
    maxLength: 25,
  });
  const exponent = fc.oneof(
    fc.constant(""),
    fc
      .tuple(fc.constantFrom("e", "E"), fc.constantFrom("", "+", "-"), fc.nat(400))
      .map((all) => all.join("")),
  );
  fc.assert(
    fc.property(digits, digits, exponent, (whole, part, power) => {
      for (const text of [`${whole}${power}`, `${whole}.${part}${power}`, `-.${part}${power}`])
        expect(scan(text)).toEqual({ value: Number(text), end: text.length });
    }),
    { numRuns: 2000 },
  );
});

test.each([
  ["1e6", 1e6, 3],
  ["1e+06", 1e6, 5],
  ["1e00000000000000000000000000000000000002", 100, 40],
  ["1e99999999999999999999", Infinity, 22],
  ["-1e-99999999999999999999", -0, 24],
  ["0e99999999999999999999", 0, 22],
])("reads %s", (text, value, end) => {
  expect(scan(text)).toEqual({ value, end });
});

test.each(["", "e5", "1e", "1e+", "1e-", ".", "+", "--1", "nane"])("%j is no number", (text) => {
  expect(scan(text).end).toBe(-1);
});

test("reads decimals that lie at, or just beside, the middle between two float64", () => {
  const odd = fc.bigInt({ min: 2n ** 52n, max: 2n ** 53n - 1n }).map((half) => half * 2n + 1n);
  fc.assert(
    fc.property(odd, (middle) => {
      const half = String(middle * 5n);
      const texts = [
        String(middle),
        `${middle}.0`,
        `${middle}.00001`,
        `${middle - 1n}.99999`,
        `${half.slice(0, -1)}.${half.slice(-1)}`,
        `${half.slice(0, -1)}.${half.slice(-1)}00001`,
      ];
      for (const text of texts)
        expect(scan(text)).toEqual({ value: Number(text), end: text.length });
    }),
    { numRuns: 1000 },
  );
});

test("reads the digits of sums and means, which are longer than a float64 is exact", () => {
  const number = fc.double({ min: 1e-5, max: 1e15, noNaN: true });
  fc.assert(
    fc.property(number, fc.integer({ min: 16, max: 21 }), (value, precision) => {
      const text = value.toPrecision(precision);
      expect(scan(text)).toEqual({ value: Number(text), end: text.length });
    }),
    { numRuns: 2000 },
  );
});
