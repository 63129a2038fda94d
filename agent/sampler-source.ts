/** One source's life in the sampler: opened, registered, read, timed out, closed and opened again. Nothing else knows of it. */
import type { SamplingClass } from "../core/catalog/metric.ts";
import { describeError, singleLine, WarpwatchError } from "../core/kit/errors.ts";
import type { Series } from "../core/wire/frame.ts";
import { createSeriesList } from "../core/wire/slots.ts";
import type { Absent, Reader, ReadResult, Source, SourceContext } from "./sources/source.ts";

export type SourceState = "up" | "absent" | "down";

/** What a person or a page wants to know of a source. */
export interface SourceStatus {
  readonly name: string;
  readonly sampling: SamplingClass;
  readonly state: SourceState;
  /** Why it isn't up; empty when it is. */
  readonly reason: string;
  readonly series: number;
  readonly refusedSeries: number;
  /** Rounds that failed since the start. */
  readonly failures: number;
  /** NaN before the first round. */
  readonly durationSeconds: number;
  /** Unix milliseconds of the last successful read; NaN before the first. */
  readonly lastReadMilliseconds: number;
  /** Age of the round under way; 0 when there is none. */
  readonly inFlightSeconds: number;
}

/** Samples and the series they are of. A read fills one that nobody sees; it is swapped in when it succeeds. */
interface Taken {
  series: readonly Series[];
  column: Float64Array;
  refused: number;
  /** Unix milliseconds at which the read began. */
  timestamp: number;
}

export interface RunnerOptions {
  readonly context: SourceContext;
  readonly timeoutMilliseconds: number;
  readonly openTimeoutMilliseconds: number;
  readonly maximumSeries: number;
  readonly onStateChange: (status: SourceStatus, before: SourceState | null) => void;
}

/** A source and its state. Others read it; only this file's functions write it. */
export interface SourceRunner {
  readonly source: Source;
  readonly options: RunnerOptions;
  /** Null before the first outcome. */
  state: SourceState | null;
  reason: string;
  reader: Reader | null;
  /** The last good read. */
  taken: Taken;
  taking: Taken;
  /** Steady milliseconds at which the last round began. */
  startedAt: number;
  /** When the round of the last outcome began, good or bad: Unix milliseconds and steady ones. */
  timestamp: number;
  concludedFrom: number;
  /** Rises with every outcome, so that only what is new is copied. */
  outcome: number;
  durationSeconds: number;
  lastRead: number;
  failures: number;
  failuresInARow: number;
  attemptsToOpen: number;
  retryAt: number;
  /** Steady milliseconds since when an answer is awaited. */
  inFlightSince: number | null;
  /** The last round didn't end at once: it counts against the bound of concurrent rounds. */
  asynchronous: boolean;
  mustRegister: boolean;
  closed: boolean;
  controller: AbortController;
}

const retryMilliseconds = { down: 5000, absent: 60_000 } as const;
const longestRetryMilliseconds = 600_000;
/** Failed reads in a row after which a reader is closed and its source opened anew. */
const failuresBeforeReopening = 5;
const longestReason = 200;
/** One list for all that have none: a frame is laid out anew when a source's list is another. */
const noSeries: readonly Series[] = [];

export function createRunner(source: Source, options: RunnerOptions): SourceRunner {
  return {
    source,
    options,
    state: null,
    reason: "its first answer is awaited",
    reader: null,
    taken: nothingTaken(),
    taking: nothingTaken(),
    startedAt: -Infinity,
    timestamp: 0,
    concludedFrom: -Infinity,
    outcome: 0,
    durationSeconds: Number.NaN,
    lastRead: Number.NaN,
    failures: 0,
    failuresInARow: 0,
    attemptsToOpen: 0,
    retryAt: -Infinity,
    inFlightSince: null,
    asynchronous: false,
    mustRegister: false,
    closed: false,
    controller: new AbortController(),
  };
}

export function statusOf(runner: SourceRunner): SourceStatus {
  const { inFlightSince } = runner;
  return {
    name: runner.source.name,
    sampling: runner.source.sampling,
    state: runner.state ?? "down",
    reason: runner.reason,
    series: runner.taken.series.length,
    refusedSeries: runner.taken.refused,
    failures: runner.failures,
    durationSeconds: runner.durationSeconds,
    lastReadMilliseconds: runner.lastRead,
    inFlightSeconds:
      inFlightSince === null ? 0 : (clockOf(runner).monotonic() - inFlightSince) / 1000,
  };
}

/** Whether nothing is known of the source yet, neither good nor bad: the process has only just started. */
export function isAwaited(status: SourceStatus): boolean {
  return status.state === "down" && Number.isNaN(status.durationSeconds) && status.failures === 0;
}

/** Whether a round would do anything now: none is under way, and there is a reader or it is time to open again. */
export function isReady(runner: SourceRunner): boolean {
  if (runner.closed || runner.inFlightSince !== null) return false;
  return runner.reader !== null || clockOf(runner).monotonic() >= runner.retryAt;
}

/** Runs one round. Null when it is over already; else a promise that resolves when it is over or timed out. */
export function startRound(runner: SourceRunner): Promise<void> | null {
  runner.startedAt = clockOf(runner).monotonic();
  runner.asynchronous = false;
  try {
    return runner.reader === null ? open(runner) : read(runner, runner.reader, true);
  } catch (thrown) {
    fail(runner, thrown);
    return null;
  }
}

/** Makes the next attempt to open an absent or down source due at once. */
export function retrySoon(runner: SourceRunner): void {
  runner.attemptsToOpen = 0;
  runner.retryAt = -Infinity;
}

export function closeRunner(runner: SourceRunner): void {
  runner.closed = true;
  runner.controller.abort();
  dropReader(runner);
}

function open(runner: SourceRunner): Promise<void> | null {
  const { context, openTimeoutMilliseconds } = runner.options;
  const adopt = (result: Reader | Absent): Reader | null => adoptOpened(runner, result);
  const result = runner.source.open(context, runner.controller.signal);
  const proceed = (opened: Reader | Absent): Promise<void> | null => {
    const reader = adopt(opened);
    return reader === null ? null : read(runner, reader, true);
  };
  if (!isPromise(result)) return proceed(result);
  return follow(runner, result, openTimeoutMilliseconds, proceed, adopt);
}

function adoptOpened(runner: SourceRunner, result: Reader | Absent): Reader | null {
  if ("absent" in result) {
    runner.taken = nothingTaken();
    conclude(runner, "absent", result.absent);
    waitBeforeOpening(runner, "absent");
    return null;
  }
  runner.reader = result;
  runner.mustRegister = true;
  if (runner.closed) dropReader(runner);
  return runner.reader;
}

/** Reads once, and once more where the devices changed. */
function read(runner: SourceRunner, reader: Reader, mayChange: boolean): Promise<void> | null {
  const { taking, controller, options } = runner;
  if (runner.mustRegister) register(runner, reader);
  taking.column.fill(Number.NaN);
  taking.timestamp = wholeMilliseconds(clockOf(runner).now());
  const proceed = (result: ReadResult): Promise<void> | null => {
    if (result === "changed") {
      if (!mayChange)
        throw new WarpwatchError("SOURCE_MALFORMED", "its devices change with every read");
      runner.mustRegister = true;
      return read(runner, reader, false);
    }
    succeed(runner);
    return null;
  };
  const result = reader.read(taking.column, controller.signal);
  if (!isPromise(result)) return proceed(result);
  return follow(runner, result, options.timeoutMilliseconds, proceed, (late) => {
    if (late === "changed") runner.mustRegister = true;
  });
}

function register(runner: SourceRunner, reader: Reader): void {
  const { taking, options } = runner;
  const list = createSeriesList(options.maximumSeries);
  reader.register(list);
  if (list.refused > taking.refused)
    options.context.log.error(
      "series were left out: over the source's bound, or registered twice",
      {
        source: runner.source.name,
        refused: list.refused,
        bound: options.maximumSeries,
      },
    );
  taking.series = list.series;
  taking.column = new Float64Array(list.series.length);
  taking.refused = list.refused;
  runner.mustRegister = false;
}

/** Waits for an answer as long as allowed. What comes later is not used, but nothing new is asked until it came. */
function follow<Value>(
  runner: SourceRunner,
  promise: Promise<Value>,
  timeoutMilliseconds: number,
  proceed: (value: Value) => Promise<void> | null,
  late: (value: Value) => void,
): Promise<void> {
  const { controller } = runner;
  runner.asynchronous = true;
  runner.inFlightSince = clockOf(runner).monotonic();
  return new Promise((resolve) => {
    let timedOut = false;
    const timer = clockOf(runner).after(timeoutMilliseconds, () => {
      timedOut = true;
      const sentence = `no answer from ${runner.source.name} within ${timeoutMilliseconds} ms`;
      fail(runner, new WarpwatchError("SOURCE_TIMEOUT", sentence));
      controller.abort();
      resolve();
    });
    const answered = (): void => {
      timer.cancel();
      runner.inFlightSince = null;
      if (controller.signal.aborted) runner.controller = new AbortController();
    };
    promise
      .then(
        (value) => {
          answered();
          return timedOut || runner.closed ? late(value) : proceed(value);
        },
        (thrown: unknown) => {
          answered();
          throw thrown;
        },
      )
      .catch((thrown: unknown) => {
        if (!timedOut) fail(runner, thrown);
      })
      .finally(resolve);
  });
}

function succeed(runner: SourceRunner): void {
  const spare = runner.taken;
  runner.taken = runner.taking;
  runner.taking = spare;
  // The spare column serves the next read if it is of the same series; else it grows into them.
  if (spare.series !== runner.taken.series) {
    spare.series = runner.taken.series;
    spare.column = new Float64Array(spare.series.length);
    spare.refused = runner.taken.refused;
  }
  runner.lastRead = runner.taken.timestamp;
  runner.failuresInARow = 0;
  runner.attemptsToOpen = 0;
  conclude(runner, "up", "");
}

function fail(runner: SourceRunner, thrown: unknown): void {
  if (runner.closed) return;
  runner.failures += 1;
  runner.failuresInARow += 1;
  runner.options.context.log.warn(`source ${runner.source.name} is down`, {
    source: runner.source.name,
    reason: describeError(thrown),
  });
  conclude(
    runner,
    "down",
    thrown instanceof WarpwatchError ? thrown.message : describeError(thrown),
  );
  if (runner.inFlightSince === null && runner.failuresInARow >= failuresBeforeReopening)
    dropReader(runner);
  if (runner.reader === null) waitBeforeOpening(runner, "down");
}

function conclude(runner: SourceRunner, next: SourceState, reason: string): void {
  const before = runner.state;
  const took = clockOf(runner).monotonic() - runner.startedAt;
  // To the microsecond: every digit more is a byte in each frame and page.
  runner.durationSeconds = Math.round(took * 1e3) / 1e6;
  runner.concludedFrom = runner.startedAt;
  runner.timestamp =
    next === "up" ? runner.taken.timestamp : wholeMilliseconds(clockOf(runner).now() - took);
  runner.outcome += 1;
  runner.state = next;
  runner.reason = singleLine(reason).slice(0, longestReason);
  if (before !== next) runner.options.onStateChange(statusOf(runner), before);
}

/** What a timestamp of a frame is: whole numbers pack into a byte or two, fractions into nine. */
export function wholeMilliseconds(milliseconds: number): number {
  return Math.round(milliseconds);
}

function waitBeforeOpening(runner: SourceRunner, state: "down" | "absent"): void {
  const wait = retryMilliseconds[state] * 2 ** Math.min(runner.attemptsToOpen, 10);
  runner.attemptsToOpen += 1;
  runner.retryAt = clockOf(runner).monotonic() + Math.min(wait, longestRetryMilliseconds);
}

function dropReader(runner: SourceRunner): void {
  const { reader } = runner;
  runner.reader = null;
  try {
    reader?.close();
  } catch (thrown) {
    runner.options.context.log.warn("a source could not be closed", {
      source: runner.source.name,
      reason: describeError(thrown),
    });
  }
}

function nothingTaken(): Taken {
  return { series: noSeries, column: new Float64Array(0), refused: 0, timestamp: Number.NaN };
}

function clockOf(runner: SourceRunner): SourceContext["env"]["clock"] {
  return runner.options.context.env.clock;
}

function isPromise<Value>(value: Value | Promise<Value>): value is Promise<Value> {
  return value instanceof Promise;
}
