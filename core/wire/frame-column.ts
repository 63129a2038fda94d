/**
 * A column of float64 numbers as differences from the one before, bit for bit the same on the other side.
 *
 *     column  = bitmap { token }                one bit per place that differs, least significant first; one token per bit set
 *     token   = 0 raw                           raw: the 8 bytes of the number, little-endian
 *             | 1..7 zigzag(scaled)             the exponent (0..6) plus one: number = scaled / 10^exponent
 *             | zigzag(scaled - before) + 7     the exponent stays, and scaled differs from the one before
 *
 * All but raw are varints. Each place remembers its exponent and scaled number; both begin as 0, as does the number.
 * After a raw whole number up to 2^53 they are 0 and that number; after any other raw number they stay.
 */
import {
  malformed,
  maximumVarintBytes,
  readVarint,
  unzigzag,
  varintSize,
  writeVarint,
  zigzag,
} from "./bytes.ts";

const powers = Float64Array.of(1, 10, 100, 1e3, 1e4, 1e5, 1e6);
const firstDifference = 8;
/** Its zigzag and the tokens below it still fit in 2^53. */
const maximumMagnitude = 2 ** 52 - firstDifference;
/** A millionth of 2^50: what rounding adds to a number of millionths up to there is far less than half a millionth. */
const maximumTried = 2 ** 50 / 1e6;
/** Its token fits in three bytes. */
const smallMagnitude = 2 ** 20 - firstDifference;

export interface Column {
  readonly length: number;
  readonly numbers: Float64Array;
  /** The same memory: numbers are compared and moved as bits, since a NaN's may not survive being a number. */
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  readonly exponents: Uint8Array;
  readonly scaled: Float64Array;
}

export function createColumn(length: number): Column {
  const numbers = new Float64Array(length);
  return {
    length,
    numbers,
    words: new Int32Array(numbers.buffer),
    bytes: new Uint8Array(numbers.buffer),
    exponents: new Uint8Array(length),
    scaled: new Float64Array(length),
  };
}

export function bitmapBytes(length: number): number {
  return (length + 7) >> 3;
}

/** The room that any column of this length fits in. */
export function maximumColumnBytes(length: number): number {
  return bitmapBytes(length) + length * (1 + maximumVarintBytes);
}

/**
 * Writes the places from `first` on that hold other bits than `numbers`, and takes those over. Places whose bit isn't
 * set in `present` are passed over, as are those that aren't in `slots`, which are known to hold the same; null means
 * that any may count. Returns the offset behind the last token.
 */
export function encodePlaces(
  column: Column,
  first: number,
  numbers: Float64Array,
  { present, slots }: { readonly present: Uint8Array | null; readonly slots: Uint8Array | null },
  target: Buffer,
  bitmap: number,
  offset: number,
): number {
  const words = new Int32Array(numbers.buffer, numbers.byteOffset, numbers.length * 2);
  const { words: known, exponents, scaled } = column;
  let at = offset;
  for (let start = 0; start < numbers.length; start += 8) {
    const byte = start >> 3;
    let bits = (present?.[byte] ?? 255) & (slots?.[byte] ?? 255);
    if (numbers.length - start < 8) bits &= (1 << (numbers.length - start)) - 1;
    // From the lowest bit that is set to the highest.
    for (; bits !== 0; bits &= bits - 1) {
      const index = start + 31 - Math.clz32(bits & -bits);
      const place = first + index;
      const low = words[index * 2]!;
      const high = words[index * 2 + 1]!;
      if (low === known[place * 2] && high === known[place * 2 + 1]) continue;
      known[place * 2] = low;
      known[place * 2 + 1] = high;
      target[bitmap + (place >> 3)]! |= 1 << (place & 7);
      const number = numbers[index]!;
      const exponent = exponents[place]!;
      const power = powers[exponent]!;
      const whole = Math.floor(number * power + 0.5);
      const steps = whole - scaled[place]!;
      // What isn't exactly its scaled number, is none or too far from the one before, has a token of another kind.
      if (
        whole / power !== number ||
        !(Math.abs(steps) < smallMagnitude) ||
        steps === 0 ||
        whole === 0 ||
        !(Math.abs(whole) <= maximumMagnitude)
      ) {
        at = writeToken(column, place, number, target, at);
        continue;
      }
      scaled[place] = whole;
      const token = ((steps << 1) ^ (steps >> 31)) + firstDifference - 1;
      // Three bytes are written, and as many of them kept as it takes: a guess at how many would be wrong too often.
      target[at] = (token & 0x7f) | (((0x7f - token) >>> 24) & 0x80);
      target[at + 1] = ((token >> 7) & 0x7f) | (((0x3fff - token) >>> 24) & 0x80);
      target[at + 2] = token >> 14;
      at += ((31 - Math.clz32(token)) * 9 + 73) >> 6;
    }
  }
  return at;
}

function writeToken(
  column: Column,
  place: number,
  number: number,
  target: Buffer,
  offset: number,
): number {
  const before = column.exponents[place] ?? 0;
  const scaled = scale(number, before);
  const difference = scaled - (column.scaled[place] ?? 0);
  if (difference !== 0 && Math.abs(difference) <= maximumMagnitude) {
    column.scaled[place] = scaled;
    return writeVarint(target, offset, zigzag(difference) + firstDifference - 1);
  }
  const exponents = hasExponent(number) ? powers.length : 0;
  for (let exponent = 0; exponent < exponents; exponent += 1) {
    const whole = scale(number, exponent);
    if (!(Math.abs(whole) <= maximumMagnitude)) continue;
    column.exponents[place] = exponent;
    column.scaled[place] = whole;
    return writeVarint(target, writeVarint(target, offset, exponent + 1), zigzag(whole));
  }
  target[offset] = 0;
  writeWord(target, offset + 1, column.words[place * 2]!);
  writeWord(target, offset + 5, column.words[place * 2 + 1]!);
  noteRaw(column, place);
  return offset + 9;
}

function writeWord(target: Buffer, offset: number, word: number): void {
  target[offset] = word;
  target[offset + 1] = word >>> 8;
  target[offset + 2] = word >>> 16;
  target[offset + 3] = word >>> 24;
}

/** Whether it is worth a search: what has an exponent has the highest as well, where that leaves it so small that it's exact. */
function hasExponent(number: number): boolean {
  const largest = powers.length - 1;
  if (Math.abs(number) > maximumTried) return true;
  return !Number.isNaN(scale(number, largest));
}

/** The whole number that stands for `number` at this exponent, or NaN where none gives it back exactly (-0 has none). */
function scale(number: number, exponent: number): number {
  const power = powers[exponent] ?? 1;
  const scaled = Math.round(number * power);
  const exact = Number.isSafeInteger(scaled) && scaled / power === number;
  return exact && !Object.is(scaled, -0) ? scaled : Number.NaN;
}

function noteRaw(column: Column, place: number): void {
  const number = column.numbers[place] ?? 0;
  if (!Number.isSafeInteger(number) || Object.is(number, -0)) return;
  column.exponents[place] = 0;
  column.scaled[place] = number;
}

/** Reads a column over the one before, from its bitmap on; returns the offset behind it. */
export function decodeColumn(column: Column, source: Buffer, offset: number, end: number): number {
  const { length, numbers, scaled, exponents } = column;
  const used = length & 7;
  let at = offset + bitmapBytes(length);
  if (at > end) throw malformed(endsEarly);
  if (used !== 0 && source[at - 1]! >> used !== 0)
    throw malformed("the frame has a number for a series that isn't there");
  for (let start = 0; start < length; start += 8) {
    // From the lowest bit that is set to the highest.
    for (let bits = source[offset + (start >> 3)]!; bits !== 0; bits &= bits - 1) {
      const place = start + 31 - Math.clz32(bits & -bits);
      // Nearly every token is a difference in one, two or three bytes.
      let token = source[at]!;
      let size = 1;
      if (token >= 0x80) {
        const middle = source[at + 1]!;
        token = (token & 0x7f) | ((middle & 0x7f) << 7);
        size = 2;
        if (middle >= 0x80) {
          token |= source[at + 2]! << 14;
          size = 3;
        }
      }
      // One that is longer, or longer than it need be, ends in a byte that says so.
      if (token < firstDifference || (size > 1 && !endsWell(source[at + size - 1]!))) {
        at = readToken(column, place, source, at);
        continue;
      }
      at += size;
      const steps = token - firstDifference + 1;
      const whole = scaled[place]! + ((steps >>> 1) ^ -(steps & 1));
      const exponent = exponents[place]!;
      scaled[place] = whole;
      numbers[place] = exponent === 0 ? whole : whole / powers[exponent]!;
    }
  }
  if (at > end) throw malformed(endsEarly);
  return at;
}

const endsEarly = "the message ends in the middle of a field";

function endsWell(byte: number): boolean {
  return byte !== 0 && byte < 0x80;
}

function readToken(column: Column, place: number, source: Buffer, offset: number): number {
  const size = varintSize(source, offset);
  const token = readVarint(source, offset, size);
  const at = offset + size;
  if (token >= firstDifference) {
    const scaled = (column.scaled[place] ?? 0) + unzigzag(token - firstDifference + 1);
    column.scaled[place] = scaled;
    column.numbers[place] = scaled / (powers[column.exponents[place] ?? 0] ?? 1);
    return at;
  }
  if (token === 0) {
    column.bytes.set(source.subarray(at, at + 8), place * 8);
    noteRaw(column, place);
    return at + 8;
  }
  const wholeSize = varintSize(source, at);
  const scaled = unzigzag(readVarint(source, at, wholeSize));
  column.exponents[place] = token - 1;
  column.scaled[place] = scaled;
  column.numbers[place] = scaled / (powers[token - 1] ?? 1);
  return at + wholeSize;
}
