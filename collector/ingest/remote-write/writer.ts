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
    const { origins, slots, newest, newestWords, seen } = columns;
    const now = clock.now();
    const latest = now + options.futureMilliseconds;
    const oldest = now - (append ? options.oldestMilliseconds : options.lateMilliseconds);
    const refused = new Map<Refusal, number>();
    const order = orderOf(batch, columns);
    let samples = 0;
    let repeated = 0;
    let slotCount = 0;

    function refuse(sample: number, reason: Refusal): void {
      refused.set(reason, (refused.get(reason) ?? 0) + 1);
      tell?.(sample, reason);
    }

    /** The samples from `start` that are of the same origin and moment; returns where the next begin. */
    function writeRun(start: number): number {
      const first = order ? order[start]! : start;
      const time = times[first]!;
      const number = series[first]!;
      if (number < 0) {
        refuse(first, reasonOf(number));
        return start + 1;
      }
      const origin = registry.originOf(number);
      slotCount += origin.schema.series.length;
      const end = endOfRun(start, origins[number]!, time);
      const problem = time > latest ? "future" : time < oldest ? "old" : null;
      const isTaken = options.door.isTaken(origin.key);
      const refusal = isTaken ? "taken" : slotCount > maximumSlots ? "moments" : problem;
      if (refusal === null) takeRun(origin, start, end, time);
      else for (let at = start; at < end; at += 1) refuse(order ? order[at]! : at, refusal);
      return end;
    }

    function endOfRun(start: number, origin: number, time: number): number {
      for (let at = start; at < length; at += 1) {
        const sample = order ? order[at]! : at;
        const number = series[sample]!;
        if (number < 0 || origins[number] !== origin || times[sample] !== time) return at;
        seen[number] = turn;
      }
      return length;
    }

    function takeRun(origin: RemoteOrigin, start: number, end: number, time: number): void {
      outlet.makeRoom(origin, time);
      const { words: column, present } = origin;
      let fresh = 0;
      for (let at = start; at < end; at += 1) {
        const sample = order ? order[at]! : at;
        const number = series[sample]!;
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

    for (let at = 0; at < length;) at = writeRun(at);
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

/** Null where each origin's moments come one after the other, as from Prometheus; else the order by origin and time. */
function orderOf(batch: SampleBatch, { origins }: SeriesColumns): Int32Array | null {
  const { length, series, times } = batch;
  const indexOf = (sample: number): number => {
    const number = series[sample]!;
    return number < 0 ? -1 : origins[number]!;
  };
  const latest = new Map<number, number>();
  let runs = 0;
  let origin = -1;
  let time = -1;
  let falls = false;
  for (let sample = 0; sample < length; sample += 1) {
    const number = series[sample]!;
    const index = number < 0 ? -1 : origins[number]!;
    if (times[sample] === time && index === origin) continue;
    runs += 1;
    origin = index;
    time = times[sample]!;
    falls ||= time < (latest.get(origin) ?? 0);
    latest.set(origin, time);
  }
  if (!falls && runs <= 64 + length / 2) return null;
  const order = Int32Array.from({ length }, (_, sample) => sample);
  return order.sort(
    (one, other) => indexOf(one) - indexOf(other) || times[one]! - times[other]! || one - other,
  );
}

function reasonOf(number: number): SeriesRefusal {
  for (const [reason, one] of Object.entries(refusedSeries))
    if (one === number) return reason as SeriesRefusal;
  return "invalid";
}
