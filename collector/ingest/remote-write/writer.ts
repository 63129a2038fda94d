/**
 * Turns one request's samples into partial frames, one for each origin and moment, and hands them to history and to the door.
 * History takes what is older than the newest too: a sender may repeat a whole request, and each time counts once there.
 */
import { isPresent } from "../../../core/wire/frame.ts";
import type { SampleBatch } from "../../../core/wire/write-request.ts";
import { createOutlet, type OutletOptions } from "./outlet.ts";
import {
  refusedSeries,
  type Registry,
  type RemoteOrigin,
  type SeriesColumns,
  type SeriesRefusal,
} from "./registry.ts";

export const refusalReasons = [
  ...(Object.keys(refusedSeries) as SeriesRefusal[]),
  "future",
  "old",
  "conflict",
  "moments",
  "taken",
] as const;

export type Refusal = (typeof refusalReasons)[number];

export interface Written {
  /** Those that were there already among them. */
  readonly samples: number;
  readonly repeated: number;
  readonly refused: ReadonlyMap<Refusal, number>;
  /** Resolves when all of it is on disk or, where no history is kept, at once. */
  readonly stored: Promise<unknown>;
}

export interface WriterOptions extends Omit<OutletOptions, "gathers"> {
  readonly registry: Registry;
  readonly futureMilliseconds: number;
  /** What is older than history reaches back is refused. */
  readonly oldestMilliseconds: number;
  /** Whether requests of the same turn may share frames; not where a sender pays for what is done with its own. */
  readonly gathers?: boolean;
}

/** Frames times slots of one request: each moment is a column of the origin's length. */
const maximumSlots = 50_000_000;

/** `tell` is called for each sample that is refused. */
export type Writer = (
  batch: SampleBatch,
  tell?: (sample: number, reason: Refusal) => void,
) => Written;

export function createWriter(options: WriterOptions): Writer {
  const { clock, registry, append } = options;
  const outlet = createOutlet({ ...options, gathers: options.gathers ?? false });
  registry.beforeRebuild(() => outlet.flush());

  return (batch, tell) => {
    const { length, series, times, words } = batch;
    const { columns, turn } = registry;
    const { slots, newest, newestWords, seen } = columns;
    const now = clock.now();
    const latest = now + options.futureMilliseconds;
    const oldest = now - (append ? options.oldestMilliseconds : options.lateMilliseconds);
    const refused = new Map<Refusal, number>();
    const { starts, order } = arrange(batch, columns);
    let samples = 0;
    let repeated = 0;
    let slotCount = 0;

    function refuse(sample: number, reason: Refusal): void {
      refused.set(reason, (refused.get(reason) ?? 0) + 1);
      tell?.(sample, reason);
    }

    /** Samples of the same origin and moment, or such as were refused before. */
    function writeRun(start: number, end: number): void {
      const first = order ? order[start]! : start;
      const time = times[first]!;
      const number = series[first]!;
      if (number < 0) {
        refuseRun(start, end, (sample) => reasonOf(series[sample]!));
        return;
      }
      const origin = registry.originOf(number);
      slotCount += origin.schema.series.length;
      const problem = time > latest ? "future" : time < oldest ? "old" : null;
      const isTaken = options.door.isTaken(origin.key);
      const refusal = isTaken ? "taken" : slotCount > maximumSlots ? "moments" : problem;
      if (refusal === null) takeRun(origin, start, end, time);
      else refuseRun(start, end, () => refusal);
    }

    function refuseRun(start: number, end: number, reason: (sample: number) => Refusal): void {
      for (let at = start; at < end; at += 1) {
        const sample = order ? order[at]! : at;
        const number = series[sample]!;
        if (number >= 0) seen[number] = turn;
        refuse(sample, reason(sample));
      }
    }

    function takeRun(origin: RemoteOrigin, start: number, end: number, time: number): void {
      outlet.makeRoom(origin, time);
      const { words: column, present } = origin;
      let fresh = 0;
      for (let at = start; at < end; at += 1) {
        const sample = order ? order[at]! : at;
        const number = series[sample]!;
        seen[number] = turn;
        const slot = slots[number]!;
        const low = words[sample * 2]!;
        const high = words[sample * 2 + 1]!;
        const bits = present[slot >> 3]!;
        const bit = 1 << (slot & 7);
        if ((bits & bit) === 0 && time > newest[number]!) {
          newest[number] = time;
          newestWords[number * 2] = low;
          newestWords[number * 2 + 1] = high;
        } else if (!isOlder(origin, sample, time)) continue;
        column[slot * 2] = low;
        column[slot * 2 + 1] = high;
        present[slot >> 3] = bits | bit;
        fresh += 1;
      }
      samples += fresh;
      if (fresh > 0) outlet.hold(origin, time);
    }

    /** Of a sample that isn't the newest: whether it is one that history may still lack. */
    function isOlder(origin: RemoteOrigin, sample: number, time: number): boolean {
      const number = series[sample]!;
      const slot = slots[number]!;
      const isTwice = isPresent(origin.present, slot);
      if (!isTwice && time !== newest[number]) {
        if (append === null) refuse(sample, "old");
        return append !== null;
      }
      const known = isTwice ? origin.words : newestWords;
      const at = (isTwice ? slot : number) * 2;
      if (known[at] === words[sample * 2] && known[at + 1] === words[sample * 2 + 1]) {
        repeated += 1;
        samples += 1;
      } else refuse(sample, "conflict");
      return false;
    }

    for (let run = 0; run < starts.length; run += 1)
      writeRun(starts[run]!, starts[run + 1] ?? length);
    const stored = samples > 0 ? outlet.sent() : Promise.resolve();
    stored.catch(forgetBatch(batch, registry));
    return { samples, repeated, refused, stored };
  };
}

/** Sent again, what didn't reach the disk must count as new. */
function forgetBatch(batch: SampleBatch, registry: Registry): () => void {
  const { epoch } = registry;
  const series = batch.series.slice(0, batch.length);
  return () => {
    const { newest } = registry.columns;
    if (epoch !== registry.epoch) newest.fill(0);
    else for (const number of series) if (number >= 0) newest[number] = 0;
  };
}

/** In what order the samples are taken, and where in it each run of one origin and moment starts. */
interface Arrangement {
  readonly starts: readonly number[];
  /** Null where it is the batch's own. */
  readonly order: Int32Array | null;
}

/** As they are where each origin's moments come one after the other, as from Prometheus; else by origin and time. */
function arrange(batch: SampleBatch, columns: SeriesColumns): Arrangement {
  const { length, times } = batch;
  const starts = startsOf(batch, columns, null);
  if (starts.length <= 64 + length / 2 && areInOrder(batch, columns, starts))
    return { starts, order: null };
  const indexOf = (sample: number): number => originIndex(batch, columns, sample);
  const order = Int32Array.from({ length }, (_, sample) => sample);
  order.sort(
    (one, other) => indexOf(one) - indexOf(other) || times[one]! - times[other]! || one - other,
  );
  return { starts: startsOf(batch, columns, order), order };
}

function startsOf(
  { length, series, times }: SampleBatch,
  { origins }: SeriesColumns,
  order: Int32Array | null,
): number[] {
  const starts: number[] = [];
  let origin = -2;
  let time = 0;
  for (let at = 0; at < length; at += 1) {
    const sample = order ? order[at]! : at;
    const number = series[sample]!;
    const index = number < 0 ? -1 : origins[number]!;
    if (index === origin && times[sample] === time) continue;
    origin = index;
    time = times[sample]!;
    starts.push(at);
  }
  return starts;
}

function areInOrder(
  batch: SampleBatch,
  columns: SeriesColumns,
  starts: readonly number[],
): boolean {
  const latest = new Map<number, number>();
  for (const sample of starts) {
    const origin = originIndex(batch, columns, sample);
    const time = batch.times[sample]!;
    if (time < (latest.get(origin) ?? 0)) return false;
    latest.set(origin, time);
  }
  return true;
}

function originIndex({ series }: SampleBatch, { origins }: SeriesColumns, sample: number): number {
  const number = series[sample]!;
  return number < 0 ? -1 : origins[number]!;
}

function reasonOf(number: number): SeriesRefusal {
  for (const [reason, one] of Object.entries(refusedSeries))
    if (one === number) return reason as SeriesRefusal;
  return "invalid";
}
