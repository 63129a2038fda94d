/**
 * The samples of a stretch's counters that move, entry by entry, so that those of one moment lie side by side: a frame
 * writes one run of numbers and reads another.
 */
import type { TimeRing } from "./time-ring.ts";
import { paceOf, stretchBy, type Span } from "./window.ts";

export interface Moving {
  /** By row the column that holds its samples; -1 where it has none. */
  readonly columns: Int8Array;
  /** By row the last entry that differs from the one before it. */
  readonly changedEntries: Int32Array;
  /** By row all that resets took from the counter. */
  readonly lost: Float64Array;
  /** By row the entries at which the counter began anew, and what it had counted before. */
  readonly resets: (readonly Reset[] | undefined)[];
  /** An entry's samples begin where its number, cut to `entries`, says; `width` columns each. */
  samples: Float64Array;
  entries: number;
  width: number;
  used: number;
}

interface Reset {
  readonly entry: number;
  readonly before: number;
}

export function createMoving(rows: number): Moving {
  return {
    columns: new Int8Array(rows).fill(-1),
    changedEntries: new Int32Array(rows),
    lost: new Float64Array(rows),
    resets: [],
    samples: new Float64Array(0),
    entries: 0,
    width: 0,
    used: 0,
  };
}

export function moves({ columns }: Moving, row: number): boolean {
  return columns[row]! >= 0;
}

/** Notes the newest entry's sample. Of a row that stood still until now the earlier ones, from `start` on, were all `before`. */
export function putSample(
  moving: Moving,
  row: number,
  ring: TimeRing,
  start: number,
  before: number,
  value: number,
): void {
  const { newest } = ring;
  const begins = moving.columns[row]! < 0;
  if (begins) begin(moving, row);
  if (moving.entries < ring.times.length) lengthen(moving, ring);
  if (begins) {
    for (let entry = start; entry < newest; entry += 1) write(moving, row, entry, before);
    moving.changedEntries[row] = newest;
  }
  write(moving, row, newest, value);
  if (value !== before) moving.changedEntries[row] = newest;
  if (value < before && newest > start) noteReset(moving, row, newest, before);
}

export function sampleAt(moving: Moving, row: number, entry: number): number {
  return moving.samples[placeOf(moving, row, entry)]!;
}

/** The row's samples have been the same from that entry on. */
export function standsSince({ changedEntries }: Moving, row: number, start: number): boolean {
  return changedEntries[row]! <= start;
}

/** The row stands still. Returns how many still move. */
export function dropRow(moving: Moving, row: number): number {
  if (moving.columns[row]! < 0) return moving.used;
  moving.columns[row] = -1;
  moving.used -= 1;
  return moving.used;
}

/** The increase over the entries from `start` on, stretched to the window's ends and divided. */
export function increaseOf(
  moving: Moving,
  row: number,
  start: number,
  newest: number,
  span: Span,
  perSeconds: number,
): number {
  const resets = moving.resets[row];
  if (resets && resets[0]!.entry <= start) forgetResets(moving, row, start);
  const firstValue = sampleAt(moving, row, start);
  const total = newest - firstValue + moving.lost[row]!;
  return total * (stretchBy(paceOf(span), total, firstValue) / perSeconds);
}

/** Takes over a row of another program's memory, whose ring this one goes on with. */
export function adoptSamples(
  to: Moving,
  row: number,
  from: Moving,
  fromRow: number,
  ring: TimeRing,
): void {
  begin(to, row);
  lengthen(to, ring);
  const oldest = Math.max(0, ring.newest - Math.min(from.entries, to.entries) + 1);
  for (let entry = oldest; entry <= ring.newest; entry += 1)
    write(to, row, entry, sampleAt(from, fromRow, entry));
  to.changedEntries[row] = from.changedEntries[fromRow]!;
  to.lost[row] = from.lost[fromRow]!;
  to.resets[row] = from.resets[fromRow];
}

function placeOf({ columns, entries, width }: Moving, row: number, entry: number): number {
  return (entry & (entries - 1)) * width + columns[row]!;
}

function write(moving: Moving, row: number, entry: number, value: number): void {
  moving.samples[placeOf(moving, row, entry)] = value;
}

function noteReset(moving: Moving, row: number, entry: number, before: number): void {
  moving.resets[row] = [...(moving.resets[row] ?? []), { entry, before }];
  moving.lost[row]! += before;
}

function forgetResets(moving: Moving, row: number, start: number): void {
  const left = (moving.resets[row] ?? []).filter(({ entry }) => entry > start);
  moving.resets[row] = left.length > 0 ? left : undefined;
  moving.lost[row] = left.reduce((sum, { before }) => sum + before, 0);
}

/** Gives the row a column that no other has. */
function begin(moving: Moving, row: number): void {
  const taken = new Set(moving.columns);
  let column = 0;
  while (taken.has(column)) column += 1;
  if (column >= moving.width) widen(moving);
  moving.columns[row] = column;
  moving.lost[row] = 0;
  moving.resets[row] = undefined;
  moving.used += 1;
}

function widen(moving: Moving): void {
  const { samples, entries, width } = moving;
  moving.width = Math.max(1, width * 2);
  moving.samples = new Float64Array(entries * moving.width);
  for (let entry = 0; entry < entries; entry += 1)
    moving.samples.set(samples.subarray(entry * width, (entry + 1) * width), entry * moving.width);
}

/** As long as the ring: every entry has a place of its own. */
function lengthen(moving: Moving, ring: TimeRing): void {
  const { samples, entries, width } = moving;
  if (entries >= ring.times.length) return;
  moving.entries = ring.times.length;
  moving.samples = new Float64Array(moving.entries * width);
  if (entries === 0) return;
  for (let entry = Math.max(0, ring.newest - entries); entry <= ring.newest; entry += 1) {
    const from = (entry & (entries - 1)) * width;
    const to = (entry & (moving.entries - 1)) * width;
    moving.samples.set(samples.subarray(from, from + width), to);
  }
}
