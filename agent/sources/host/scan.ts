/** Scanners over the bytes of kernel files: no strings, no allocation. Truth: the printf formats of the kernel's /proc code. */

/** A place in a file that the scanners move. The bytes hold a line feed at `end` or before it, where every scan stops. */
export interface Cursor {
  bytes: Uint8Array;
  position: number;
  end: number;
}

export const lineFeed = 0x0a;
const space = 0x20;
const tab = 0x09;
const carriageReturn = 0x0d;
const minus = 0x2d;
const point = 0x2e;
/** So many decimal digits are always exact in a double. */
const exactDigits = 15;
const largestUnsigned = "18446744073709551615";

function isSpace(byte: number | undefined): boolean {
  return byte === space || byte === tab || byte === carriageReturn;
}

/**
 * Reads an unsigned number and the blanks before it. NaN where the next word is anything else (a sign, letters, more
 * than 64 bits): the cursor then stands behind that word, so that the next scan reads the next field.
 */
export function scanUnsigned(cursor: Cursor): number {
  const { bytes } = cursor;
  let at = skipBlanks(bytes, cursor.position);
  const first = at;
  let value = 0;
  let byte = bytes[at] ?? lineFeed;
  while (byte >= 0x30 && byte <= 0x39) {
    value = value * 10 + (byte - 0x30);
    at += 1;
    byte = bytes[at] ?? lineFeed;
  }
  const digits = at - first;
  if (digits === 0 || !(byte === lineFeed || isSpace(byte))) {
    cursor.position = skipWord(bytes, at);
    return Number.NaN;
  }
  cursor.position = at;
  if (digits <= exactDigits) return value;
  if (digits > largestUnsigned.length) return Number.NaN;
  const text = latin1(bytes, first, at);
  const fits = digits < largestUnsigned.length || text <= largestUnsigned;
  return fits ? Number(text) : Number.NaN;
}

/** The same with a minus before it, if there is one. */
export function scanSigned(cursor: Cursor): number {
  const at = skipBlanks(cursor.bytes, cursor.position);
  if (cursor.bytes[at] !== minus) return scanUnsigned(cursor);
  cursor.position = at + 1;
  // A blank behind the minus makes it a word of its own.
  if (isSpace(cursor.bytes[at + 1])) return Number.NaN;
  return -scanUnsigned(cursor);
}

/** Reads a decimal like `12.05`, with at most 15 digits, and the blanks before it; NaN for any other word. */
export function scanDecimal(cursor: Cursor): number {
  const { bytes } = cursor;
  let at = skipBlanks(bytes, cursor.position);
  const first = at;
  let value = 0;
  let divisor = 0;
  for (;;) {
    const byte = bytes[at] ?? lineFeed;
    if (byte === point && divisor === 0) divisor = 1;
    else if (byte >= 0x30 && byte <= 0x39) {
      value = value * 10 + (byte - 0x30);
      divisor *= 10;
    } else break;
    at += 1;
  }
  const length = at - first;
  const wellFormed =
    length > 0 &&
    length <= exactDigits + 1 &&
    divisor !== 1 &&
    (bytes[at] === lineFeed || isSpace(bytes[at]));
  cursor.position = wellFormed ? at : skipWord(bytes, at);
  return wellFormed ? value / (divisor || 1) : Number.NaN;
}

/** Where the line after the one at `from` starts; `end` when there is none. */
export function nextLine(bytes: Uint8Array, from: number, end: number): number {
  // Most lines end within a few bytes of the last number: a loop beats the call, which wins only on long tails.
  const near = Math.min(end, from + 64);
  for (let at = from; at < near; at += 1) if (bytes[at] === lineFeed) return at + 1;
  const found = near < end ? bytes.indexOf(lineFeed, near) : -1;
  return found === -1 || found >= end ? end : found + 1;
}

function skipBlanks(bytes: Uint8Array, from: number): number {
  let at = from;
  while (isSpace(bytes[at])) at += 1;
  return at;
}

function skipWord(bytes: Uint8Array, from: number): number {
  let at = from;
  while (bytes[at] !== undefined && bytes[at] !== lineFeed && !isSpace(bytes[at])) at += 1;
  return at;
}

function latin1(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString("latin1");
}
