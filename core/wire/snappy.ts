/** Snappy's block format, as google/snappy's format_description.txt has it: what remote-write's bodies are packed with. */
import { WarpwatchError } from "../kit/errors.ts";

/** A copy of three bytes stands for at most 64: no body unpacks to more than this times its size. */
const mostExpansion = 22;
const maximumLengthBytes = 5;
/** Longer pieces are worth a call. */
const longLiteral = 128;
const nothing = Buffer.alloc(0);
const keptBytes = 16 * 1024 * 1024;
const wordBytes = 8;
const stepBytes = 2 * wordBytes;
/** Behind what is unpacked, so that its last step can be written whole. */
const spareBytes = stepBytes - 1;
const blockBytes = 65_536;
const hashBits = 14;
/** Behind this margin nothing is looked for, so that four bytes can always be read. */
const margin = 15;

/** Unpacks bodies into the same memory: what it gives holds until the next. New memory for each costs more than the unpacking. */
export function createSnappyDecoder(maximumBytes: number): (source: Buffer) => Buffer {
  let kept: Buffer = nothing;
  return (source) => {
    const target = decodeSnappy(source, maximumBytes, kept);
    if (target.buffer !== kept.buffer && target.length <= keptBytes)
      kept = Buffer.from(target.buffer);
    return target;
  };
}

/** Throws MESSAGE_MALFORMED, or MESSAGE_TOO_LARGE before anything is allocated for what the body announces. */
export function decodeSnappy(
  source: Buffer,
  maximumBytes: number,
  reused: Buffer = nothing,
): Buffer {
  const { length, offset } = readLength(source);
  if (length > maximumBytes)
    throw new WarpwatchError(
      "MESSAGE_TOO_LARGE",
      `the body announces ${length} bytes, over the limit of ${maximumBytes}`,
    );
  if (length > source.length * mostExpansion)
    throw malformed(`it announces ${length} bytes, and ${source.length} can't hold them`);
  const room = length + spareBytes;
  const target = room <= reused.length ? reused : Buffer.allocUnsafeSlow(room);
  const written = unpack(source, offset, target, length);
  if (written !== length) throw malformed(`it holds ${written} bytes and announces ${length}`);
  return target.subarray(0, length);
}

/** Packs a body: greedy matches within blocks of 64 KiB. */
export function encodeSnappy(source: Buffer): Buffer {
  const target = Buffer.allocUnsafe(32 + source.length + Math.floor(source.length / 6));
  let at = 0;
  let rest = source.length;
  for (; rest >= 128; rest = Math.floor(rest / 128)) target[at++] = (rest % 128) + 128;
  target[at++] = rest;
  const table = new Int32Array(1 << hashBits);
  for (let start = 0; start < source.length; start += blockBytes) {
    table.fill(-1);
    at = packBlock(source, start, Math.min(start + blockBytes, source.length), target, at, table);
  }
  return target.subarray(0, at);
}

function readLength(source: Buffer): { length: number; offset: number } {
  let length = 0;
  let scale = 1;
  for (let offset = 0; offset < maximumLengthBytes; offset += 1) {
    const byte = source[offset];
    if (byte === undefined) throw malformed("it ends within its length");
    length += (byte & 127) * scale;
    if (byte < 128) return { length, offset: offset + 1 };
    scale *= 128;
  }
  throw malformed("its length has more than five bytes");
}

/** Returns how many bytes were written, at most `room`; `target` has spare bytes behind them. */
function unpack(source: Buffer, start: number, target: Buffer, room: number): number {
  const end = source.length;
  const from = new DataView(source.buffer, source.byteOffset, source.byteLength);
  const into = new DataView(target.buffer, target.byteOffset, target.byteLength);
  let at = start;
  let to = 0;
  let length = 0;
  let distance = 0;
  while (at < end) {
    const tag = source[at++]!;
    const kind = tag & 3;
    if (kind === 0) {
      length = (tag >> 2) + 1;
      if (length > 60) {
        const bytes = length - 60;
        if (at + bytes > end) throw malformed("it ends within a literal's length");
        length = source.readUIntLE(at, bytes) + 1;
        at += bytes;
      }
      if (length > end - at) throw malformed("it ends within a literal");
      if (length > room - to) throw malformed("it holds more than it announces");
      if (length > longLiteral) source.copy(target, to, at, at + length);
      else if (at + length + spareBytes <= end) copyWords(from, at, into, to, length);
      else for (let index = 0; index < length; index += 1) target[to + index] = source[at + index]!;
      at += length;
      to += length;
      continue;
    }
    const bytes = kind === 3 ? 4 : kind;
    if (at + bytes > end) throw malformed("it ends within a copy");
    // Most are of this kind.
    if (kind === 2) {
      length = 1 + (tag >> 2);
      distance = source[at]! | (source[at + 1]! << 8);
    } else if (kind === 1) {
      length = 4 + ((tag >> 2) & 7);
      distance = ((tag & 0xe0) << 3) | source[at]!;
    } else {
      length = 1 + (tag >> 2);
      distance = from.getUint32(at, true);
    }
    at += bytes;
    if (distance === 0 || distance > to) throw malformed("a copy reaches before the beginning");
    if (length > room - to) throw malformed("it holds more than it announces");
    // A copy may overlap with what it writes, and then repeats it.
    if (distance >= wordBytes) copyWords(into, to - distance, into, to, length);
    else
      for (let stop = to + length, index = to; index < stop; index += 1)
        target[index] = target[index - distance]!;
    to += length;
  }
  return to;
}

/**
 * Sixteen bytes at a time, and so up to fifteen too many: what follows is written over them. As whole numbers, which keep
 * all bits; that they are only moved is seen by the compiler, which makes no objects of them.
 */
function copyWords(
  source: DataView,
  from: number,
  target: DataView,
  to: number,
  length: number,
): void {
  for (let at = 0; at < length; at += stepBytes) {
    target.setBigInt64(to + at, source.getBigInt64(from + at, true), true);
    // Read only now: where a copy overlaps with what it writes, the first word may be in it.
    const second = at + wordBytes;
    target.setBigInt64(to + second, source.getBigInt64(from + second, true), true);
  }
}

function packBlock(
  source: Buffer,
  start: number,
  end: number,
  target: Buffer,
  offset: number,
  table: Int32Array,
): number {
  let at = offset;
  let literal = start;
  let position = start;
  let misses = 0;
  while (position < end - margin) {
    const word = source.readInt32LE(position);
    const slot = Math.imul(word, 0x1e35a7bd) >>> (32 - hashBits);
    const candidate = table[slot]!;
    table[slot] = position;
    if (candidate < 0 || source.readInt32LE(candidate) !== word) {
      // What doesn't repeat itself is passed over in longer and longer steps.
      misses += 1;
      position += 1 + (misses >> 5);
      continue;
    }
    misses = 0;
    at = writeLiteral(source, literal, position, target, at);
    let length = 4;
    while (position + length < end && source[candidate + length] === source[position + length])
      length += 1;
    at = writeCopy(position - candidate, length, target, at);
    position += length;
    literal = position;
  }
  return writeLiteral(source, literal, end, target, at);
}

function writeLiteral(
  source: Buffer,
  from: number,
  to: number,
  target: Buffer,
  offset: number,
): number {
  const length = to - from;
  if (length === 0) return offset;
  let at = offset;
  if (length <= 60) target[at++] = (length - 1) << 2;
  else if (length <= 256) {
    target[at++] = 60 << 2;
    target[at++] = length - 1;
  } else {
    target[at++] = 61 << 2;
    at = target.writeUInt16LE(length - 1, at);
  }
  source.copy(target, at, from, to);
  return at + length;
}

function writeCopy(distance: number, length: number, target: Buffer, offset: number): number {
  let at = offset;
  let rest = length;
  while (rest > 64) {
    // Never leaves less than four: the short form below begins there.
    const part = rest < 68 ? 60 : 64;
    target[at++] = ((part - 1) << 2) | 2;
    at = target.writeUInt16LE(distance, at);
    rest -= part;
  }
  if (rest <= 11 && distance < 2048) {
    target[at++] = ((distance >> 8) << 5) | ((rest - 4) << 2) | 1;
    target[at++] = distance & 255;
    return at;
  }
  target[at++] = ((rest - 1) << 2) | 2;
  return target.writeUInt16LE(distance, at);
}

function malformed(reason: string): WarpwatchError {
  return new WarpwatchError("MESSAGE_MALFORMED", `the body isn't Snappy's block format: ${reason}`);
}
