/** The layout of a page read before: for each line the bytes that stay the same from scrape to scrape, and where its number goes. */
import type { ExpositionFormat } from "./exposition-plan.ts";
import { isPresent } from "./frame.ts";
import { scanTail } from "./parse-tail.ts";

/** Slots that aren't a series: a line without a number, and a sample that is read and thrown away. */
export const lineSlot = { literal: -1, discarded: -2 } as const;

export interface Layout {
  readonly format: ExpositionFormat;
  /** Lines of the page; entries behind them are series that were on an earlier page. */
  readonly lines: number;
  /** Nothing stood behind the last line. What was said of a page where something did doesn't hold for one that ends there. */
  readonly isWhole: boolean;
  /** How many fixed bytes an entry begins with: up to its number, or all of a line that is a literal. */
  readonly lengths: Int32Array;
  readonly slots: Int32Array;
  /** The page that was read last, and where its lines begin and the last of them ends. */
  page: Buffer;
  starts: Int32Array;
  /** As `starts`, for the page that is being read. */
  nextStarts: Int32Array;
  /** The prefixes of the absent series. */
  readonly absent: Buffer;
  readonly absentStarts: Int32Array;
}

export interface LayoutBuilder {
  add(start: number, end: number, slot: number): void;
  /**
   * The last line ends at `end`. Takes over from the layout before what `present` hasn't got, so that it is recognised when it
   * comes back.
   */
  finish(
    page: { readonly body: Buffer; readonly end: number; readonly format: ExpositionFormat },
    before: Layout | null,
    present: Uint8Array,
  ): Layout;
}

const discarded = new Float64Array(1);
/** Numbers grow: the next pages need a little more. */
const roomFactor = 1.05;

export function createLayoutBuilder(): LayoutBuilder {
  const starts: number[] = [];
  const lengths: number[] = [];
  const slots: number[] = [];
  return {
    add(start, end, slot) {
      starts.push(start);
      lengths.push(end - start);
      slots.push(slot);
    },
    finish({ body, end, format }, before, present) {
      const lines = starts.length;
      const absent: Buffer[] = [];
      const absentStarts: number[] = [];
      let length = 0;
      for (let entry = 0; entry < (before?.slots.length ?? 0); entry += 1) {
        const slot = before?.slots[entry] ?? -1;
        if (!before || slot < 0 || isPresent(present, slot)) continue;
        const start = startOf(before, entry);
        const prefix = bytesOf(before, entry).subarray(start, start + before.lengths[entry]!);
        absent.push(prefix);
        absentStarts.push(length);
        lengths.push(prefix.length);
        slots.push(slot);
        length += prefix.length;
      }
      starts.push(end);
      return {
        format,
        lines,
        isWhole: end === body.length,
        lengths: Int32Array.from(lengths),
        slots: Int32Array.from(slots),
        page: keepPage(Buffer.alloc(0), body),
        starts: Int32Array.from(starts),
        nextStarts: new Int32Array(starts.length),
        absent: Buffer.concat(absent, length),
        absentStarts: Int32Array.from(absentStarts),
      };
    },
  };
}

function startOf(layout: Layout, entry: number): number {
  return entry < layout.lines ? layout.starts[entry]! : layout.absentStarts[entry - layout.lines]!;
}

function bytesOf(layout: Layout, entry: number): Buffer {
  return entry < layout.lines ? layout.page : layout.absent;
}

function keepPage(former: Buffer, body: Buffer): Buffer {
  const page =
    body.length <= former.length
      ? former
      : Buffer.allocUnsafeSlow(Math.ceil(body.length * roomFactor));
  body.copy(page);
  return page;
}

/**
 * Reads the numbers of a page that has exactly the layout; those that are spelled as on the page before stay as they are.
 * False as soon as a byte differs that should not; `values` is then partly written and the layout is as it was.
 */
export function readWithLayout(
  layout: Layout,
  body: Buffer,
  values: Float64Array,
  timestamps: Float64Array,
): boolean {
  const { lines, lengths, slots, page, starts, nextStarts, format } = layout;
  if (!layout.isWhole) return false;
  const before = viewOf(page);
  const now = viewOf(body);
  const end = starts[lines]!;
  let from = 0;
  let at = 0;
  let line = 0;
  while (line < lines) {
    const length = Math.min(end - from, body.length - at);
    const differs = from + countSame(before, from, now, at, length);
    const shift = at - from;
    for (; line < lines && starts[line + 1]! <= differs; line += 1)
      nextStarts[line] = starts[line]! + shift;
    if (line === lines) {
      at = end + shift;
      break;
    }
    const start = starts[line]!;
    const valueAt = start + lengths[line]!;
    const slot = slots[line]!;
    if (differs < valueAt || slot === lineSlot.literal) return false;
    nextStarts[line] = start + shift;
    if (slot === lineSlot.discarded)
      at = scanTail(body, valueAt + shift, format, discarded, discarded, 0);
    else {
      timestamps[slot] = Number.NaN;
      at = scanTail(body, valueAt + shift, format, values, timestamps, slot);
    }
    if (at < 0) return false;
    line += 1;
    from = starts[line]!;
  }
  if (at !== body.length) return false;
  nextStarts[lines] = at;
  layout.starts = nextStarts;
  layout.nextStarts = starts;
  layout.page = keepPage(page, body);
  return true;
}

/** How many bytes are the same, up to `length`: sixteen are compared at a time. */
function countSame(
  one: DataView,
  from: number,
  other: DataView,
  start: number,
  length: number,
): number {
  let at = 0;
  for (; at + 16 <= length; at += 16) {
    const left = from + at;
    const right = start + at;
    const difference =
      (one.getInt32(left, true) ^ other.getInt32(right, true)) |
      (one.getInt32(left + 4, true) ^ other.getInt32(right + 4, true)) |
      (one.getInt32(left + 8, true) ^ other.getInt32(right + 8, true)) |
      (one.getInt32(left + 12, true) ^ other.getInt32(right + 12, true));
    if (difference !== 0) break;
  }
  for (; at < length; at += 1)
    if (one.getUint8(from + at) !== other.getUint8(start + at)) return at;
  return length;
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

/** Finds the slot that a prefix had in a layout, by its bytes; now and then it misses one that is there. */
export type PrefixIndex = (body: Buffer, start: number, end: number) => number | undefined;

/** A page made to collide costs no more than this per line. */
const maximumProbes = 16;

export function indexPrefixes(layout: Layout): PrefixIndex {
  const mask = (1 << (33 - Math.clz32(Math.max(1, layout.slots.length)))) - 1;
  const table = new Int32Array(mask + 1).fill(-1);
  const { lengths, slots } = layout;
  for (let entry = 0; entry < slots.length; entry += 1) {
    if ((slots[entry] ?? -1) < 0) continue;
    const start = startOf(layout, entry);
    const first = hash(bytesOf(layout, entry), start, start + lengths[entry]!);
    for (let probe = 0; probe < maximumProbes; probe += 1) {
      const place = (first + probe) & mask;
      if (table[place] !== -1) continue;
      table[place] = entry;
      break;
    }
  }
  return (body, start, end) => {
    const first = hash(body, start, end);
    for (let probe = 0; probe < maximumProbes; probe += 1) {
      const entry = table[(first + probe) & mask] ?? -1;
      if (entry === -1) return undefined;
      if (isSame(layout, entry, body, start, end)) return slots[entry];
    }
    return undefined;
  };
}

function isSame(layout: Layout, entry: number, body: Buffer, start: number, end: number): boolean {
  const length = layout.lengths[entry]!;
  if (length !== end - start) return false;
  const from = startOf(layout, entry);
  return bytesOf(layout, entry).compare(body, start, end, from, from + length) === 0;
}

/** FNV-1a, 32 bits. */
function hash(bytes: Uint8Array, start: number, end: number): number {
  let state = 0x811c9dc5;
  for (let index = start; index < end; index += 1)
    state = Math.imul(state ^ (bytes[index] ?? 0), 0x01000193);
  return state >>> 0;
}
