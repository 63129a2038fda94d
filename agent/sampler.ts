/**
 * The sampler: reads every source at its class's pace and makes the frames; time-outs, bounds and freshness live here.
 * Where nobody takes the frames, what is cheap is read when a scrape asks for it, and its own pace is that of the slower.
 * A frame always holds the latest samples of every source that is up, each group under the time of its own read.
 */
import type { Device } from "../core/catalog/device.ts";
import type { SamplingClass } from "../core/catalog/metric.ts";
import { every, type Timer } from "../core/kit/clock.ts";
import { describeError } from "../core/kit/errors.ts";
import { withSpan } from "../core/kit/tracing.ts";
import type { EventReport } from "../core/wire/event.ts";
import type { Frame, FrameSink, Origin } from "../core/wire/frame.ts";
import { createFrameBuilder, type AgentReading, type FrameBuilder } from "./sampler-frame.ts";
import {
  closeRunner,
  createRunner,
  isReady,
  retrySoon,
  startRound,
  statusOf,
  type SourceRunner,
  type SourceState,
  type SourceStatus,
} from "./sampler-source.ts";
import type { Source, SourceContext } from "./sources/source.ts";

export interface SamplerConfig {
  readonly periodMilliseconds: Readonly<Record<SamplingClass, number>>;
  readonly timeoutMilliseconds: Readonly<Record<SamplingClass, number>>;
  readonly openTimeoutMilliseconds: number;
  readonly maximumSeriesPerSource: number;
  /** Rounds that may be waiting for an answer at once; one that is over its time-out no longer counts. */
  readonly maximumConcurrentRounds: number;
}

export interface SamplerOptions {
  readonly config: SamplerConfig;
  readonly context: SourceContext;
  readonly origin: Origin;
  readonly host: Device;
  readonly sources: readonly Source[];
  readonly sinks: readonly FrameSink[];
  readonly readings?: readonly AgentReading[];
  readonly onStateChange?: (status: SourceStatus, before: SourceState | null) => void;
}

export interface Sampler {
  /** Opens and reads everything, sends the first frame after 2 s at most, then keeps the pace. */
  start(): Promise<void>;
  /**
   * A frame for a scrape: what is cheap (the fast class) and older than the maximum age is read again first, within
   * the budget; what could not be is left out of it. Slower classes show their age in their own metric.
   */
  refresh(maximumAgeMilliseconds?: number, budgetMilliseconds?: number): Promise<Frame>;
  /** The latest frame; its buffers are written again by the next tick. */
  frame(): Frame;
  /** Changes whenever what `refresh` would give has changed. */
  readonly revision: number;
  /** From one tick to the next. */
  readonly paceMilliseconds: number;
  /** Milliseconds since the frame was last brought up to date; Infinity before the first. */
  ageMilliseconds(): number;
  readonly failedDeliveries: number;
  status(): readonly SourceStatus[];
  /** Tries absent and down sources again at the next tick. */
  retry(): void;
  stop(): void;
}

interface State {
  readonly options: SamplerOptions;
  readonly runners: readonly SourceRunner[];
  readonly builder: FrameBuilder;
  /** Due, but over the bound of concurrent rounds. */
  readonly waiting: Set<SourceRunner>;
  /** Rounds under way; one that is over its time-out is no longer among them. */
  readonly rounds: Map<SourceRunner, Promise<void>>;
  /** Per runner: the period of the wall clock in which its last round was due. */
  readonly periods: number[];
  readonly paceMilliseconds: number;
  revision: number;
  /** The last refresh left something out. */
  masked: boolean;
  composedAt: number;
  failedDeliveries: number;
  refreshing: Promise<Frame> | null;
  ticker: Timer | null;
  /** Sources that reported an event since the last frame. */
  readonly hurried: Set<SourceRunner>;
  hurry: Timer | null;
  stopped: boolean;
}

const firstFrameMilliseconds = 2000;
/** How long a tick waits for asynchronous rounds before its frame goes out; what comes later rides on the next. */
const settleMilliseconds = 50;
/** Between frames that events bring forward. */
const hurryMilliseconds = 250;
/** Where frames come more seldom, one out of turn would mislead who learns their pace. */
const longestHurriedPaceMilliseconds = 1000;

export function createSampler(options: SamplerOptions): Sampler {
  const state = createState(options);
  const { clock } = options.context.env;
  return {
    async start() {
      markDue(state);
      void pump(state);
      await settle(state, hastyRounds(state), firstFrameMilliseconds);
      publish(state);
      if (state.stopped) return;
      state.ticker = every(clock, state.paceMilliseconds, () => {
        void withSpan("warpwatch.sample", (note) => {
          note?.({ "warpwatch.sources": state.runners.length });
          return tick(state);
        });
      });
    },
    refresh: (maximumAgeMilliseconds = 1000, budgetMilliseconds = 50) =>
      (state.refreshing ??= refresh(state, maximumAgeMilliseconds, budgetMilliseconds).finally(
        () => {
          state.refreshing = null;
        },
      )),
    frame: () => state.builder.frame,
    get revision() {
      return state.revision;
    },
    paceMilliseconds: state.paceMilliseconds,
    get failedDeliveries() {
      return state.failedDeliveries;
    },
    ageMilliseconds: () => clock.monotonic() - state.composedAt,
    status: () => state.runners.map((runner) => statusOf(runner)),
    retry: () => state.runners.forEach((runner) => retrySoon(runner)),
    stop() {
      state.stopped = true;
      state.ticker?.cancel();
      state.hurry?.cancel();
      state.waiting.clear();
      for (const runner of state.runners) closeRunner(runner);
    },
  };
}

function createState(options: SamplerOptions): State {
  const { config, context } = options;
  const runners: SourceRunner[] = options.sources.map((source, index) =>
    createRunner(source, {
      context: { ...context, events: { report: (event) => report(index, event) } },
      timeoutMilliseconds: config.timeoutMilliseconds[source.sampling],
      openTimeoutMilliseconds: config.openTimeoutMilliseconds,
      maximumSeries: config.maximumSeriesPerSource,
      onStateChange: options.onStateChange ?? (() => {}),
    }),
  );
  const { origin, host, readings = [] } = options;
  const { clock } = context.env;
  const state: State = {
    options,
    runners,
    builder: createFrameBuilder({ origin, host, clock, runners, readings }),
    waiting: new Set(),
    rounds: new Map(),
    periods: runners.map(() => -1),
    paceMilliseconds: paceOf(options),
    revision: 0,
    masked: false,
    composedAt: -Infinity,
    failedDeliveries: 0,
    refreshing: null,
    ticker: null,
    hurried: new Set(),
    hurry: null,
    stopped: false,
  };
  function report(index: number, event: EventReport): void {
    context.events.report(event);
    const runner = runners[index];
    if (runner) hurry(state, runner);
  }
  return state;
}

/**
 * An event isn't left waiting for the next tick: rules go by what its source counts, so that source is read again and a
 * frame goes out at once. A storm of events brings one frame forward in 250 ms.
 */
function hurry(state: State, runner: SourceRunner): void {
  const { ticker, paceMilliseconds, options } = state;
  if (!ticker || options.sinks.length === 0 || paceMilliseconds > longestHurriedPaceMilliseconds)
    return;
  state.hurried.add(runner);
  const { clock } = options.context.env;
  const since = clock.monotonic() - state.composedAt;
  state.hurry ??= clock.after(Math.max(0, hurryMilliseconds - since), () => {
    state.hurry = null;
    for (const one of state.hurried) if (isReady(one)) state.waiting.add(one);
    state.hurried.clear();
    const started = pump(state);
    if (started.length === 0) publish(state);
    else void settle(state, started, settleMilliseconds).then(() => publish(state));
  });
}

/** Frames nobody takes aren't made: a scrape reads what is cheap anew anyway. */
function paceOf({ config, sinks }: SamplerOptions): number {
  const { fast, ...slower } = config.periodMilliseconds;
  return sinks.length > 0 ? fast : Math.min(...Object.values(slower));
}

/** What is read once an hour doesn't hold up the first frame. */
function hastyRounds({ rounds }: State): Promise<void>[] {
  const hasty = [...rounds].filter(([{ source }]) => source.sampling !== "inventory");
  return hasty.map(([, round]) => round);
}

/** A promise only where it waits for a source. */
function tick(state: State): Promise<void> | void {
  markDue(state);
  const started = pump(state);
  if (started.length === 0) return publish(state);
  const wait = Math.min(settleMilliseconds, state.paceMilliseconds / 2);
  return settle(state, started, wait).then(() => publish(state));
}

/** Puts those in line whose period has begun, and those that may be opened again. */
function markDue(state: State): void {
  const { periodMilliseconds } = state.options.config;
  const { paceMilliseconds: pace } = state;
  // The boundary this tick stands for: timers fire a little beside it.
  const boundary = Math.round(state.options.context.env.clock.now() / pace) * pace;
  state.runners.forEach((runner, index) => {
    const period = Math.floor(boundary / periodMilliseconds[runner.source.sampling]);
    const due = state.periods[index] !== period || runner.reader === null;
    state.periods[index] = period;
    if (due && isReady(runner)) state.waiting.add(runner);
  });
}

/** Starts the rounds that are in line, as many at once as allowed. Returns those that aren't over at once. */
function pump(state: State): Promise<void>[] {
  const { waiting, rounds, options } = state;
  const started: Promise<void>[] = [];
  for (const runner of waiting) {
    if (runner.asynchronous && rounds.size >= options.config.maximumConcurrentRounds) continue;
    waiting.delete(runner);
    if (!isReady(runner)) continue;
    const round = startRound(runner)?.then(() => {
      rounds.delete(runner);
      void pump(state);
    });
    if (round === undefined) continue;
    rounds.set(runner, round);
    started.push(round);
  }
  return started;
}

async function settle(
  state: State,
  rounds: readonly Promise<void>[],
  limitMilliseconds: number,
): Promise<void> {
  const { clock } = state.options.context.env;
  await new Promise<void>((resolve) => {
    const timer = clock.after(limitMilliseconds, resolve);
    void Promise.all(rounds).then(() => {
      timer.cancel();
      resolve();
    });
  });
}

function compose(state: State): void {
  state.builder.compose();
  state.composedAt = state.options.context.env.clock.monotonic();
  state.revision += 1;
}

function publish(state: State): void {
  if (state.stopped) return;
  compose(state);
  state.builder.advanceSequence();
  for (const sink of state.options.sinks) {
    try {
      sink.accept(state.builder.frame);
    } catch (thrown) {
      state.failedDeliveries += 1;
      state.options.context.log.error("a receiver did not take the frame", {
        reason: describeError(thrown),
      });
    }
  }
}

async function refresh(
  state: State,
  maximumAgeMilliseconds: number,
  budgetMilliseconds: number,
): Promise<Frame> {
  const { runners, rounds, waiting, builder } = state;
  // Waiting takes time as well: what would grow too old meanwhile is read again too.
  const rereadAge = maximumAgeMilliseconds - budgetMilliseconds;
  const stale = runners.filter((runner) => isCheap(runner) && isOlder(state, runner, rereadAge));
  // Nobody waits for what has to be opened first.
  const unopened = runners.filter(({ source, reader }) => source.sampling === "fast" && !reader);
  for (const runner of [...stale, ...unopened]) if (isReady(runner)) waiting.add(runner);
  if (!state.stopped) void pump(state);
  const awaited = stale.flatMap((runner) => rounds.get(runner) ?? []);
  if (awaited.length > 0) await settle(state, awaited, budgetMilliseconds);
  if (builder.isBehind() || state.masked) compose(state);
  return withoutOverdue(state, maximumAgeMilliseconds);
}

/** The frame without the cheap samples that are too old all the same: their reads are still under way. */
function withoutOverdue(state: State, maximumAgeMilliseconds: number): Frame {
  const { frame } = state.builder;
  const overdue = frame.schema.groups.filter((_, index) => {
    const runner = state.runners[index - 1];
    return (
      runner !== undefined &&
      isCheap(runner) &&
      runner.state === "up" &&
      isOlder(state, runner, maximumAgeMilliseconds)
    );
  });
  if (overdue.length > 0 && !state.masked) state.revision += 1;
  state.masked = overdue.length > 0;
  if (!state.masked) return frame;
  const present = frame.present.slice();
  for (const { first, length } of overdue)
    for (let slot = first; slot < first + length; slot += 1) clearPresent(present, slot);
  return { ...frame, present };
}

function isCheap(runner: SourceRunner): boolean {
  return runner.source.sampling === "fast" && runner.reader !== null;
}

function isOlder(state: State, runner: SourceRunner, ageMilliseconds: number): boolean {
  return state.options.context.env.clock.monotonic() - runner.concludedFrom > ageMilliseconds;
}

function clearPresent(present: Uint8Array, slot: number): void {
  present[slot >> 3] = (present[slot >> 3] ?? 0) & ~(1 << (slot & 7));
}
