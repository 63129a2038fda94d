/** A scanner for the hexadecimal columns of /proc/net: no strings, no allocation. */
import type { Cursor } from "./scan.ts";

const space = 0x20;
const lineFeed = 0x0a;

/** Reads a number of at most 16 digits and the blanks before it; NaN at the end of the line and for any other word. */
export function scanHexadecimal(cursor: Cursor): number {
  const { bytes, end } = cursor;
  let at = cursor.position;
  while (at < end && bytes[at] === space) at += 1;
  const first = at;
  let value = 0;
  for (; at < end; at += 1) {
    const digit = digitOf(bytes[at] ?? 0);
    if (digit < 0) break;
    value = value * 16 + digit;
  }
  const ended = at >= end || bytes[at] === space || bytes[at] === lineFeed;
  const wellFormed = ended && at > first && at - first <= 16;
  while (at < end && bytes[at] !== space && bytes[at] !== lineFeed) at += 1;
  cursor.position = at;
  return wellFormed ? value : Number.NaN;
}

function digitOf(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : -1;
}
