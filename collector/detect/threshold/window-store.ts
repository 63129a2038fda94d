/** The windows of one origin's rules. They outlive a change of its schema: a series that is still there goes on with its own. */
import type { Expression, Selection } from "../../../alerts/expression.ts";
import { isPresent, type Schema } from "../../../core/wire/frame.ts";
import type { OriginState } from "../../origin.ts";
import { createCounterWindows, type CounterWindows } from "./counter-windows.ts";
import { still, type Motion } from "./motion.ts";
import { keyOfLabels, select, seriesLabels, type SlotIndex } from "./rows.ts";
import { createSampleWindow, type SampleWindow } from "./sample-window.ts";
import { advanceRing, createTimeRing, type TimeRing } from "./time-ring.ts";

export type CounterExpression = Extract<Expression, { op: "rate" | "increase" }>;

export interface WindowStore {
  /** A frame came, before anything is evaluated. True when all of it must be: nothing holds that was left as it was. */
  advance(state: OriginState): boolean;
  /** Something failed: the next frame finds all to be evaluated. */
  shake(): void;
  /** One for all rules that ask for the same. */
  counters(expression: CounterExpression): CounterWindows;
  /** The window of a gauge, by the slot it has in this schema. */
  samples(selection: Selection, slot: number, lengthMilliseconds: number): SampleWindow;
  /** All is bound: what the former store had and nobody asked for is let go. */
  settle(): void;
  /** For the store of the schema that comes after this one. */
  readonly remains: Remains;
}

interface Remains {
  readonly schema: Schema;
  /** By source and length. */
  readonly rings: ReadonlyMap<string, FollowedRing>;
  /** By what is asked of them. */
  readonly counters: ReadonlyMap<string, CounterWindows>;
  /** By series and length. */
  readonly samples: ReadonlyMap<string, SampleWindow>;
}

interface FollowedRing {
  readonly ring: TimeRing;
  /** Of its rows. */
  readonly slots: number[];
}

interface Place {
  readonly windows: CounterWindows;
  readonly row: number;
}

export function createWindowStore(
  schema: Schema,
  index: SlotIndex,
  former: WindowStore | null,
  onMerged: (samples: number) => void,
): WindowStore {
  const rings = new Map<string, FollowedRing>();
  const counters = new Map<string, CounterWindows>();
  const samples = new Map<string, SampleWindow>();
  let followed: readonly FollowedRing[] = [];
  let remains = former?.remains;
  let places = remains && findPlaces(remains);
  let isShaken = false;
  let wasShaken = false;

  function ringFor(slot: number, lengthMilliseconds: number): FollowedRing {
    const group = schema.groups.find(({ first, length }) => slot < first + length);
    const key = `${lengthMilliseconds} ${group?.source ?? ""}`;
    const known = rings.get(key);
    if (known) return known;
    const ring = remains?.rings.get(key)?.ring ?? createTimeRing(lengthMilliseconds);
    const followed = { ring, slots: [] };
    rings.set(key, followed);
    return followed;
  }

  function makeCounters({ op, of, windowMilliseconds }: CounterExpression): CounterWindows {
    const slots = Int32Array.from(select(schema, index, of));
    const windows = createCounterWindows({
      slots,
      ringOf: (slot) => ringFor(slot, windowMilliseconds).ring,
      isShaken: () => isShaken,
      lengthMilliseconds: windowMilliseconds,
      perSeconds: op === "rate" ? windowMilliseconds / 1000 : 1,
      onMerged,
    });
    slots.forEach((slot, row) => {
      ringFor(slot, windowMilliseconds).slots.push(slot);
      const place = places?.get(placeKey(op, windowMilliseconds, schema, slot));
      if (place) windows.adopt(row, place.windows, place.row);
    });
    return oncePerFrame(windows);
  }

  return {
    remains: { schema, rings, counters, samples },
    advance(state) {
      isShaken = advanceAll(followed, state) || wasShaken;
      wasShaken = false;
      return isShaken;
    },
    shake: () => void (wasShaken = true),
    settle() {
      followed = [...rings.values()];
      remains = undefined;
      places = undefined;
    },
    counters(expression) {
      const key = keyOfCounters(expression);
      const windows = counters.get(key) ?? makeCounters(expression);
      counters.set(key, windows);
      return windows;
    },
    samples({ metric }, slot, length) {
      const key = `${length} ${metric.name} ${keyOfLabels(seriesLabels(schema, slot))}`;
      const window = samples.get(key) ?? remains?.samples.get(key) ?? createSampleWindow(length);
      samples.set(key, window);
      return window;
    },
  };
}

function oncePerFrame(windows: CounterWindows): CounterWindows {
  let revision = -1;
  let motion: Motion = still;
  return {
    ...windows,
    evaluate(state: OriginState) {
      if (state.revision !== revision) motion = windows.evaluate(state);
      revision = state.revision;
      return motion;
    },
  };
}

function advanceAll(followed: readonly FollowedRing[], state: OriginState): boolean {
  let isShaken = false;
  for (let index = 0; index < followed.length; index += 1) {
    const { ring, slots } = followed[index]!;
    const time = timeOfFrame(slots, ring, state);
    isShaken = advanceRing(ring, time, state.timeMilliseconds) || isShaken;
  }
  return isShaken;
}

/** The time of the source's samples in this frame; -1 where it brought none. */
function timeOfFrame(slots: readonly number[], ring: TimeRing, state: OriginState): number {
  const { present, times, complete } = state;
  let newest = -1;
  for (const slot of slots) {
    if (!isPresent(present, slot)) continue;
    newest = Math.max(newest, times[slot]!);
    // A complete frame samples a source's series together.
    if (complete) return newest;
  }
  // Of a partial frame's source others may have come before.
  return ring.newest >= ring.first && newest < ring.newestTime ? -1 : newest;
}

/** Where each series' samples are among the windows that were. */
function findPlaces({ schema, counters }: Remains): Map<string, Place> {
  const places = new Map<string, Place>();
  for (const [key, windows] of counters) {
    const [op = "", length = ""] = key.split(" ");
    windows.slots.forEach((slot, row) =>
      places.set(placeKey(op, Number(length), schema, slot), { windows, row }),
    );
  }
  return places;
}

function placeKey(op: string, length: number, schema: Schema, slot: number): string {
  const name = schema.series[slot]?.metric.name ?? "";
  return `${op} ${length} ${name} ${keyOfLabels(seriesLabels(schema, slot))}`;
}

function keyOfCounters({ op, of, windowMilliseconds }: CounterExpression): string {
  const matchers = Object.entries(of.match).map(([name, condition]) =>
    [name, ...(typeof condition === "object" ? Object.entries(condition) : [condition])].join(" "),
  );
  return [op, windowMilliseconds, of.metric.name, ...matchers.toSorted()].join(" ");
}
