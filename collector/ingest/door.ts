/**
 * The one door in: frames of any origin pass the same limits, and what is let in is copied and handed to the listeners.
 * Frames that are late or were here before change nothing and are counted.
 */
import { collector } from "../../core/catalog/index.ts";
import type { Clock } from "../../core/kit/clock.ts";
import { describeError } from "../../core/kit/errors.ts";
import type { Log } from "../../core/kit/log.ts";
import type { SelfMetrics } from "../../core/kit/self-metrics.ts";
import { withSpan } from "../../core/kit/tracing.ts";
import type { Frame, FrameSink } from "../../core/wire/frame.ts";
import {
  originKey,
  silentAfterMilliseconds,
  type OriginListener,
  type OriginState,
} from "../origin.ts";
import { admitSchema, findMalformation, type AdmissionLimits } from "./admit.ts";
import { createLateAdmission } from "./late.ts";
import { copySamples, createRecord, type OriginRecord, type SampleCounts } from "./record.ts";

export interface IngestLimits extends AdmissionLimits {
  readonly origins: number;
  /** A frame whose newest sample is older than this updates nothing. */
  readonly lateMilliseconds: number;
  /** Samples further in the future than this are refused. */
  readonly futureMilliseconds: number;
  /** An origin silent for this long may be forgotten when a new one needs its place. */
  readonly forgetMilliseconds: number;
}

export const defaultIngestLimits: IngestLimits = {
  origins: 5000,
  seriesPerOrigin: 10_000,
  labelValueLength: 1024,
  lateMilliseconds: 300_000,
  futureMilliseconds: 600_000,
  forgetMilliseconds: 3_600_000,
};

/** `late` and `duplicate`: what keeps the past was handed it; anything else beside `accepted` was refused for good. */
export type Reception = "accepted" | RefusedFrame;

export interface Ingest extends FrameSink {
  /**
   * As `accept`, for a sender that waits until its frames are kept and sends them again otherwise. One that comes late, or
   * is a `replay` of what waited out an outage, goes to history and doesn't touch how the origin stands.
   */
  receive(frame: Frame, options: { readonly replay: boolean }): Reception;
  /** The door for what others sent as samples: the time is theirs, and so is the name, as far as it isn't taken. */
  readonly pushed: PushedDoor;
  /** A door for the collector's own frames, without the bound on series: its fleet may be larger than any node. */
  readonly own: FrameSink;
  listen(listener: OriginListener): void;
  origins(): Iterable<OriginState>;
}

export interface PushedDoor extends FrameSink {
  /**
   * Whether who sends may not go by the origin's name: it is the collector's own, or what the collector scrapes, as long
   * as that isn't silent.
   */
  isTaken(key: string): boolean;
}

export interface IngestOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: SelfMetrics;
  readonly limits: IngestLimits;
  /** The collector's own origins, before they have sent anything; none if not given. */
  readonly reserved?: ReadonlySet<string>;
}

const refusedFrames = [
  "duplicate",
  "future",
  "late",
  "malformed",
  "origins",
  "taken",
  "untimed",
] as const;
type RefusedFrame = (typeof refusedFrames)[number];
/** Which frames go to history alone: none, those that are late, or all, as they are a replay. */
type KeepLate = "none" | "late" | "all";
const refusedSampleReasons = ["future", "series", "label_length", "outdated"] as const;

const minute = 60_000;
/** Of an origin that sent once, nobody knows how often it does: the longest that jobs may have. */
const longestPeriodMilliseconds = 300_000;

interface Entrance {
  readonly admission: AdmissionLimits;
  readonly keepLate: KeepLate;
  readonly isPushed: boolean;
}

export function createIngest(options: IngestOptions): Ingest {
  const { clock, log, limits } = options;
  const records = new Map<string, OriginRecord>();
  const listeners: OriginListener[] = [];
  const late = createLateAdmission();
  const count = createCounters(options.metrics, records);
  const { reserved = new Set<string>() } = options;

  function isTaken(key: string): boolean {
    if (reserved.has(key)) return true;
    const record = records.get(key);
    if (!record || record.isPushed) return false;
    const { periodMilliseconds, arrivedMonotonic } = record.state;
    const patience = silentAfterMilliseconds(periodMilliseconds || longestPeriodMilliseconds);
    return clock.monotonic() - arrivedMonotonic < patience;
  }

  function accept(frame: Frame, { admission, keepLate, isPushed }: Entrance): Reception {
    const malformation = findMalformation(frame);
    const key = originKey(frame.schema.origin);
    if (malformation !== null) {
      log.warn(`a frame of ${key} is malformed: ${malformation}`, { source: key });
      return refuse("malformed");
    }
    if (isPushed && isTaken(key)) {
      log.warn(
        `frames that are sent as ${key} are refused: that is scraped, or the collector's own`,
      );
      return refuse("taken");
    }
    const record = records.get(key);
    const newest = newestTimestamp(frame, clock.now() + limits.futureMilliseconds);
    // What somebody sent under the name says nothing against what is fetched from it.
    const before = record?.isPushed === true && !isPushed ? undefined : record;
    const refusal = judge(before, frame, newest) ?? (keepLate === "all" ? "late" : null);
    if (keepLate !== "none" && (refusal === "late" || refusal === "duplicate"))
      return takeLate(frame, admission, refusal);
    if (refusal !== null) return refuse(refusal);
    if (!record && !makeRoom()) {
      log.warn(`the frames of ${key} are refused: there are ${limits.origins} origins already`);
      return refuse("origins");
    }
    const kept = record ?? createRecord(key);
    records.set(key, kept);
    kept.isPushed = isPushed;
    take(kept, frame, newest, admission);
    tell((listener) => listener.frame(kept.state));
    return "accepted";
  }

  function refuse(reason: RefusedFrame): Reception {
    count.frame(reason);
    return reason;
  }

  /** A duplicate is handed on as well: its first sending may not be on disk yet, and history knows it by its sequence. */
  function takeLate(
    frame: Frame,
    admission: AdmissionLimits,
    refusal: "late" | "duplicate",
  ): Reception {
    const latest = clock.now() + limits.futureMilliseconds;
    const { frame: admitted, counts } = late.admit(frame, admission, latest);
    if (refusal === "duplicate") count.frame(refusal);
    else count.late(counts);
    tell((listener) => listener.late?.(admitted));
    return refusal;
  }

  function judge(
    record: OriginRecord | undefined,
    frame: Frame,
    newest: number,
  ): RefusedFrame | null {
    if (newest === 0) return frame.timestamps.some((time) => time > 0) ? "future" : "untimed";
    if (newest < clock.now() - limits.lateMilliseconds) return "late";
    const last = record?.state;
    if (last === undefined) return null;
    const sameBoot = last.origin.boot === frame.schema.origin.boot;
    if (sameBoot && frame.sequence === last.sequence) return "duplicate";
    if (sameBoot && frame.sequence < last.sequence) return "late";
    // What a partial frame holds is judged series by series: senders split a moment over several.
    if (!frame.complete && sameBoot) return null;
    if (newest > last.timeMilliseconds) return null;
    // A clock that ran ahead and was set right goes back once; its samples are believed again at once.
    const ahead = last.timeMilliseconds - clock.now();
    const wasSetRight = newest < last.timeMilliseconds && ahead > (sameBoot ? 0 : minute);
    return wasSetRight ? null : "late";
  }

  function take(
    record: OriginRecord,
    frame: Frame,
    newest: number,
    admission: AdmissionLimits,
  ): void {
    if (record.sender !== frame.schema)
      record.admit(frame.schema, admitSchema(frame.schema, admission), frame.complete);
    const counts = copySamples(record, frame, clock.now() + limits.futureMilliseconds);
    record.arrived(frame, newest, clock.monotonic());
    count.samples(counts);
  }

  function makeRoom(): boolean {
    if (records.size < limits.origins) return true;
    let oldest: OriginState | undefined;
    for (const { state } of records.values())
      if (oldest === undefined || state.arrivedMonotonic < oldest.arrivedMonotonic) oldest = state;
    if (!oldest || clock.monotonic() - oldest.arrivedMonotonic < limits.forgetMilliseconds)
      return false;
    const { key } = oldest;
    records.delete(key);
    tell((listener) => listener.forget?.(key));
    return true;
  }

  function tell(call: (listener: OriginListener) => void): void {
    for (const listener of listeners)
      try {
        call(listener);
      } catch (thrown) {
        count.listenerFailed();
        log.error(`a part of the collector failed on a frame: ${describeError(thrown)}`);
      }
  }

  function traced(frame: Frame, entrance: Entrance): Reception {
    return withSpan("warpwatch.ingest", (note) => {
      const { origin, series } = frame.schema;
      note?.({ "warpwatch.origin": origin.instance, "warpwatch.series": series.length });
      return accept(frame, entrance);
    });
  }

  const here: Entrance = { admission: limits, keepLate: "none", isPushed: false };
  const pushed: Entrance = { ...here, isPushed: true };
  const live: Entrance = { ...pushed, keepLate: "late" };
  const replayed: Entrance = { ...pushed, keepLate: "all" };
  const { labelValueLength } = limits;
  const unbounded = { ...here, admission: { seriesPerOrigin: Infinity, labelValueLength } };
  return {
    accept: (frame) => void traced(frame, here),
    receive: (frame, { replay }) => traced(frame, replay ? replayed : live),
    pushed: { accept: (frame) => void traced(frame, pushed), isTaken },
    own: { accept: (frame) => void traced(frame, unbounded) },
    listen: (listener) => void listeners.push(listener),
    *origins() {
      for (const { state } of records.values()) yield state;
    },
  };
}

/** The newest time in the frame that isn't beyond belief; 0 when it holds none. */
function newestTimestamp(frame: Frame, latest: number): number {
  let newest = 0;
  for (let index = 0; index < frame.schema.groups.length; index++) {
    const time = frame.timestamps[index] ?? 0;
    if (time > newest && time <= latest) newest = time;
  }
  return newest;
}

function createCounters(metrics: SelfMetrics, records: ReadonlyMap<string, OriginRecord>) {
  const accepted = metrics.counter(collector.framesAccepted);
  const late = metrics.counter(collector.framesLate);
  const refused = metrics.counter(collector.framesRefused);
  const samples = metrics.counter(collector.samplesAccepted);
  const refusedSamples = metrics.counter(collector.samplesRefused);
  const subscriberErrors = metrics.counter(collector.subscriberErrors);
  metrics.gauge(collector.origins, () => records.size);
  metrics.gauge(collector.originSeries, () => {
    let series = 0;
    for (const { state } of records.values()) series += state.schema.series.length;
    return series;
  });
  // A counter that is born at 1 shows no increase, so each is there from the start.
  for (const reason of refusedFrames) refused.increase({ reason }, 0);
  for (const reason of refusedSampleReasons) refusedSamples.increase({ reason }, 0);
  return {
    frame: (reason: RefusedFrame) => refused.increase({ reason }),
    listenerFailed: () => subscriberErrors.increase({}),
    late(counts: SampleCounts): void {
      late.increase({});
      noteSamples(counts);
    },
    samples(counts: SampleCounts): void {
      accepted.increase({});
      noteSamples(counts);
    },
  };

  function noteSamples(counts: SampleCounts): void {
    samples.increase({}, counts.accepted);
    if (counts.future > 0) refusedSamples.increase({ reason: "future" }, counts.future);
    if (counts.series > 0) refusedSamples.increase({ reason: "series" }, counts.series);
    if (counts.labels > 0) refusedSamples.increase({ reason: "label_length" }, counts.labels);
    if (counts.outdated > 0) refusedSamples.increase({ reason: "outdated" }, counts.outdated);
  }
}
