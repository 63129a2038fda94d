/**
 * `rate` or `increase` of all counters that one selection takes, kept in columns. Most counters of a fleet stand still:
 * such a row has no samples of its own, only the number of the first and the last time it was sampled, and rises by 0.
 * One that moves keeps a sample per time of its source; one that missed a time its source was sampled at has a window apart.
 */
import { isPresent } from "../../../core/wire/frame.ts";
import type { OriginState } from "../../origin.ts";
import { moved, restless, still, type Motion } from "./motion.ts";
import { createSlotMask, touches, type SlotMask } from "./slot-mask.ts";
import { timeOf, type TimeRing } from "./time-ring.ts";
import { createCounterWindow, stretchOf, type CounterWindow, type Span } from "./window.ts";

export interface CounterWindows {
  readonly slots: Int32Array;
  /** NaN where there are fewer than two samples in the window; `known` is then 0. */
  readonly values: Float64Array;
  readonly known: Uint8Array;
  /** Takes in the newest samples. */
  evaluate: (state: OriginState) => Motion;
  /** Goes on with what a row of another schema's windows held. */
  adopt(row: number, from: CounterWindows, fromRow: number): void;
  historyOf(row: number): RowHistory;
}

export interface CounterWindowsOptions {
  readonly slots: Int32Array;
  /** The ring of a slot's source, for windows of this length. */
  readonly ringOf: (slot: number) => TimeRing;
  readonly lengthMilliseconds: number;
  /** What the increase is divided by: 1, or the window's seconds for a rate. */
  readonly perSeconds: number;
  /** The rings are other than their rows expect: a source was silent, or its clock went back. */
  readonly isShaken: () => boolean;
  /** Samples took their neighbours' places because a window holds a bounded number. */
  readonly onMerged: (samples: number) => void;
}

/** Rows whose samples come together; few, so that one that moves doesn't have many others looked at. */
interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly ring: TimeRing;
  readonly mask: SlotMask;
  /**
   * Those of its rows that are there stand still and have every sample so far: as long as nothing changes, their own numbers
   * aren't kept up to date.
   */
  isCalm: boolean;
}

interface RowHistory {
  readonly ring: TimeRing;
  readonly last: number;
  readonly lastTime: number;
  readonly firstEntry: number;
  readonly lastEntry: number;
  readonly moving: Moving | undefined;
  readonly apart: CounterWindow | undefined;
  /** The same as a window by itself. */
  detach(): CounterWindow;
}

/** The samples of a counter that moves: an entry's is where its number, cut to the array's length, says. */
interface Moving {
  samples: Float64Array;
  /** The last entry that differs from the one before it. */
  changedEntry: number;
  /** Entries at which the counter began anew, and what it had counted before. */
  resets: { readonly entry: number; readonly before: number }[];
  /** Of all of them. */
  lost: number;
}

/** All that a selection's windows hold. What works on it stands outside, so that it is made fast once for all origins. */
interface Columns {
  readonly slots: Int32Array;
  readonly lengthMilliseconds: number;
  readonly perSeconds: number;
  readonly values: Float64Array;
  readonly known: Uint8Array;
  readonly last: Float64Array;
  readonly lastTimes: Float64Array;
  /** A row was sampled at every entry from the first to the last of these. */
  readonly firstEntries: Int32Array;
  readonly lastEntries: Int32Array;
  /** 1 where the row moves or has a window apart. */
  readonly unquiet: Uint8Array;
  readonly movingRows: (Moving | undefined)[];
  readonly apartRows: (CounterWindow | undefined)[];
  readonly stretches: readonly Stretch[];
  /** Samples that took their neighbours' places in this frame. */
  merged: number;
}

function createColumns({ slots, ringOf, ...lengths }: CounterWindowsOptions): Columns {
  const { length } = slots;
  return {
    slots,
    lengthMilliseconds: lengths.lengthMilliseconds,
    perSeconds: lengths.perSeconds,
    values: new Float64Array(length).fill(Number.NaN),
    known: new Uint8Array(length),
    last: new Float64Array(length),
    lastTimes: new Float64Array(length).fill(-1),
    firstEntries: new Int32Array(length),
    lastEntries: new Int32Array(length).fill(-1),
    unquiet: new Uint8Array(length),
    movingRows: [],
    apartRows: [],
    stretches: stretchesOf(slots, ringOf),
    merged: 0,
  };
}

export function createCounterWindows(options: CounterWindowsOptions): CounterWindows {
  const own = createColumns(options);
  return {
    slots: own.slots,
    values: own.values,
    known: own.known,
    evaluate(state) {
      const motion = evaluateColumns(own, state, options.isShaken());
      if (own.merged > 0) options.onMerged(own.merged);
      own.merged = 0;
      return motion;
    },
    adopt(row, from, fromRow) {
      const history = from.historyOf(fromRow);
      if (history.ring === options.ringOf(own.slots[row]!)) goOnAs(own, row, history);
      else {
        own.apartRows[row] = history.detach();
        own.unquiet[row] = 1;
      }
    },
    historyOf: (row) => historyOf(own, row),
  };
}

function evaluateColumns(own: Columns, state: OriginState, isShaken: boolean): Motion {
  let motion: Motion = still;
  const { stretches } = own;
  for (let index = 0; index < stretches.length; index += 1)
    motion |= evaluateStretch(own, stretches[index]!, state, isShaken);
  return motion;
}

function evaluateStretch(
  own: Columns,
  stretch: Stretch,
  state: OriginState,
  isShaken: boolean,
): Motion {
  if (stretch.isCalm && !isShaken && !touches(stretch.mask, state.changed)) return still;
  wake(own, stretch);
  return takeIn(own, stretch, state);
}

/** Brings the rows' own numbers up to date with the frame before. */
function wake(own: Columns, stretch: Stretch): void {
  const { ring } = stretch;
  if (stretch.isCalm) noteSampled(own, stretch, ring.beforeEntry, ring.beforeTime);
}

function noteSampled(own: Columns, { from, to }: Stretch, entry: number, time: number): void {
  for (let row = from; row < to; row += 1) {
    if (own.known[row] === 0) continue;
    own.lastEntries[row] = entry;
    own.lastTimes[row] = time;
  }
}

function takeIn(own: Columns, stretch: Stretch, state: OriginState): Motion {
  const { from, to, ring } = stretch;
  const { present, times, values: newest } = state;
  const { slots, values, known, last, lastTimes, firstEntries, lastEntries, unquiet } = own;
  const { first, newest: entry, newestTime } = ring;
  let motion: Motion = still;
  let calm = state.complete;
  for (let row = from; row < to; row += 1) {
    const slot = slots[row]!;
    if (!isPresent(present, slot)) {
      if (known[row] === 1) motion = moved;
      known[row] = 0;
      continue;
    }
    const time = times[slot]!;
    if (time !== lastTimes[row]) {
      const value = newest[slot]!;
      const stands = value === last[row] && unquiet[row] === 0;
      if (stands && time === newestTime && lastEntries[row] === entry - 1) {
        lastTimes[row] = time;
        lastEntries[row] = entry;
      } else if (!Number.isNaN(value)) add(own, row, ring, time, value);
    }
    const start = Math.max(first, firstEntries[row]!);
    if (unquiet[row] === 0) {
      const isKnown = lastEntries[row]! > start ? 1 : 0;
      if (lastEntries[row] !== entry || isKnown === 0) calm = false;
      if (known[row] === isKnown && values[row] === 0) continue;
      known[row] = isKnown;
      values[row] = 0;
      motion = moved;
      continue;
    }
    calm = false;
    const value = risen(own, row, ring, start, state.timeMilliseconds);
    if (value === values[row] && known[row] === 1) continue;
    values[row] = value;
    known[row] = Number.isNaN(value) ? 0 : 1;
    motion = moved;
  }
  stretch.isCalm = calm;
  return calm ? motion : motion | restless;
}

function add(own: Columns, row: number, ring: TimeRing, time: number, value: number): void {
  const entry = ring.newest;
  const start = Math.max(ring.first, own.firstEntries[row]!);
  const lastEntry = own.lastEntries[row]!;
  const isOnRing = time === ring.newestTime;
  const isFirst = lastEntry < start;
  const follows = isOnRing && !isFirst && lastEntry >= entry - 1;
  if (follows) goOn(own, row, ring, start, value);
  else {
    if (!isFirst || !isOnRing) own.apartRows[row] ??= detach(own, row, ring);
    settle(own, row);
    own.firstEntries[row] = isOnRing ? entry : entry + 1;
    // The difference of two infinities isn't 0.
    if (isOnRing && !Number.isFinite(value)) put(own, row, ring, entry, value);
  }
  if (follows && lastEntry === entry) own.merged += 1;
  own.lastEntries[row] = entry;
  own.lastTimes[row] = time;
  own.last[row] = value;
  own.apartRows[row]?.push(time, value);
}

function goOn(own: Columns, row: number, ring: TimeRing, start: number, value: number): void {
  const before = own.last[row]!;
  if (value === before && !own.movingRows[row]) return;
  const moving = put(own, row, ring, start, value);
  if (value !== before) moving.changedEntry = ring.newest;
  if (value < before) {
    moving.resets.push({ entry: ring.newest, before });
    moving.lost += before;
  }
}

/** Notes the sample of the newest entry, and those before it where it is the first that has to be noted. */
function put(own: Columns, row: number, ring: TimeRing, start: number, value: number): Moving {
  const held = ring.newest - start + 1;
  const before = own.movingRows[row];
  const moving = before ?? {
    samples: emptySamples,
    changedEntry: ring.newest,
    resets: [],
    lost: 0,
  };
  const former = moving.samples;
  if (held > former.length) {
    moving.samples = new Float64Array(ring.times.length);
    const mask = moving.samples.length - 1;
    for (let entry = start; entry < ring.newest; entry += 1)
      moving.samples[entry & mask] = before ? former[entry & (former.length - 1)]! : own.last[row]!;
  }
  moving.samples[ring.newest & (moving.samples.length - 1)] = value;
  own.movingRows[row] = moving;
  own.unquiet[row] = 1;
  return moving;
}

/** The row has no samples of its own, at least until it moves. */
function settle(own: Columns, row: number): void {
  own.movingRows[row] = undefined;
  own.unquiet[row] = own.apartRows[row] ? 1 : 0;
}

/** The row as a window by itself, for one that missed a time: it is judged by that until its length has passed. */
function detach(own: Columns, row: number, ring: TimeRing): CounterWindow {
  const window = createCounterWindow(own.lengthMilliseconds, () => (own.merged += 1));
  const samples = own.movingRows[row]?.samples;
  const start = Math.max(ring.first, own.firstEntries[row]!);
  for (let entry = start; entry <= own.lastEntries[row]!; entry += 1)
    window.push(
      timeOf(ring, entry),
      samples ? samples[entry & (samples.length - 1)]! : own.last[row]!,
    );
  return window;
}

function risen(own: Columns, row: number, ring: TimeRing, start: number, end: number): number {
  const apart = own.apartRows[row];
  if (apart) {
    if (ring.first <= own.firstEntries[row]!)
      return own.perSeconds === 1 ? apart.increase(end) : apart.rate(end);
    own.apartRows[row] = undefined;
  }
  const moving = own.movingRows[row];
  const newest = own.last[row]!;
  if (!moving || (moving.changedEntry <= start && Number.isFinite(newest))) {
    settle(own, row);
    return own.lastEntries[row]! > start ? 0 : Number.NaN;
  }
  return increaseOf(own, moving, row, ring, start, end);
}

function increaseOf(
  own: Columns,
  moving: Moving,
  row: number,
  ring: TimeRing,
  start: number,
  end: number,
): number {
  const { samples, resets } = moving;
  span.count = own.lastEntries[row]! - start + 1;
  if (span.count < 2) return Number.NaN;
  const firstValue = samples[start & (samples.length - 1)]!;
  if (resets.length > 0 && resets[0]!.entry <= start) forgetResets(moving, start);
  const total = own.last[row]! - firstValue + moving.lost;
  span.first = timeOf(ring, start);
  span.last = own.lastTimes[row]!;
  span.start = end - own.lengthMilliseconds;
  span.end = end;
  return total * (stretchOf(total, firstValue, span) / own.perSeconds);
}

function goOnAs(own: Columns, row: number, history: RowHistory): void {
  const { moving, apart } = history;
  own.last[row] = history.last;
  own.lastTimes[row] = history.lastTime;
  own.firstEntries[row] = history.firstEntry;
  own.lastEntries[row] = history.lastEntry;
  own.movingRows[row] = moving && {
    samples: moving.samples.slice(),
    changedEntry: moving.changedEntry,
    resets: [...moving.resets],
    lost: moving.lost,
  };
  own.apartRows[row] = apart;
  own.unquiet[row] = moving || apart ? 1 : 0;
}

function historyOf(own: Columns, row: number): RowHistory {
  const stretch = own.stretches.find(({ from, to }) => row >= from && row < to)!;
  const { ring } = stretch;
  // Before the next frame moves the ring on.
  if (stretch.isCalm) noteSampled(own, stretch, ring.newest, ring.newestTime);
  return {
    ring,
    last: own.last[row]!,
    lastTime: own.lastTimes[row]!,
    firstEntry: own.firstEntries[row]!,
    lastEntry: own.lastEntries[row]!,
    moving: own.movingRows[row],
    apart: own.apartRows[row],
    detach: () => own.apartRows[row] ?? detach(own, row, ring),
  };
}

function forgetResets(moving: Moving, start: number): void {
  moving.resets = moving.resets.filter(({ entry }) => entry > start);
  moving.lost = moving.resets.reduce((sum, { before }) => sum + before, 0);
}

const emptySamples = new Float64Array(0);
const span: Span = { count: 0, first: 0, last: 0, start: 0, end: 0 };

const longestStretch = 64;

function stretchesOf(slots: Int32Array, ringOf: (slot: number) => TimeRing): Stretch[] {
  const stretches: Stretch[] = [];
  for (let from = 0; from < slots.length;) {
    const ring = ringOf(slots[from]!);
    let to = from + 1;
    while (to < slots.length && to < from + longestStretch && ringOf(slots[to]!) === ring) to += 1;
    const mask = createSlotMask(slots.subarray(from, to));
    stretches.push({ from, to, ring, mask, isCalm: false });
    from = to;
  }
  return stretches;
}
