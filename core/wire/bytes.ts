/** Reading and writing the parts of binary messages: varints (LEB128, to 2^53 without BigInt), strings, counts checked before anything is allocated for them. */
import { isUtf8 } from "node:buffer";
import { WarpwatchError } from "../kit/errors.ts";

export const maximumVarintBytes = 8;

export function malformed(sentence: string): WarpwatchError {
  return new WarpwatchError("FRAME_MALFORMED", sentence);
}

/** Writes a whole number of 0 to 2^53 - 1; returns the offset behind it. */
export function writeVarint(target: Uint8Array, offset: number, value: number): number {
  let at = offset;
  let rest = value;
  while (rest >= 0x8000_0000) {
    target[at] = (rest % 128) + 128;
    rest = Math.floor(rest / 128);
    at += 1;
  }
  let small = rest | 0;
  while (small >= 128) {
    target[at] = (small & 127) | 128;
    small >>>= 7;
    at += 1;
  }
  target[at] = small;
  return at + 1;
}

/** Small magnitudes become small numbers: 0, -1, 1, -2 … as 0, 1, 2, 3 … */
export function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1;
}

export function unzigzag(value: number): number {
  if (value < 0x8000_0000) return (value & 1) === 0 ? value >>> 1 : -((value + 1) / 2);
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

/** How many bytes the varint at `offset` has. */
export function varintSize(source: Uint8Array, offset: number): number {
  for (let size = 1; size <= maximumVarintBytes; size += 1) {
    const byte = source[offset + size - 1];
    if (byte === undefined) throw malformed("the message ends in the middle of a field");
    if (byte < 128) return size;
  }
  throw malformed("a number in the message is over 2^53");
}

export function readVarint(source: Uint8Array, offset: number, size: number): number {
  let small = 0;
  for (let index = Math.min(size, 4) - 1; index >= 0; index -= 1)
    small = (small << 7) | ((source[offset + index] ?? 0) & 127);
  if (size <= 4) return small;
  let high = 0;
  for (let index = size - 1; index >= 4; index -= 1)
    high = high * 128 + ((source[offset + index] ?? 0) & 127);
  const value = high * 0x1000_0000 + small;
  if (value > Number.MAX_SAFE_INTEGER) throw malformed("a number in the message is over 2^53");
  return value;
}

/** Grows as it is written to. */
export interface ByteWriter {
  /** How many bytes were written. */
  readonly length: number;
  byte(value: number): void;
  varint(value: number): void;
  float(value: number): void;
  /** Its length in bytes, then its UTF-8. */
  string(text: string): void;
  finish(): Buffer;
}

export function createByteWriter(): ByteWriter {
  let target = Buffer.allocUnsafe(4096);
  let at = 0;
  function reserve(bytes: number): void {
    if (at + bytes <= target.length) return;
    const larger = Buffer.allocUnsafe(Math.max(target.length * 2, at + bytes));
    target.copy(larger, 0, 0, at);
    target = larger;
  }
  function varint(value: number): void {
    reserve(maximumVarintBytes);
    at = writeVarint(target, at, value);
  }
  return {
    get length() {
      return at;
    },
    varint,
    byte(value) {
      reserve(1);
      target[at] = value;
      at += 1;
    },
    float(value) {
      reserve(8);
      at = target.writeDoubleLE(value, at);
    },
    string(text) {
      const length = Buffer.byteLength(text);
      varint(length);
      reserve(length);
      at += target.write(text, at);
    },
    finish: () => target.subarray(0, at),
  };
}

/** Every read is checked; what isn't there is a FRAME_MALFORMED. */
export interface ByteReader {
  readonly left: number;
  /** How many bytes were read. */
  readonly offset: number;
  byte(): number;
  varint(): number;
  float(): number;
  string(maximumBytes: number): string;
  /** A number of things that take at least a byte each: no more than the limit, nor than the bytes that are left. */
  count(what: string, maximum: number): number;
  /** A number below `bound`. */
  index(what: string, bound: number): number;
  bytes(length: number): Buffer;
}

export function createByteReader(source: Buffer): ByteReader {
  let at = 0;
  function need(bytes: number): void {
    if (at + bytes > source.length) throw malformed("the message ends in the middle of a field");
  }
  function varint(): number {
    const size = varintSize(source, at);
    at += size;
    return readVarint(source, at - size, size);
  }
  function bytes(length: number): Buffer {
    need(length);
    at += length;
    return source.subarray(at - length, at);
  }
  return {
    get left() {
      return source.length - at;
    },
    get offset() {
      return at;
    },
    varint,
    bytes,
    byte() {
      need(1);
      at += 1;
      return source[at - 1] ?? 0;
    },
    float() {
      need(8);
      at += 8;
      return source.readDoubleLE(at - 8);
    },
    string(maximumBytes) {
      const length = varint();
      if (length > maximumBytes)
        throw malformed(
          `a text in the message has ${length} bytes, over the limit of ${maximumBytes}`,
        );
      const text = bytes(length);
      if (!isUtf8(text)) throw malformed("a text in the message isn't UTF-8");
      return text.toString("utf8");
    },
    count(what, maximum) {
      const count = varint();
      if (count > maximum)
        throw malformed(`the message announces ${count} ${what}, over the limit of ${maximum}`);
      if (count > source.length - at)
        throw malformed(`the message announces ${count} ${what} but is too short for them`);
      return count;
    },
    index(what, bound) {
      const index = varint();
      if (index >= bound) throw malformed(`the message names ${what} ${index} of ${bound}`);
      return index;
    },
  };
}
