/** Numbers for byte sequences that come again and again in the same order: found by a guess and a comparison, else by hash. */

export interface ByteKeys {
  readonly size: number;
  /** Something could not be added. */
  readonly isFull: boolean;
  /** The number of the key that is expected next, where `source` goes on with it at `start`; else -1. */
  guess(source: Buffer, start: number, limit: number): number;
  lengthOf(key: number): number;
  /** For who compares many keys in one go and tells by `arrivedAt` which came last. Holds until something is added. */
  order(): KeyOrder;
  arrivedAt(key: number): void;
  /** The number of `source[start, end)`, or -1. */
  find(source: Buffer, start: number, end: number): number;
  /** Adds what `find` didn't know. The number is the count of those before it; -1 when the bound is reached. */
  add(source: Buffer, start: number, end: number): number;
  /** The next guess begins anew: a sender's order holds within one message. */
  rewind(): void;
  clear(): void;
}

/** The bytes of `key` are those from `starts[key]` to `starts[key + 1]`. */
export interface KeyOrder {
  readonly view: DataView;
  readonly starts: Int32Array;
  /** Which key followed each the last time. */
  readonly followers: Int32Array;
  readonly size: number;
  /** The key that is expected next. */
  readonly next: number;
}

export interface ByteKeysLimits {
  readonly keys: number;
  readonly bytes: number;
}

const firstKeys = 1024;
const firstBytes = 65_536;

export function createByteKeys(limits: ByteKeysLimits): ByteKeys {
  let size = 0;
  let bytes = 0;
  let arena = Buffer.allocUnsafe(firstBytes);
  let view = viewOf(arena);
  let starts = new Int32Array(firstKeys + 1);
  let hashes = new Int32Array(firstKeys);
  /** Which key followed each the last time. */
  let followers = new Int32Array(firstKeys);
  let table = new Int32Array(firstKeys * 2).fill(-1);
  let last = -1;
  let first = 0;
  let isFull = false;

  function isKey(key: number, source: DataView, start: number, length: number): boolean {
    const from = starts[key]!;
    return starts[key + 1]! - from === length && isSame(view, from, source, start, length);
  }

  function found(key: number): number {
    if (last >= 0) followers[last] = key;
    else first = key;
    last = key;
    return key;
  }

  function next(): number {
    return last < 0 ? first : followers[last]!;
  }

  function grow(length: number): void {
    if (bytes + length > arena.length) {
      const larger = Buffer.allocUnsafe(Math.max(arena.length * 2, bytes + length));
      arena.copy(larger, 0, 0, bytes);
      arena = larger;
      view = viewOf(arena);
    }
    if (size < hashes.length) return;
    const keys = hashes.length * 2;
    starts = widen(starts, new Int32Array(keys + 1));
    hashes = widen(hashes, new Int32Array(keys));
    followers = widen(followers, new Int32Array(keys));
    table = new Int32Array(keys * 2).fill(-1);
    for (let key = 0; key < size; key += 1) insert(key, hashes[key]!);
  }

  function insert(key: number, hash: number): void {
    const mask = table.length - 1;
    let slot = hash & mask;
    while (table[slot] !== -1) slot = (slot + 1) & mask;
    table[slot] = key;
  }

  let sourceOfView: Buffer | null = null;
  let sourceView = view;
  function viewOn(source: Buffer): DataView {
    if (sourceOfView !== source) {
      sourceOfView = source;
      sourceView = viewOf(source);
    }
    return sourceView;
  }

  return {
    get size() {
      return size;
    },
    get isFull() {
      return isFull;
    },
    guess(source, start, limit) {
      const key = next();
      if (key >= size) return -1;
      const from = starts[key]!;
      const length = starts[key + 1]! - from;
      if (start + length > limit || !isSame(view, from, viewOn(source), start, length)) return -1;
      last = key;
      return key;
    },
    lengthOf: (key) => starts[key + 1]! - starts[key]!,
    order: () => ({ view, starts, followers, size, next: next() }),
    arrivedAt(key) {
      last = key;
    },
    find(source, start, end) {
      const words = viewOn(source);
      const length = end - start;
      const hash = hashOf(words, start, length);
      const mask = table.length - 1;
      for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
        const key = table[slot]!;
        if (key < 0) return -1;
        if (hashes[key] === hash && isKey(key, words, start, length)) return found(key);
      }
    },
    add(source, start, end) {
      const length = end - start;
      isFull = size >= limits.keys || bytes + length > limits.bytes;
      if (isFull) return -1;
      grow(length);
      const key = size;
      const hash = hashOf(viewOn(source), start, length);
      source.copy(arena, bytes, start, end);
      bytes += length;
      size += 1;
      starts[size] = bytes;
      hashes[key] = hash;
      insert(key, hash);
      return found(key);
    },
    rewind() {
      last = -1;
      sourceOfView = null;
    },
    clear() {
      size = 0;
      bytes = 0;
      last = -1;
      first = 0;
      isFull = false;
      followers.fill(0);
      table.fill(-1);
    },
  };
}

/** Eight bytes at a time, as whole numbers: the compiler sees that they are only compared and makes no objects of them. */
export function isSame(
  one: DataView,
  from: number,
  other: DataView,
  start: number,
  length: number,
): boolean {
  const last = length - 8;
  if (last < 0) return isSameShort(one, from, other, start, length);
  for (let at = 0; at < last; at += 8)
    if (one.getBigInt64(from + at, true) !== other.getBigInt64(start + at, true)) return false;
  return one.getBigInt64(from + last, true) === other.getBigInt64(start + last, true);
}

function isSameShort(
  one: DataView,
  from: number,
  other: DataView,
  start: number,
  length: number,
): boolean {
  for (let at = 0; at < length; at += 1)
    if (one.getUint8(from + at) !== other.getUint8(start + at)) return false;
  return true;
}

function hashOf(source: DataView, start: number, length: number): number {
  let hash = length;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    hash = Math.imul(hash ^ source.getInt32(start + at, true), 0x9e37_79b1);
    hash ^= hash >>> 15;
  }
  for (; at < length; at += 1) hash = Math.imul(hash ^ source.getUint8(start + at), 0x9e37_79b1);
  return hash ^ (hash >>> 13);
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

function widen(former: Int32Array, wider: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  wider.set(former);
  return wider;
}
