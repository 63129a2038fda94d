/**
 * Turns one request's samples into partial frames, one for each origin and moment, and hands them to history and to the door.
 * History takes what is older than the newest too: a sender may repeat a whole request, and each time counts once there.
 */
import type { Clock } from "../../../core/kit/clock.ts";
import { isPresent, setPresent, type Frame } from "../../../core/wire/frame.ts";
import type { SampleBatch } from "../../../core/wire/write-request.ts";
import type { PushedDoor } from "../door.ts";
import { refusedSeries, type Registry, type RemoteOrigin, type SeriesRefusal } from "./registry.ts";

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

export interface WriterOptions {
  readonly clock: Clock;
  readonly registry: Registry;
  readonly door: PushedDoor;
  /** Null where no history is kept. */
  readonly append: ((frame: Frame) => Promise<void>) | null;
  /** For who keeps the past elsewhere: what is too old for the door. */
  readonly late: (frame: Frame) => void;
  readonly futureMilliseconds: number;
  /** What is older goes to history alone. */
  readonly lateMilliseconds: number;
  /** What is older than history reaches back is refused. */
  readonly oldestMilliseconds: number;
}

/** Frames times slots of one request: each moment is a column of the origin's length. */
const maximumSlots = 50_000_000;

/** `tell` is called for each sample that is refused. */
export type Writer = (
  batch: SampleBatch,
  tell?: (sample: number, reason: Refusal) => void,
) => Written;

export function createWriter(options: WriterOptions): Writer {
  const { clock, registry, door, append } = options;
  /** Of what was handed to history last: a repeated sample is as durable as its first sending. */
  let last: Promise<unknown> = Promise.resolve();

  return (batch, tell) => {
    const now = clock.now();
    const latest = now + options.futureMilliseconds;
    const oldest = now - (append ? options.oldestMilliseconds : options.lateMilliseconds);
    const refused = new Map<Refusal, number>();
    const waiting = new Set<Promise<unknown>>();
    const order = orderOf(batch, registry);
    let samples = 0;
    let repeated = 0;
    let slots = 0;

    function refuse(sample: number, reason: Refusal): void {
      refused.set(reason, (refused.get(reason) ?? 0) + 1);
      tell?.(sample, reason);
    }

    /** The samples from `start` that are of the same origin and moment; returns where the next begin. */
    function writeRun(start: number): number {
      const first = order ? order[start]! : start;
      const time = batch.times[first]!;
      const number = batch.series[first]!;
      if (number < 0) {
        refuse(first, reasonOf(number));
        return start + 1;
      }
      const index = registry.originIndex(number);
      const problem = time > latest ? "future" : time < oldest ? "old" : null;
      const origin = registry.originOf(number);
      slots += origin.schema.series.length;
      const isTaken = options.door.isTaken(origin.key);
      const refusal = isTaken ? "taken" : slots > maximumSlots ? "moments" : problem;
      let fresh = 0;
      let at = start;
      for (; at < batch.length; at += 1) {
        const sample = order ? order[at]! : at;
        const series = batch.series[sample]!;
        if (series < 0 || registry.originIndex(series) !== index || batch.times[sample] !== time)
          break;
        registry.seen(series);
        if (refusal !== null) refuse(sample, refusal);
        else if (take(origin, sample, time)) fresh += 1;
      }
      if (fresh > 0) send(origin, time);
      return at;
    }

    /** False when it is no new sample. */
    function take(origin: RemoteOrigin, sample: number, time: number): boolean {
      const series = batch.series[sample]!;
      const slot = registry.slotOf(series);
      const { newest, newestWords } = registry;
      const low = batch.words[sample * 2]!;
      const high = batch.words[sample * 2 + 1]!;
      const isTwice = isPresent(origin.present, slot);
      if (isTwice || time === newest[series]) {
        const known = isTwice ? origin.words : newestWords;
        const at = isTwice ? slot : series;
        if (known[at * 2] === low && known[at * 2 + 1] === high) {
          repeated += 1;
          samples += 1;
        } else refuse(sample, "conflict");
        return false;
      }
      if (time > newest[series]!) {
        newest[series] = time;
        newestWords[series * 2] = low;
        newestWords[series * 2 + 1] = high;
      } else if (append === null) {
        refuse(sample, "old");
        return false;
      }
      origin.words[slot * 2] = low;
      origin.words[slot * 2 + 1] = high;
      setPresent(origin.present, slot);
      samples += 1;
      return true;
    }

    function send(origin: RemoteOrigin, time: number): void {
      const { schema, values, present } = origin;
      origin.sequence += 1;
      const { sequence } = origin;
      const timestamps = Float64Array.of(time);
      const frame: Frame = { schema, sequence, timestamps, values, present, complete: false };
      if (append) {
        last = append(frame);
        waiting.add(last);
      }
      if (time >= now - options.lateMilliseconds) door.accept(frame);
      else options.late(frame);
      present.fill(0);
    }

    for (let at = 0; at < batch.length;) at = writeRun(at);
    if (repeated > 0) waiting.add(last);
    const stored = Promise.all(waiting);
    stored.catch(forgetBatch(batch, registry));
    return { samples, repeated, refused, stored };
  };
}

/** Sent again, what didn't reach the disk must count as new. */
function forgetBatch(batch: SampleBatch, registry: Registry): () => void {
  const { epoch } = registry;
  const series = batch.series.slice(0, batch.length);
  return () => {
    if (epoch !== registry.epoch) registry.newest.fill(0);
    else for (const number of series) if (number >= 0) registry.newest[number] = 0;
  };
}

/** Null where each origin's moments come one after the other, as from Prometheus; else the order by origin and time. */
function orderOf(batch: SampleBatch, registry: Registry): Int32Array | null {
  const { length, series, times } = batch;
  const indexOf = (sample: number): number => {
    const number = series[sample]!;
    return number < 0 ? -1 : registry.originIndex(number);
  };
  const latest = new Map<number, number>();
  let runs = 0;
  let origin = -1;
  let time = -1;
  let falls = false;
  for (let sample = 0; sample < length; sample += 1) {
    const index = indexOf(sample);
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
