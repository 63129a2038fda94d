/** The door's memory of one origin: arrays that frames are copied into, made anew only when the schema changes. */
import {
  isPresent,
  setPresent,
  type Frame,
  type Origin,
  type Schema,
  type Series,
} from "../../core/wire/frame.ts";
import type { OriginState } from "../origin.ts";
import type { Admission } from "./admit.ts";

/** What one frame held: series left out are counted with every frame that would have held them. */
export interface SampleCounts {
  accepted: number;
  future: number;
  series: number;
  labels: number;
  /** In a partial frame: no newer than what is held of the series. */
  outdated: number;
}

export interface OriginRecord {
  readonly state: OriginState;
  /** The sender's schema as it came, to see that it is still the same. */
  readonly sender: Schema | null;
  readonly admission: Admission;
  admit(sender: Schema, admission: Admission, complete: boolean): void;
  arrived(frame: Frame, timeMilliseconds: number, monotonic: number): void;
}

type Mutable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

/** Prometheus' staleness marker: a NaN told apart by its bits. It says that a series ended. */
const stalenessHigh = 0x7ff00000;
const stalenessLow = 2;
/** A partial frame says nothing of the series it doesn't hold; after this long (PromQL's look-back) they have ended. */
const lookBackMilliseconds = 300_000;
/** Nothing is silent before three of these, so that what comes closer together is one. */
const burstMilliseconds = 1000;
/** How much a new interval counts in the smoothed period. */
const periodWeight = 0.2;

/** How many bits are set in a byte. */
const bitCounts = Uint8Array.from({ length: 256 }, (_, byte) => {
  let bits = 0;
  for (let rest = byte; rest > 0; rest >>= 1) bits += rest & 1;
  return bits;
});
const emptyOrigin: Origin = { node: "", job: "", instance: "", boot: "" };
const emptySchema: Schema = { origin: emptyOrigin, version: -1, groups: [], series: [] };

export function createRecord(key: string): OriginRecord {
  const state: Mutable<OriginState> = {
    key,
    origin: emptyOrigin,
    schema: emptySchema,
    sequence: -1,
    values: new Float64Array(0),
    present: new Uint8Array(0),
    times: new Float64Array(0),
    complete: true,
    timeMilliseconds: 0,
    arrivedMonotonic: -1,
    periodMilliseconds: 0,
  };
  let burstMonotonic = -1;
  const record: Mutable<OriginRecord> = {
    state,
    sender: null,
    admission: { schema: emptySchema, slots: null, refusedForSeries: 0, refusedForLabels: 0 },
    admit(sender, admission, complete) {
      const before = { ...state };
      const count = admission.schema.series.length;
      record.sender = sender;
      record.admission = admission;
      state.schema = admission.schema;
      state.origin = admission.schema.origin;
      state.values = new Float64Array(count);
      state.present = new Uint8Array(Math.ceil(count / 8));
      state.times = new Float64Array(count);
      if (!complete) carryOver(before, state);
    },
    arrived(frame, timeMilliseconds, monotonic) {
      // Partial frames come in bursts: the parts of one moment, or several moments at once.
      const isNext =
        frame.complete ||
        (timeMilliseconds > state.timeMilliseconds &&
          monotonic - burstMonotonic >= burstMilliseconds);
      const gap = monotonic - burstMonotonic;
      if (isNext && burstMonotonic >= 0)
        state.periodMilliseconds =
          state.periodMilliseconds === 0
            ? gap
            : // A pause (a restart, an outage) says little of the period.
              state.periodMilliseconds +
              periodWeight *
                (Math.min(gap, 3 * state.periodMilliseconds) - state.periodMilliseconds);
      if (isNext) burstMonotonic = monotonic;
      state.arrivedMonotonic = monotonic;
      state.sequence = frame.sequence;
      state.complete = frame.complete;
      state.timeMilliseconds = frame.complete
        ? timeMilliseconds
        : Math.max(timeMilliseconds, state.timeMilliseconds);
    },
  };
  return record;
}

/** Copies a frame's samples over the record's; what the frame lacks ends, unless the frame is partial. */
export function copySamples(record: OriginRecord, frame: Frame, latest: number): SampleCounts {
  const { state, admission } = record;
  const { slots } = admission;
  const counts: SampleCounts = {
    accepted: 0,
    future: 0,
    series: admission.refusedForSeries,
    labels: admission.refusedForLabels,
    outdated: 0,
  };
  const bits = new DataView(frame.values.buffer, frame.values.byteOffset, frame.values.byteLength);
  if (slots === null && isWhole(frame, latest)) {
    counts.accepted = copyWhole(state, frame, bits);
    return counts;
  }
  if (frame.complete) state.present.fill(0);
  const groups = state.schema.groups;
  for (let index = 0; index < groups.length; index++) {
    const group = groups[index];
    if (!group) continue;
    const time = frame.timestamps[index] ?? 0;
    const usable = time > 0 && time <= latest;
    for (let slot = group.first; slot < group.first + group.length; slot++) {
      const from = slots === null ? slot : (slots[slot] ?? 0);
      if (!isPresent(frame.present, from)) continue;
      if (!usable) {
        counts.future += 1;
        continue;
      }
      if (!frame.complete && time <= (state.times[slot] ?? 0)) {
        counts.outdated += 1;
        continue;
      }
      counts.accepted += 1;
      const value = frame.values[from] ?? Number.NaN;
      if (Number.isNaN(value) && isStalenessMarker(bits, from)) {
        clearPresent(state.present, slot);
        state.times[slot] = time;
        continue;
      }
      state.values[slot] = value;
      state.times[slot] = time;
      setPresent(state.present, slot);
    }
  }
  if (!frame.complete) endStale(state, latest);
  return counts;
}

/** Complete, and every group of it has a time that can be believed: nothing needs to be judged slot by slot. */
function isWhole({ complete, schema, timestamps }: Frame, latest: number): boolean {
  if (!complete) return false;
  return schema.groups.every(({ length }, index) => {
    const time = timestamps[index] ?? 0;
    return length === 0 || (time > 0 && time <= latest);
  });
}

/** Nearly every frame is like this: its columns are taken over whole. Returns how many samples it holds. */
function copyWhole(state: OriginState, frame: Frame, bits: DataView): number {
  const { values, present, times, schema } = state;
  const length = schema.series.length;
  values.set(frame.values.subarray(0, length));
  present.set(frame.present.subarray(0, present.length));
  const used = length & 7;
  const last = present.length - 1;
  if (used !== 0) present[last] = (present[last] ?? 0) & ((1 << used) - 1);
  schema.groups.forEach((group, index) =>
    times.fill(frame.timestamps[index] ?? 0, group.first, group.first + group.length),
  );
  let accepted = 0;
  for (let byte = 0; byte < present.length; byte += 1)
    accepted += bitCounts[present[byte] ?? 0] ?? 0;
  for (let slot = 0; slot < length; slot += 1)
    if (Number.isNaN(values[slot]) && isPresent(present, slot) && isStalenessMarker(bits, slot))
      clearPresent(present, slot);
  return accepted;
}

/** Samples of a partial sender's former schema stay where their series is in the new one. */
function carryOver(before: OriginState, now: OriginState): void {
  const former = new Map(before.schema.series.map((series, slot) => [keyOf(series), slot]));
  now.schema.series.forEach((series, slot) => {
    const from = former.get(keyOf(series));
    if (from === undefined || !isPresent(before.present, from)) return;
    now.values[slot] = before.values[from] ?? Number.NaN;
    now.times[slot] = before.times[from] ?? 0;
    setPresent(now.present, slot);
  });
}

function endStale(state: OriginState, latest: number): void {
  let newest = 0;
  for (const time of state.times) if (time > newest && time <= latest) newest = time;
  for (let slot = 0; slot < state.times.length; slot++)
    if ((state.times[slot] ?? 0) < newest - lookBackMilliseconds) clearPresent(state.present, slot);
}

function isStalenessMarker(bits: DataView, slot: number): boolean {
  const at = slot * 8;
  return (
    bits.getUint32(at + 4, true) === stalenessHigh && bits.getUint32(at, true) === stalenessLow
  );
}

function clearPresent(present: Uint8Array, slot: number): void {
  present[slot >> 3] = (present[slot >> 3] ?? 0) & ~(1 << (slot & 7));
}

function keyOf(series: Series): string {
  const { name, labels } = series.metric;
  return [name, ...labels, ...series.values].join("\u0000");
}
