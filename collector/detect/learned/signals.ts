/** Signals: watched series bound to the slots of one origin's schema, read as values, rates or quotients of counters. */
import { isPresent, type Schema } from "../../../core/wire/frame.ts";
import type { OriginState } from "../../origin.ts";
import {
  indexSchema,
  keyOfLabels,
  select,
  seriesLabels,
  type SlotIndex,
} from "../threshold/rows.ts";
import type { Subject } from "./finding.ts";
import type { Watch } from "./watch.ts";

export interface Signal {
  readonly watch: Watch;
  /** The watch and the labels that tell its series apart: the same across restarts and schemas. */
  readonly key: string;
  readonly subject: Subject;
  readonly slots: Int32Array;
  readonly divisorSlots: Int32Array;
  /** -1 when the watch has none. */
  readonly driverSlot: number;
}

/** What has to be remembered of a counter: numbers per signal. */
export const counterCells = 4;

/** Rates are averaged over this long: what counters count comes in bursts. */
const smoothMilliseconds = 30_000;

export function bindSignals(state: OriginState, watches: readonly Watch[]): Signal[] {
  const index = indexSchema(state.schema);
  return watches.flatMap((watch) => bindWatch(watch, state, index));
}

/** What a series is about, from its device where it has one and its labels otherwise. */
export function describeSeries(state: OriginState, slot: number, metric: string): Subject {
  const series = state.schema.series[slot];
  const labels = seriesLabels(state.schema, slot);
  const { origin } = state;
  const named = labels["gpu"] === undefined ? undefined : `gpu${labels["gpu"]}`;
  return {
    node: series?.device?.node ?? (origin.node || origin.instance),
    subject: named ?? labels["mountpoint"] ?? labels["device"] ?? (origin.node || origin.instance),
    uuid: labels["UUID"] ?? "",
    metric,
  };
}

function bindWatch(watch: Watch, state: OriginState, index: SlotIndex): Signal[] {
  const { schema } = state;
  const groups = new Map<string, number[]>();
  const keyOf = (slot: number): string => identityOf(watch, schema, slot);
  for (const selection of watch.of)
    for (const slot of select(schema, index, selection)) {
      const key = keyOf(slot);
      const members = groups.get(key);
      if (members) members.push(slot);
      else groups.set(key, [slot]);
    }
  const partners = (selection: Watch["of"][number], key: string): number[] =>
    select(schema, index, selection).filter((slot) => keyOf(slot) === key);
  const metric = watch.of[0]?.metric.name ?? "";
  return Array.from(groups, ([key, slots]) => ({
    watch,
    key: `${watch.name} ${key}`,
    subject: describeSeries(state, slots[0] ?? 0, metric),
    slots: Int32Array.from(slots),
    divisorSlots: Int32Array.from((watch.per ?? []).flatMap((one) => partners(one, key))),
    driverSlot: watch.driver ? (partners(watch.driver, key)[0] ?? -1) : -1,
  }));
}

/** A GPU is known by its UUID: its index may change. */
function identityOf(watch: Watch, schema: Schema, slot: number): string {
  const labels = seriesLabels(schema, slot);
  const names = labels["UUID"] === undefined ? watch.by : ["UUID"];
  return keyOfLabels(labels, watch.by.length === 0 ? [] : names);
}

/**
 * The signal's reading now, or NaN where a sample is absent, was seen before, or has no predecessor to be compared with.
 * `cells` are the signal's own: time, sum and divisor of its last sample, and the mean rate.
 */
export function readSignal(signal: Signal, state: OriginState, cells: Float64Array): number {
  const { slots, divisorSlots, watch } = signal;
  const time = state.times[slots[0] ?? 0] ?? 0;
  const before = cells[0] ?? 0;
  if (time === before || !arePresent(state, slots) || !arePresent(state, divisorSlots))
    return Number.NaN;
  const sum = sumOf(state, slots);
  const divisor = sumOf(state, divisorSlots);
  const grown = sum - (cells[1] ?? 0);
  const divided = divisor - (cells[2] ?? 0);
  const seconds = (time - before) / 1000;
  cells[0] = time;
  cells[1] = sum;
  cells[2] = divisor;
  if (watch.reading === "value") return sum;
  if (watch.reading === "share") return divisor > 0 ? sum / divisor : Number.NaN;
  // A counter that fell was reset; a clock that went back says nothing of a rate.
  if (before === 0 || seconds <= 0 || grown < 0) return Number.NaN;
  if (watch.reading === "quotient") return divided > 0 ? grown / divided : Number.NaN;
  const rate = smoothed(cells, grown / seconds, time - before);
  return watch.reading === "busy" ? Math.min(1, Math.max(0, 1 - rate / slots.length)) : rate;
}

/** The last cell holds the average. From 0 it follows at once: a counter's first growth is news. */
function smoothed(cells: Float64Array, rate: number, passedMilliseconds: number): number {
  const known = cells[3] ?? 0;
  const weight = known === 0 ? 1 : -Math.expm1(-passedMilliseconds / smoothMilliseconds);
  const average = known + (rate - known) * weight;
  cells[3] = average;
  return average;
}

function arePresent(state: OriginState, slots: Int32Array): boolean {
  for (const slot of slots) if (!isPresent(state.present, slot)) return false;
  return true;
}

function sumOf(state: OriginState, slots: Int32Array): number {
  let sum = 0;
  for (const slot of slots) sum += state.values[slot] ?? Number.NaN;
  return sum;
}
