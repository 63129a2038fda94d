/** The windows that an origin's rules look back on. They outlive a change of its schema: a series that is still there goes on with its own. */
import { isPresent, type Schema } from "../../../core/wire/frame.ts";
import type { OriginState } from "../../origin.ts";
import { adoptRow, createCounterColumns, historyOf, type Stretch } from "./counter-columns.ts";
import type { Memory } from "./memory.ts";
import type { Program, RingPlan } from "./program.ts";
import { keyOfLabels, seriesLabels } from "./rows.ts";
import { createSampleWindow } from "./sample-window.ts";
import { advanceRing, createTimeRing, type TimeRing } from "./time-ring.ts";

/** What an origin had before its schema changed. */
export interface Former {
  readonly schema: Schema;
  readonly program: Program;
  readonly memory: Memory;
}

type Windows = Pick<Memory, "rings" | "counters" | "windows">;

/** For a program's memory; what the former had and nobody asks for is let go. */
export function createWindows(
  schema: Schema,
  { rings, stretches, windows, sizes }: Program,
  former: Former | null,
): Windows {
  const formerRings = new Map(
    former?.program.rings.map(({ key }, at) => [key, former.memory.rings[at]]),
  );
  const formerSamples = new Map(
    former?.program.windows.map(({ key, slot }, at) => [
      `${key} ${seriesKey(former.schema, slot)}`,
      former.memory.windows[at],
    ]),
  );
  const made = {
    rings: rings.map(
      ({ key, lengthMilliseconds }) => formerRings.get(key) ?? createTimeRing(lengthMilliseconds),
    ),
    counters: createCounterColumns(sizes.counters, stretches.length),
    windows: windows.map(
      ({ key, slot, how, lengthMilliseconds }) =>
        formerSamples.get(`${key} ${seriesKey(schema, slot)}`) ??
        createSampleWindow(how, lengthMilliseconds),
    ),
  };
  if (former) adoptCounters(schema, stretches, made, former);
  return made;
}

/** A frame came, before anything is evaluated. True when all of it must be: nothing holds that was left as it was. */
export function advanceRings(
  plans: readonly RingPlan[],
  rings: readonly TimeRing[],
  state: OriginState,
): boolean {
  let isShaken = false;
  for (let index = 0; index < rings.length; index += 1) {
    const ring = rings[index]!;
    const time = timeOfFrame(plans[index]!.slots, ring, state);
    isShaken = advanceRing(ring, time, state.timeMilliseconds) || isShaken;
  }
  return isShaken;
}

/** The time of the source's samples in this frame; -1 where it brought none. */
function timeOfFrame(slots: Int32Array, ring: TimeRing, state: OriginState): number {
  const { present, times, complete } = state;
  let newest = -1;
  for (let index = 0; index < slots.length; index += 1) {
    const slot = slots[index]!;
    if (!isPresent(present, slot)) continue;
    newest = Math.max(newest, times[slot]!);
    // A complete frame samples a source's series together.
    if (complete) return newest;
  }
  // Of a partial frame's source others may have come before.
  return ring.newest >= ring.first && newest < ring.newestTime ? -1 : newest;
}

function adoptCounters(
  schema: Schema,
  stretches: readonly Stretch[],
  { counters, rings }: Windows,
  former: Former,
): void {
  const places = new Map<string, { readonly stretch: Stretch; readonly row: number }>();
  for (const stretch of former.program.stretches)
    stretch.slots.forEach((slot, row) =>
      places.set(`${stretch.key} ${seriesKey(former.schema, slot)}`, { stretch, row }),
    );
  for (const stretch of stretches)
    stretch.slots.forEach((slot, row) => {
      const place = places.get(`${stretch.key} ${seriesKey(schema, slot)}`);
      if (!place) return;
      const history = historyOf(place.stretch, place.row, former.memory);
      adoptRow(stretch, row, counters, rings[stretch.ring]!, history);
    });
}

function seriesKey(schema: Schema, slot: number): string {
  return `${schema.series[slot]?.metric.name ?? ""} ${keyOfLabels(seriesLabels(schema, slot))}`;
}
