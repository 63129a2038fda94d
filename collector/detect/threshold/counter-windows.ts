/**
 * `rate` or `increase` of all counters that one selection takes, kept in columns. Most counters of a fleet stand still:
 * such a row has no samples of its own, only the number of the first and the last time it was sampled, and rises by 0.
 * One that moves keeps a sample per time of its source; one that missed a time its source was sampled at has a window apart.
 */
import { isPresent } from "../../../core/wire/frame.ts";
import type { OriginState } from "../../origin.ts";
import { moved, restless, still, type Motion } from "./motion.ts";
import { createSlotMask, touches, type SlotMask } from "./slot-mask.ts";
import type { TimeRing } from "./time-ring.ts";
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

export function createCounterWindows(options: CounterWindowsOptions): CounterWindows {
  const { slots, lengthMilliseconds, perSeconds } = options;
  const values = new Float64Array(slots.length).fill(Number.NaN);
  const known = new Uint8Array(slots.length);
  const last = new Float64Array(slots.length);
  const lastTimes = new Float64Array(slots.length).fill(-1);
  /** A row was sampled at every entry from the first to the last of these. */
  const firstEntries = new Int32Array(slots.length);
  const lastEntries = new Int32Array(slots.length).fill(-1);
  /** 1 where the row moves or has a window apart. */
  const unquiet = new Uint8Array(slots.length);
  const movingRows: (Moving | undefined)[] = [];
  const apartRows: (CounterWindow | undefined)[] = [];
  const stretches = stretchesOf(slots, options.ringOf);
  const span: Span = { count: 0, first: 0, last: 0, start: 0, end: 0 };
  let merged = 0;

  function evaluateStretch(stretch: Stretch, state: OriginState): Motion {
    if (stretch.isCalm && !options.isShaken() && !touches(stretch.mask, state.changed))
      return still;
    wake(stretch);
    return takeIn(stretch, state);
  }

  /** Brings the rows' own numbers up to date with the frame before. */
  function wake(stretch: Stretch): void {
    const { ring } = stretch;
    if (stretch.isCalm) noteSampled(stretch, ring.beforeEntry, ring.beforeTime);
  }

  function noteSampled({ from, to }: Stretch, entry: number, time: number): void {
    for (let row = from; row < to; row += 1) {
      if (known[row] === 0) continue;
      lastEntries[row] = entry;
      lastTimes[row] = time;
    }
  }

  function takeIn(stretch: Stretch, state: OriginState): Motion {
    const { from, to, ring } = stretch;
    const { present, times, values: newest } = state;
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
        } else if (!Number.isNaN(value)) add(row, ring, time, value);
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
      const value = risen(row, ring, start, state.timeMilliseconds);
      if (value === values[row] && known[row] === 1) continue;
      values[row] = value;
      known[row] = Number.isNaN(value) ? 0 : 1;
      motion = moved;
    }
    stretch.isCalm = calm;
    return calm ? motion : motion | restless;
  }

  function add(row: number, ring: TimeRing, time: number, value: number): void {
    const entry = ring.newest;
    const start = Math.max(ring.first, firstEntries[row]!);
    const lastEntry = lastEntries[row]!;
    const isOnRing = time === ring.newestTime;
    const isFirst = lastEntry < start;
    const follows = isOnRing && !isFirst && lastEntry >= entry - 1;
    if (follows) goOn(row, ring, start, value);
    else {
      if (!isFirst || !isOnRing) apartRows[row] ??= detach(row, ring);
      settle(row);
      firstEntries[row] = isOnRing ? entry : entry + 1;
      // The difference of two infinities isn't 0.
      if (isOnRing && !Number.isFinite(value)) put(row, ring, entry, value);
    }
    if (follows && lastEntry === entry) merged += 1;
    lastEntries[row] = entry;
    lastTimes[row] = time;
    last[row] = value;
    apartRows[row]?.push(time, value);
  }

  function goOn(row: number, ring: TimeRing, start: number, value: number): void {
    const before = last[row]!;
    if (value === before && !movingRows[row]) return;
    const moving = put(row, ring, start, value);
    if (value !== before) moving.changedEntry = ring.newest;
    if (value < before) {
      moving.resets.push({ entry: ring.newest, before });
      moving.lost += before;
    }
  }

  /** Notes the sample of the newest entry, and those before it where it is the first that has to be noted. */
  function put(row: number, ring: TimeRing, start: number, value: number): Moving {
    const held = ring.newest - start + 1;
    const before = movingRows[row];
    const moving = before ?? {
      samples: emptySamples,
      changedEntry: ring.newest,
      resets: [],
      lost: 0,
    };
    const former = moving.samples;
    if (held > former.length) {
      moving.samples = new Float64Array(ring.size);
      const mask = moving.samples.length - 1;
      for (let entry = start; entry < ring.newest; entry += 1)
        moving.samples[entry & mask] = before ? former[entry & (former.length - 1)]! : last[row]!;
    }
    moving.samples[ring.newest & (moving.samples.length - 1)] = value;
    movingRows[row] = moving;
    unquiet[row] = 1;
    return moving;
  }

  /** The row has no samples of its own, at least until it moves. */
  function settle(row: number): void {
    movingRows[row] = undefined;
    unquiet[row] = apartRows[row] ? 1 : 0;
  }

  /** The row as a window by itself, for one that missed a time: it is judged by that until its length has passed. */
  function detach(row: number, ring: TimeRing): CounterWindow {
    const window = createCounterWindow(lengthMilliseconds, () => (merged += 1));
    const samples = movingRows[row]?.samples;
    const start = Math.max(ring.first, firstEntries[row]!);
    for (let entry = start; entry <= lastEntries[row]!; entry += 1)
      window.push(
        ring.timeOf(entry),
        samples ? samples[entry & (samples.length - 1)]! : last[row]!,
      );
    return window;
  }

  function risen(row: number, ring: TimeRing, start: number, end: number): number {
    const apart = apartRows[row];
    if (apart) {
      if (ring.first <= firstEntries[row]!)
        return perSeconds === 1 ? apart.increase(end) : apart.rate(end);
      apartRows[row] = undefined;
    }
    const moving = movingRows[row];
    const newest = last[row]!;
    if (!moving || (moving.changedEntry <= start && Number.isFinite(newest))) {
      settle(row);
      return lastEntries[row]! > start ? 0 : Number.NaN;
    }
    return increaseOf(moving, row, ring, start, end);
  }

  function increaseOf(
    moving: Moving,
    row: number,
    ring: TimeRing,
    start: number,
    end: number,
  ): number {
    const { samples, resets } = moving;
    span.count = lastEntries[row]! - start + 1;
    if (span.count < 2) return Number.NaN;
    const firstValue = samples[start & (samples.length - 1)]!;
    if (resets.length > 0 && resets[0]!.entry <= start) forgetResets(moving, start);
    const total = last[row]! - firstValue + moving.lost;
    span.first = ring.timeOf(start);
    span.last = lastTimes[row]!;
    span.start = end - lengthMilliseconds;
    span.end = end;
    return total * (stretchOf(total, firstValue, span) / perSeconds);
  }

  return {
    slots,
    values,
    known,
    evaluate(state) {
      let motion: Motion = still;
      for (const stretch of stretches) motion |= evaluateStretch(stretch, state);
      if (merged > 0) options.onMerged(merged);
      merged = 0;
      return motion;
    },
    adopt(row, from, fromRow) {
      const history = from.historyOf(fromRow);
      if (history.ring !== options.ringOf(slots[row]!)) {
        apartRows[row] = history.detach();
        unquiet[row] = 1;
        return;
      }
      const { moving, apart } = history;
      last[row] = history.last;
      lastTimes[row] = history.lastTime;
      firstEntries[row] = history.firstEntry;
      lastEntries[row] = history.lastEntry;
      movingRows[row] = moving && {
        samples: moving.samples.slice(),
        changedEntry: moving.changedEntry,
        resets: [...moving.resets],
        lost: moving.lost,
      };
      apartRows[row] = apart;
      unquiet[row] = moving || apart ? 1 : 0;
    },
    historyOf(row) {
      const stretch = stretches.find(({ from, to }) => row >= from && row < to)!;
      const { ring } = stretch;
      // Before the next frame moves the ring on.
      if (stretch.isCalm) noteSampled(stretch, ring.newest, ring.newestTime);
      return {
        ring,
        last: last[row]!,
        lastTime: lastTimes[row]!,
        firstEntry: firstEntries[row]!,
        lastEntry: lastEntries[row]!,
        moving: movingRows[row],
        apart: apartRows[row],
        detach: () => apartRows[row] ?? detach(row, ring),
      };
    },
  };
}

function forgetResets(moving: Moving, start: number): void {
  moving.resets = moving.resets.filter(({ entry }) => entry > start);
  moving.lost = moving.resets.reduce((sum, { before }) => sum + before, 0);
}

const emptySamples = new Float64Array(0);

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
