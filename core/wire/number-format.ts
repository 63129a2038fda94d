/** Numbers as the text formats spell them: the shortest digits that read back as the same float64, without making a string for most. */

/** No number takes more bytes than this, sign included. */
export const maximumNumberBytes = 32;

const zero = 0x30;
const minus = 0x2d;
const dot = 0x2e;
const billion = 1e9;
/** Two different decimals of at most 15 digits never mean the same float64, so one that reads back is the shortest. */
const unambiguous = 1e15;

/** Writes `value` at `offset` and returns the offset behind it. The caller has made room for `maximumNumberBytes`. */
export function writeNumber(target: Uint8Array, offset: number, value: number): number {
  if (Number.isSafeInteger(value)) {
    if (value > 0) return writeInteger(target, offset, value);
    if (value < 0) return writeInteger(target, writeByte(target, offset, minus), -value);
    return writeByte(
      target,
      Object.is(value, -0) ? writeByte(target, offset, minus) : offset,
      zero,
    );
  }
  const magnitude = Math.abs(value);
  const thousandths = Math.round(magnitude * 1e3);
  if (thousandths < unambiguous && thousandths / 1e3 === magnitude)
    return writeDecimal(target, offset, value < 0, thousandths, 3);
  const millionths = Math.round(magnitude * 1e6);
  if (millionths < unambiguous && millionths / 1e6 === magnitude)
    return writeDecimal(target, offset, value < 0, millionths, 6);
  return writeText(target, offset, spell(value));
}

/** The same number as a string. */
export function formatNumber(value: number): string {
  return Object.is(value, -0) ? "-0" : spell(value);
}

function spell(value: number): string {
  if (value === Infinity) return "+Inf";
  if (value === -Infinity) return "-Inf";
  return String(value);
}

function writeByte(target: Uint8Array, offset: number, byte: number): number {
  target[offset] = byte;
  return offset + 1;
}

function writeText(target: Uint8Array, offset: number, text: string): number {
  for (let index = 0; index < text.length; index += 1)
    target[offset + index] = text.charCodeAt(index);
  return offset + text.length;
}

function writeInteger(target: Uint8Array, offset: number, value: number): number {
  if (value < billion) return writeDigits(target, offset, value | 0, digitCount(value));
  const high = Math.floor(value / billion);
  return writeDigits(
    target,
    writeDigits(target, offset, high, digitCount(high)),
    value - high * billion,
    9,
  );
}

/** `scaled` is the magnitude times ten to the power of `places`; it isn't a multiple of that power. */
function writeDecimal(
  target: Uint8Array,
  offset: number,
  negative: boolean,
  scaled: number,
  places: number,
): number {
  const power = places === 3 ? 1e3 : 1e6;
  const whole = Math.floor(scaled / power);
  let fraction = (scaled - whole * power) | 0;
  let digits = places;
  while (fraction % 10 === 0) {
    fraction = (fraction / 10) | 0;
    digits -= 1;
  }
  let end = negative ? writeByte(target, offset, minus) : offset;
  end = whole === 0 ? writeByte(target, end, zero) : writeInteger(target, end, whole);
  return writeDigits(target, writeByte(target, end, dot), fraction, digits);
}

/** Writes exactly `count` digits, with leading zeros. `value` is below 10^9. */
function writeDigits(target: Uint8Array, offset: number, value: number, count: number): number {
  let rest = value | 0;
  for (let index = offset + count - 1; index >= offset; index -= 1) {
    const tenth = (rest / 10) | 0;
    target[index] = zero + (rest - tenth * 10);
    rest = tenth;
  }
  return offset + count;
}

function digitCount(value: number): number {
  if (value < 1e4) return value < 100 ? (value < 10 ? 1 : 2) : value < 1e3 ? 3 : 4;
  if (value < 1e8) return value < 1e6 ? (value < 1e5 ? 5 : 6) : value < 1e7 ? 7 : 8;
  return 9;
}
