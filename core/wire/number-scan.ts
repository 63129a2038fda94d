/** Reads the numbers of the text formats from bytes, without making a string for most. Truth: strtod's decimal grammar, which both formats share; no hexadecimal. */
import { maximumLongDigits, readLongDecimal } from "./long-decimal.ts";

/** Every integer up to here, and every power of ten in `powers`, is exact, so one multiplication or division rounds right. */
const exactMantissa = 9_007_199_254_740_992;
const maximumFastDigits = 15;
const powers = Float64Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));

const words = new Map([
  ["nan", Number.NaN],
  ["inf", Infinity],
  ["infinity", Infinity],
]);

/**
 * Puts the number that starts at `offset` into `target[index]` and returns the offset behind it, or -1 where there is
 * none. What follows the number isn't looked at. The bytes end in a line feed.
 */
export function scanNumber(
  bytes: Buffer,
  offset: number,
  target: Float64Array,
  index: number,
): number {
  let at = offset;
  let byte = bytes[at] ?? 0;
  const negative = byte === 0x2d;
  if (negative || byte === 0x2b) byte = bytes[(at += 1)] ?? 0;
  const first = at;
  let mantissa = 0;
  while (byte >= 0x30 && byte <= 0x39) {
    mantissa = mantissa * 10 + (byte - 0x30);
    byte = bytes[(at += 1)] ?? 0;
  }
  let digits = at - first;
  let scale = 0;
  if (byte === 0x2e) {
    const point = at;
    byte = bytes[(at += 1)] ?? 0;
    while (byte >= 0x30 && byte <= 0x39) {
      mantissa = mantissa * 10 + (byte - 0x30);
      byte = bytes[(at += 1)] ?? 0;
    }
    scale = at - point - 1;
    digits += scale;
  }
  if (digits === 0) return scanWord(bytes, first, negative, target, index);
  if (byte === 0x65 || byte === 0x45) {
    byte = bytes[(at += 1)] ?? 0;
    const falls = byte === 0x2d;
    if (falls || byte === 0x2b) byte = bytes[(at += 1)] ?? 0;
    const exponentAt = at;
    let exponent = 0;
    while (byte >= 0x30 && byte <= 0x39) {
      exponent = exponent * 10 + (byte - 0x30);
      byte = bytes[(at += 1)] ?? 0;
    }
    if (at === exponentAt) return -1;
    scale += falls ? exponent : -exponent;
  }
  const isExact = digits <= maximumFastDigits || mantissa < exactMantissa;
  let magnitude = Number.NaN;
  if (isExact && scale <= 22 && scale >= -22)
    magnitude = scale >= 0 ? mantissa / powers[scale]! : mantissa * powers[-scale]!;
  else if (digits <= maximumLongDigits && scale >= 0 && scale <= 22)
    magnitude = readLongDecimal(bytes, first, digits, powers[scale]!);
  if (Number.isNaN(magnitude)) magnitude = Number(bytes.toString("latin1", first, at));
  target[index] = negative ? -magnitude : magnitude;
  return at;
}

function scanWord(
  bytes: Buffer,
  start: number,
  negative: boolean,
  target: Float64Array,
  index: number,
): number {
  let at = start;
  while (isLetter(bytes[at]) && at - start < 9) at += 1;
  const value = words.get(bytes.toString("latin1", start, at).toLowerCase());
  if (value === undefined) return -1;
  target[index] = negative ? -value : value;
  return at;
}

function isLetter(byte: number | undefined): boolean {
  return byte !== undefined && (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;
}
