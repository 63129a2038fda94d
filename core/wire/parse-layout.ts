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
  /** Where a line's fixed bytes begin and end in `reference`; a literal line's include the line feed. */
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  readonly slots: Int32Array;
  /** A copy of the page the layout was made from, and the prefixes of absent series. */
  readonly reference: Buffer;
}

export interface LayoutBuilder {
  add(start: number, end: number, slot: number): void;
  /** Takes over from the layout before what `present` hasn't got, so that it is recognised when it comes back. */
  finish(
    body: Buffer,
    format: ExpositionFormat,
    before: Layout | null,
    present: Uint8Array,
  ): Layout;
}

const discarded = new Float64Array(1);

export function createLayoutBuilder(): LayoutBuilder {
  const starts: number[] = [];
  const ends: number[] = [];
  const slots: number[] = [];
  function add(start: number, end: number, slot: number): void {
    starts.push(start);
    ends.push(end);
    slots.push(slot);
  }
  return {
    add,
    finish(body, format, before, present) {
      const lines = starts.length;
      const parts = [body];
      let length = body.length;
      for (let line = 0; line < (before?.slots.length ?? 0); line += 1) {
        const slot = before?.slots[line] ?? -1;
        if (!before || slot < 0 || isPresent(present, slot)) continue;
        const prefix = before.reference.subarray(before.starts[line], before.ends[line]);
        parts.push(prefix);
        add(length, length + prefix.length, slot);
        length += prefix.length;
      }
      return {
        format,
        lines,
        starts: Int32Array.from(starts),
        ends: Int32Array.from(ends),
        slots: Int32Array.from(slots),
        reference: Buffer.concat(parts, length),
      };
    },
  };
}

/**
 * Reads the numbers of a page that has exactly the layout. False as soon as a byte differs that should not;
 * `values` is then partly written.
 */
export function readWithLayout(
  layout: Layout,
  body: Buffer,
  values: Float64Array,
  timestamps: Float64Array,
): boolean {
  const { starts, ends, slots, reference, format, lines } = layout;
  let at = 0;
  for (let line = 0; line < lines; line += 1) {
    const start = starts[line] ?? 0;
    const end = ends[line] ?? 0;
    if (at + end - start > body.length) return false;
    for (let index = start; index < end; index += 1, at += 1)
      if (body[at] !== reference[index]) return false;
    const slot = slots[line] ?? lineSlot.literal;
    if (slot === lineSlot.literal) continue;
    at =
      slot === lineSlot.discarded
        ? scanTail(body, at, format, discarded, discarded, 0)
        : scanTail(body, at, format, values, timestamps, slot);
    if (at < 0) return false;
  }
  return at === body.length;
}

/** Finds the slot that a prefix had in a layout, by its bytes; now and then it misses one that is there. */
export type PrefixIndex = (body: Buffer, start: number, end: number) => number | undefined;

/** A page made to collide costs no more than this per line. */
const maximumProbes = 16;

export function indexPrefixes(layout: Layout): PrefixIndex {
  const mask = (1 << (33 - Math.clz32(Math.max(1, layout.slots.length)))) - 1;
  const table = new Int32Array(mask + 1).fill(-1);
  const { starts, ends, slots, reference } = layout;
  for (let line = 0; line < slots.length; line += 1) {
    if ((slots[line] ?? -1) < 0) continue;
    const first = hash(reference, starts[line] ?? 0, ends[line] ?? 0);
    for (let probe = 0; probe < maximumProbes; probe += 1) {
      const place = (first + probe) & mask;
      if (table[place] !== -1) continue;
      table[place] = line;
      break;
    }
  }
  return (body, start, end) => {
    const first = hash(body, start, end);
    for (let probe = 0; probe < maximumProbes; probe += 1) {
      const line = table[(first + probe) & mask] ?? -1;
      if (line === -1) return undefined;
      if (isSame(layout, line, body, start, end)) return slots[line];
    }
    return undefined;
  };
}

function isSame(layout: Layout, line: number, body: Buffer, start: number, end: number): boolean {
  const from = layout.starts[line] ?? 0;
  if ((layout.ends[line] ?? 0) - from !== end - start) return false;
  for (let index = 0; index < end - start; index += 1)
    if (layout.reference[from + index] !== body[start + index]) return false;
  return true;
}

/** FNV-1a, 32 bits. */
function hash(bytes: Uint8Array, start: number, end: number): number {
  let state = 0x811c9dc5;
  for (let index = start; index < end; index += 1)
    state = Math.imul(state ^ (bytes[index] ?? 0), 0x01000193);
  return state >>> 0;
}
