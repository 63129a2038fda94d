/** A cursor over a Protocol Buffers message (protobuf.dev's encoding guide) for readers that can't afford an object per field. */
import { WarpwatchError } from "../kit/errors.ts";
import type { BatchBuilder } from "./write-request.ts";

export interface WireCursor {
  at: number;
  source: Buffer;
}

const valueTag = 0x09;
const timestampTag = 0x10;

/** A `Sample`, which both versions begin alike. Fields that aren't there are 0: so proto3 writes them. */
export function readSample(
  cursor: WireCursor,
  end: number,
  series: number,
  builder: BatchBuilder,
): void {
  const { source } = cursor;
  let low = 0;
  let high = 0;
  let time = 0;
  while (cursor.at < end) {
    const tag = source[cursor.at]!;
    if (tag === valueTag && cursor.at + 9 <= end) {
      low = readWord(source, cursor.at + 1);
      high = readWord(source, cursor.at + 5);
      cursor.at += 9;
    } else if (tag === timestampTag) {
      cursor.at += 1;
      time = readWireSigned(cursor, end);
    } else skipField(cursor, end, readWireVarint(cursor, end));
  }
  builder.add(series, time, low, high);
}

/** A whole number up to 2^53; what is longer than ten bytes isn't one. */
export function readWireVarint(cursor: WireCursor, end: number): number {
  const { source } = cursor;
  let at = cursor.at;
  if (at < end) {
    const byte = source[at]!;
    if (byte < 128) {
      cursor.at = at + 1;
      return byte;
    }
    const next = at + 1 < end ? source[at + 1]! : 128;
    if (next < 128) {
      cursor.at = at + 2;
      return (byte & 127) | (next << 7);
    }
  }
  let value = 0;
  let scale = 1;
  for (let count = 0; count < 10; count += 1) {
    if (at >= end) throw wireMalformed("it ends within a number");
    const byte = source[at++]!;
    value += (byte & 127) * scale;
    if (byte < 128) {
      cursor.at = at;
      return value;
    }
    scale *= 128;
  }
  throw wireMalformed("a number has more than ten bytes");
}

function readWord(source: Buffer, at: number): number {
  return source[at]! | (source[at + 1]! << 8) | (source[at + 2]! << 16) | (source[at + 3]! << 24);
}

/** A signed number (`int64`): of ten bytes when it is below 0. */
function readWireSigned(cursor: WireCursor, end: number): number {
  const { source, at } = cursor;
  // Unix milliseconds of our time take six bytes.
  if (
    at + 6 <= end &&
    source[at + 5]! < 128 &&
    (source[at]! & source[at + 1]! & source[at + 2]! & source[at + 3]! & source[at + 4]!) >= 128
  ) {
    cursor.at = at + 6;
    const low =
      (source[at]! & 127) |
      ((source[at + 1]! & 127) << 7) |
      ((source[at + 2]! & 127) << 14) |
      ((source[at + 3]! & 127) << 21);
    return ((source[at + 4]! & 127) | (source[at + 5]! << 7)) * 0x1000_0000 + low;
  }
  return Number(readWireInteger(cursor, end));
}

/** The same, whatever its size. */
export function readWireInteger(cursor: WireCursor, end: number): bigint {
  let value = 0n;
  for (let count = 0n; count < 10n; count += 1n) {
    if (cursor.at >= end) throw wireMalformed("it ends within a number");
    const byte = cursor.source[cursor.at]!;
    cursor.at += 1;
    value |= BigInt(byte & 127) << (7n * count);
    if (byte < 128) return BigInt.asIntN(64, value);
  }
  throw wireMalformed("a number has more than ten bytes");
}

/** The end of the field of this length; checked against what is left before anything is done with it. */
export function fieldEnd(cursor: WireCursor, end: number): number {
  const length = readWireVarint(cursor, end);
  if (length > end - cursor.at) throw wireMalformed("it ends within a field");
  return cursor.at + length;
}

/** Calls for each field up to `end`, the cursor behind its tag, which is at `start`; what isn't taken is passed over. */
export function eachField(
  cursor: WireCursor,
  end: number,
  take: (tag: number, start: number) => boolean,
): void {
  while (cursor.at < end) {
    const start = cursor.at;
    const tag = readWireVarint(cursor, end);
    if (!take(tag, start)) skipField(cursor, end, tag);
  }
}

/** Passes over the field whose tag was read. */
export function skipField(cursor: WireCursor, end: number, tag: number): void {
  if (tag < 8) throw wireMalformed("a field's number is 0");
  const type = tag % 8;
  if (type === 0) readWireVarint(cursor, end);
  else if (type === 2) cursor.at = fieldEnd(cursor, end);
  else if (type === 1 || type === 5) {
    cursor.at += type === 1 ? 8 : 4;
    if (cursor.at > end) throw wireMalformed("it ends within a field");
  } else throw wireMalformed(`there is no wire type ${type}`);
}

export function wireMalformed(reason: string): WarpwatchError {
  return new WarpwatchError("MESSAGE_MALFORMED", `not a Protocol Buffers message: ${reason}`);
}
