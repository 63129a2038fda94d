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
  /** Its newest frame was sent here, not fetched or made here. */
  isPushed: boolean;
  /** The time of the samples at which series of a partial sender were looked through for those that have ended. */
  endedMilliseconds: number;
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
/** A partial sender's series are looked through for that no more often. */
const endStaleMilliseconds = 1000;
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
    revision: 0,
    changed: new Uint8Array(0),
    complete: true,
    timeMilliseconds: 0,
    arrivedMonotonic: -1,
    periodMilliseconds: 0,
  };
  let burstMonotonic = -1;
  const record: Mutable<OriginRecord> = {
    state,
    sender: null,
    isPushed: false,
    endedMilliseconds: 0,
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
      state.changed = new Uint8Array(state.present.length);
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
      state.revision += 1;
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
  if (slots === null && isWhole(frame, latest)) {
    counts.accepted = copyWhole(state, frame);
    return counts;
  }
  copyBySlot(record, frame, latest, counts);
  return counts;
}

/** A frame that is partial, or of which something is left out or can't be believed. */
function copyBySlot(
  record: OriginRecord,
  frame: Frame,
  latest: number,
  counts: SampleCounts,
): void {
  const { state } = record;
  const { slots } = record.admission;
  const { values, present, times, changed } = state;
  const words = wordsOf(frame.values);
  const before = present.slice();
  changed.fill(0);
  if (frame.complete) present.fill(0);
  let newest = 0;
  for (const [index, group] of state.schema.groups.entries()) {
    const time = frame.timestamps[index] ?? 0;
    const usable = time > 0 && time <= latest;
    if (usable && time > newest) newest = time;
    for (let slot = group.first; slot < group.first + group.length; slot++) {
      // A piece of a large sender's moment holds little: eight slots at a time are passed over.
      if (slots === null && (slot & 7) === 0 && frame.present[slot >> 3] === 0) {
        slot += 7;
        continue;
      }
      const from = slots === null ? slot : slots[slot]!;
      if (!isPresent(frame.present, from)) continue;
      if (!usable) counts.future += 1;
      else if (!frame.complete && time <= times[slot]!) counts.outdated += 1;
      else {
        counts.accepted += 1;
        times[slot] = time;
        const value = frame.values[from]!;
        if (Number.isNaN(value) && isStalenessMarker(words, from)) clearPresent(present, slot);
        else {
          if (!Object.is(value, values[slot])) setPresent(changed, slot);
          values[slot] = value;
          setPresent(present, slot);
        }
      }
    }
  }
  if (!frame.complete && Math.abs(newest - record.endedMilliseconds) >= endStaleMilliseconds) {
    record.endedMilliseconds = newest;
    endStale(state, latest);
  }
  for (let byte = 0; byte < present.length; byte += 1)
    changed[byte]! |= before[byte]! ^ present[byte]!;
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
function copyWhole(state: OriginState, frame: Frame): number {
  const { times, schema, changed } = state;
  const { difference } = frame;
  const length = schema.series.length;
  if (difference?.since === state.sequence && state.complete) changed.set(difference.slots);
  else noteChanges(state, frame);
  state.values.set(frame.values.subarray(0, length));
  for (let group = 0; group < schema.groups.length; group += 1) {
    const { first, length: samples } = schema.groups[group]!;
    times.fill(frame.timestamps[group] ?? 0, first, first + samples);
  }
  return takePresence(state, frame);
}

/** Takes over which samples are there, without series that their sender marked as ended. Returns how many it sent. */
function takePresence({ values, present, changed }: OriginState, frame: Frame): number {
  const words = wordsOf(values);
  const used = values.length & 7;
  const last = present.length - 1;
  let accepted = 0;
  for (let byte = 0; byte <= last; byte += 1) {
    const bits = frame.present[byte]! & (byte === last && used !== 0 ? (1 << used) - 1 : 255);
    const differs = changed[byte]! | (bits ^ present[byte]!);
    present[byte] = bits;
    accepted += bitCounts[bits]!;
    changed[byte] = differs;
    for (let left = differs & bits; left !== 0; left &= left - 1) {
      const slot = byte * 8 + 31 - Math.clz32(left & -left);
      if (isStalenessMarker(words, slot)) clearPresent(present, slot);
    }
  }
  return accepted;
}

/** Where the frame's numbers are other than those held, by their bits. */
function noteChanges({ values, changed }: OriginState, frame: Frame): void {
  const held = wordsOf(values);
  const words = wordsOf(frame.values);
  changed.fill(0);
  for (let slot = 0; slot < values.length; slot += 1)
    if (words[slot * 2] !== held[slot * 2] || words[slot * 2 + 1] !== held[slot * 2 + 1])
      changed[slot >> 3]! |= 1 << (slot & 7);
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

/** A number's bits: a NaN's may not survive being a number. */
function wordsOf(values: Float64Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.length * 2);
}

function isStalenessMarker(words: Int32Array, slot: number): boolean {
  return words[slot * 2 + 1] === stalenessHigh && words[slot * 2] === stalenessLow;
}

function clearPresent(present: Uint8Array, slot: number): void {
  present[slot >> 3] = (present[slot >> 3] ?? 0) & ~(1 << (slot & 7));
}

function keyOf(series: Series): string {
  const { name, labels } = series.metric;
  return [name, ...labels, ...series.values].join("\u0000");
}
