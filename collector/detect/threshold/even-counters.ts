/**
 * The usual frame: every counter of a stretch is there, has every sample so far, and none began anew. Then what the samples'
 * times make of a window is the same for all of them, and is found once.
 */
import { isPresent } from "../../../core/wire/frame.ts";
import type { OriginState } from "../../origin.ts";
import type { Stretch } from "./counter-columns.ts";
import type { Memory } from "./memory.ts";
import { moved, restless, still, type Motion } from "./motion.ts";
import { dropRow, type Moving } from "./moving-counters.ts";
import { timeOf, type TimeRing } from "./time-ring.ts";
import { paceOf, stretchBy, type Pace } from "./window.ts";

/** Takes the frame in; null when it isn't a usual one, and nothing was changed. */
export function followEvenly(
  stretch: Stretch,
  moving: Moving,
  memory: Memory,
  state: OriginState,
): Motion | null {
  const ring = memory.rings[stretch.ring]!;
  if (!isUsualFrame(stretch, moving, ring, memory, state)) return null;
  const { slots, first, column, lengthMilliseconds, perSeconds } = stretch;
  const { last, unquiet } = memory.counters;
  const { values } = memory;
  const { samples, columns, changedEntries, entries, width } = moving;
  const newest = (ring.newest & (entries - 1)) * width;
  const oldest = (ring.first & (entries - 1)) * width;
  if (ring.newest === ring.beforeEntry) memory.counters.merged += slots.length;
  const pace = paceOfFrame(ring, lengthMilliseconds, state.timeMilliseconds);
  let motion = still;
  for (let row = 0; row < slots.length; row += 1) {
    const own = columns[row]!;
    if (own < 0) continue;
    const at = column + row;
    const value = state.values[slots[row]!]!;
    samples[newest + own] = value;
    if (value !== last[at]) {
      last[at] = value;
      changedEntries[row] = ring.newest;
    }
    let rise = 0;
    if (changedEntries[row]! <= ring.first) {
      dropRow(moving, row);
      unquiet[at] = 0;
    } else {
      const firstValue = samples[oldest + own]!;
      const total = value - firstValue;
      rise = total * (stretchBy(pace, total, firstValue) / perSeconds);
    }
    if (rise === values[first + row]) continue;
    values[first + row] = rise;
    motion = moved;
  }
  return moving.used > 0 ? motion | restless : motion;
}

function isUsualFrame(
  { slots, column }: Stretch,
  moving: Moving,
  ring: TimeRing,
  { counters }: Memory,
  { complete, present, times, values }: OriginState,
): boolean {
  const { newest, beforeEntry, newestTime } = ring;
  const goesOn =
    newest === beforeEntry + 1 || (newest === beforeEntry && newestTime > ring.beforeTime);
  // A source's samples share their time.
  if (!complete || !goesOn || newest <= ring.first || times[slots[0]!] !== newestTime) return false;
  if (moving.entries < ring.times.length) return false;
  const { last, unquiet } = counters;
  for (let row = 0; row < slots.length; row += 1) {
    const slot = slots[row]!;
    const value = values[slot]!;
    const before = last[column + row]!;
    const isUsual = unquiet[column + row] === 1 ? value >= before : value === before;
    if (!isUsual || value === Infinity || moving.lost[row] !== 0 || !isPresent(present, slot))
      return false;
  }
  return true;
}

function paceOfFrame(ring: TimeRing, lengthMilliseconds: number, end: number): Pace {
  return paceOf({
    count: ring.newest - ring.first + 1,
    first: timeOf(ring, ring.first),
    last: ring.newestTime,
    start: end - lengthMilliseconds,
    end,
  });
}
