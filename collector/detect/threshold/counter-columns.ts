/**
 * `rate` or `increase` of counters, in columns. Most counters of a fleet stand still: such a row has no samples of its own,
 * only the number of the first and the last time it was sampled, and rises by 0. One that moves keeps a sample per time of
 * its source; one that missed a time its source was sampled at has a window apart.
 */
import { isPresent } from "../../../core/wire/frame.ts";
import type { OriginState } from "../../origin.ts";
import { followEvenly } from "./even-counters.ts";
import type { Memory } from "./memory.ts";
import { moved, restless, still, type Motion } from "./motion.ts";
import {
  adoptSamples,
  createMoving,
  dropRow,
  increaseOf,
  moves,
  putSample,
  sampleAt,
  standsSince,
  type Moving,
} from "./moving-counters.ts";
import { timeOf, type TimeRing } from "./time-ring.ts";
import { createCounterWindow, type CounterWindow } from "./window.ts";

/** Counters whose samples come together; few, so that one that moves doesn't have many others looked at. */
export interface Stretch {
  /** What is asked of them: with the series' labels a row is found again under another schema. */
  readonly key: string;
  /** Its number among the program's. */
  readonly number: number;
  readonly slots: Int32Array;
  readonly ring: number;
  /** Places of the first row: its number in the memory, and its columns. */
  readonly first: number;
  readonly column: number;
  readonly lengthMilliseconds: number;
  /** What the increase is divided by: 1, or the window's seconds for a rate. */
  readonly perSeconds: number;
}

export interface CounterColumns {
  readonly last: Float64Array;
  readonly lastTimes: Float64Array;
  /** A row was sampled at every entry of its ring from the first to the last of these. */
  readonly firstEntries: Int32Array;
  readonly lastEntries: Int32Array;
  /** 1 where the row moves or has a window apart. */
  readonly unquiet: Uint8Array;
  /** By stretch one of the three below. Where it isn't `uneven`, last entries and their times aren't kept up to date. */
  readonly pace: Uint8Array;
  /** By stretch, where a row of it moves. */
  readonly moving: (Moving | undefined)[];
  /** By column. */
  readonly apart: Map<number, CounterWindow>;
  /** Samples that took their neighbours' places, because a window holds a bounded number, since this was last asked. */
  merged: number;
}

/** What a row knows of its past. */
export interface RowHistory {
  readonly ring: TimeRing;
  readonly last: number;
  readonly lastTime: number;
  readonly firstEntry: number;
  readonly lastEntry: number;
  readonly moving: Moving | undefined;
  readonly row: number;
  readonly apart: CounterWindow | undefined;
  /** The same as a window by itself. */
  detach(): CounterWindow;
}

/** The rows of one stretch in one origin's memory. */
interface Rows {
  readonly stretch: Stretch;
  readonly own: CounterColumns;
  readonly ring: TimeRing;
}

export function createCounterColumns(rows: number, stretches: number): CounterColumns {
  return {
    last: new Float64Array(rows),
    lastTimes: new Float64Array(rows).fill(-1),
    firstEntries: new Int32Array(rows),
    lastEntries: new Int32Array(rows).fill(-1),
    unquiet: new Uint8Array(rows),
    pace: new Uint8Array(stretches),
    moving: [],
    apart: new Map(),
    merged: 0,
  };
}

/** Takes in the newest samples of a stretch. */
export function takeIn(stretch: Stretch, memory: Memory, state: OriginState): Motion {
  const { counters: own } = memory;
  const moving = own.moving[stretch.number];
  if (own.pace[stretch.number] === even && moving) {
    const motion = followEvenly(stretch, moving, memory, state);
    if (motion === null) wake(stretch, memory);
    else if (moving.used === 0) beCalm(stretch, own);
    if (motion !== null) return motion;
  } else if (own.pace[stretch.number] !== uneven) wake(stretch, memory);
  return takeRows(stretch, memory, state);
}

function takeRows(stretch: Stretch, memory: Memory, state: OriginState): Motion {
  const { values, known, counters: own } = memory;
  const { slots, first } = stretch;
  const rows = { stretch, own, ring: memory.rings[stretch.ring]! };
  const seen = { away: 0, moving: 0, uneven: state.complete ? 0 : 1 };
  let motion: Motion = still;
  for (let row = 0; row < slots.length; row += 1) {
    const place = first + row;
    if (!isPresent(state.present, slots[row]!)) {
      seen.away += 1;
      if (known[place] === 1) motion = moved;
      known[place] = 0;
      continue;
    }
    const value = takeRow(rows, row, state);
    const isKnown = Number.isNaN(value) ? 0 : 1;
    if (isKnown === 0 || !isEven(rows, row)) seen.uneven += 1;
    else seen.moving += own.unquiet[stretch.column + row]!;
    if (known[place] === isKnown && (value === values[place] || isKnown === 0)) continue;
    known[place] = isKnown;
    values[place] = value;
    motion = moved;
  }
  if (seen.uneven > 0 || (seen.moving > 0 && seen.away > 0)) own.pace[stretch.number] = uneven;
  else own.pace[stretch.number] = seen.moving > 0 ? even : calm;
  return own.pace[stretch.number] === calm ? motion : motion | restless;
}

/** Takes in a row's sample where it is a new one. Returns the increase; NaN while there are fewer than two samples. */
function takeRow(rows: Rows, row: number, state: OriginState): number {
  const { stretch, own, ring } = rows;
  const { last, lastTimes, lastEntries, unquiet } = own;
  const slot = stretch.slots[row]!;
  const at = stretch.column + row;
  const time = state.times[slot]!;
  if (time !== lastTimes[at]) {
    const value = state.values[slot]!;
    const stands = value === last[at] && unquiet[at] === 0;
    if (stands && time === ring.newestTime && lastEntries[at] === ring.newest - 1) {
      lastTimes[at] = time;
      lastEntries[at] = ring.newest;
    } else if (!Number.isNaN(value)) add(rows, row, time, value);
  }
  const start = Math.max(ring.first, own.firstEntries[at]!);
  if (unquiet[at] === 1) return risen(rows, row, start, state.timeMilliseconds);
  return lastEntries[at]! > start ? 0 : Number.NaN;
}

/** The row has the newest entry's sample, and every one since the window's first if it moves. */
function isEven({ stretch, own, ring }: Rows, row: number): boolean {
  const at = stretch.column + row;
  if (own.lastEntries[at] !== ring.newest) return false;
  if (own.unquiet[at] === 0) return true;
  return own.firstEntries[at]! <= ring.first && !own.apart.has(at);
}

/** None of its rows moves any more. */
function beCalm({ number }: Stretch, own: CounterColumns): void {
  own.pace[number] = calm;
  own.moving[number] = undefined;
}

function wake(stretch: Stretch, { counters: own, known, rings }: Memory): void {
  const ring = rings[stretch.ring]!;
  noteSampled({ stretch, own, ring }, known, ring.beforeEntry, ring.beforeTime);
}

/** Its rows may have missed samples, or haven't enough. */
const uneven = 0;
/** Those of its rows that are there stand still and have every sample so far: nothing has to be done until one changes. */
const calm = 1;
/** All rows are there and have every sample so far. */
const even = 2;

/** Goes on with what a row of another program's memory held. */
export function adoptRow(
  stretch: Stretch,
  row: number,
  own: CounterColumns,
  ring: TimeRing,
  history: RowHistory,
): void {
  const at = stretch.column + row;
  if (history.ring !== ring) {
    own.apart.set(at, history.detach());
    own.unquiet[at] = 1;
    return;
  }
  const { last, lastTime, firstEntry, lastEntry, moving, apart } = history;
  own.last[at] = last;
  own.lastTimes[at] = lastTime;
  own.firstEntries[at] = firstEntry;
  own.lastEntries[at] = lastEntry;
  if (apart) own.apart.set(at, apart);
  if (moving) {
    const to = (own.moving[stretch.number] ??= createMoving(stretch.slots.length));
    adoptSamples(to, row, moving, history.row, ring);
  }
  own.unquiet[at] = moving || apart ? 1 : 0;
}

/** Asked between two frames. */
export function historyOf(stretch: Stretch, row: number, memory: Memory): RowHistory {
  const { counters: own, known } = memory;
  const ring = memory.rings[stretch.ring]!;
  const rows = { stretch, own, ring };
  // Before the next frame moves the ring on.
  if (own.pace[stretch.number] !== uneven) noteSampled(rows, known, ring.newest, ring.newestTime);
  const at = stretch.column + row;
  const moving = own.moving[stretch.number];
  return {
    ring,
    last: own.last[at]!,
    lastTime: own.lastTimes[at]!,
    firstEntry: own.firstEntries[at]!,
    lastEntry: own.lastEntries[at]!,
    moving: moving && moves(moving, row) ? moving : undefined,
    row,
    apart: own.apart.get(at),
    detach: () => own.apart.get(at) ?? detach(rows, row),
  };
}

/** Brings the rows' own numbers up to date with an entry that they stood still at. */
function noteSampled({ stretch, own }: Rows, known: Uint8Array, entry: number, time: number): void {
  const { slots, first, column } = stretch;
  for (let row = 0; row < slots.length; row += 1) {
    if (known[first + row] === 0) continue;
    own.lastEntries[column + row] = entry;
    own.lastTimes[column + row] = time;
  }
}

function add(rows: Rows, row: number, time: number, value: number): void {
  const { own, ring, stretch } = rows;
  const at = stretch.column + row;
  const entry = ring.newest;
  const start = Math.max(ring.first, own.firstEntries[at]!);
  const lastEntry = own.lastEntries[at]!;
  const isOnRing = time === ring.newestTime;
  const isFirst = lastEntry < start;
  const follows = isOnRing && !isFirst && lastEntry >= entry - 1;
  if (follows) goOn(rows, row, start, value);
  else {
    if ((!isFirst || !isOnRing) && !own.apart.has(at)) own.apart.set(at, detach(rows, row));
    settle(rows, row);
    own.firstEntries[at] = isOnRing ? entry : entry + 1;
    // The difference of two infinities isn't 0.
    if (isOnRing && !Number.isFinite(value)) put(rows, row, entry, value);
  }
  if (follows && lastEntry === entry) own.merged += 1;
  own.lastEntries[at] = entry;
  own.lastTimes[at] = time;
  own.last[at] = value;
  if (own.apart.size > 0) own.apart.get(at)?.push(time, value);
}

function goOn(rows: Rows, row: number, start: number, value: number): void {
  const { own, stretch } = rows;
  const moving = own.moving[stretch.number];
  const before = own.last[stretch.column + row]!;
  if (value !== before || (moving && moves(moving, row))) put(rows, row, start, value);
}

/** Notes the sample of the newest entry, and those before it where it is the first that has to be noted. */
function put({ own, stretch, ring }: Rows, row: number, start: number, value: number): void {
  const at = stretch.column + row;
  const moving = (own.moving[stretch.number] ??= createMoving(stretch.slots.length));
  putSample(moving, row, ring, start, own.last[at]!, value);
  own.unquiet[at] = 1;
}

/** The row has no samples of its own, at least until it moves. */
function settle({ own, stretch }: Rows, row: number): void {
  const at = stretch.column + row;
  const moving = own.moving[stretch.number];
  if (moving && dropRow(moving, row) === 0) own.moving[stretch.number] = undefined;
  own.unquiet[at] = own.apart.has(at) ? 1 : 0;
}

/** The row as a window by itself, for one that missed a time: it is judged by that until its length has passed. */
function detach({ own, stretch, ring }: Rows, row: number): CounterWindow {
  const at = stretch.column + row;
  const window = createCounterWindow(stretch.lengthMilliseconds, () => (own.merged += 1));
  const moving = own.moving[stretch.number];
  const start = Math.max(ring.first, own.firstEntries[at]!);
  for (let entry = start; entry <= own.lastEntries[at]!; entry += 1)
    window.push(
      timeOf(ring, entry),
      moving && moves(moving, row) ? sampleAt(moving, row, entry) : own.last[at]!,
    );
  return window;
}

function risen(rows: Rows, row: number, start: number, end: number): number {
  const { own, stretch, ring } = rows;
  const at = stretch.column + row;
  const apart = own.apart.size > 0 ? own.apart.get(at) : undefined;
  if (apart) {
    if (ring.first <= own.firstEntries[at]!)
      return stretch.perSeconds === 1 ? apart.increase(end) : apart.rate(end);
    own.apart.delete(at);
  }
  const moving = own.moving[stretch.number];
  const newest = own.last[at]!;
  const lastEntry = own.lastEntries[at]!;
  if (
    !moving ||
    !moves(moving, row) ||
    (standsSince(moving, row, start) && Number.isFinite(newest))
  ) {
    settle(rows, row);
    return lastEntry > start ? 0 : Number.NaN;
  }
  if (lastEntry <= start) return Number.NaN;
  const span = {
    count: lastEntry - start + 1,
    first: timeOf(ring, start),
    last: own.lastTimes[at]!,
    start: end - stretch.lengthMilliseconds,
    end,
  };
  return increaseOf(moving, row, start, newest, span, stretch.perSeconds);
}
