/**
 * Back-fill: at a start the learned detectors learn the past of origins that they don't know from a Prometheus-compatible
 * store. Until an origin's past has been played to them, or it is clear that there is none, they don't learn from what it
 * sends: their state depends on the order of the samples.
 */
import { history } from "../../../core/catalog/index.ts";
import { sleep, type Clock } from "../../../core/kit/clock.ts";
import { describeError } from "../../../core/kit/errors.ts";
import type { Log } from "../../../core/kit/log.ts";
import type { SelfMetrics } from "../../../core/kit/self-metrics.ts";
import type { PromStore, StoreSeries } from "../../history/backfill/store.ts";
import type { OriginState } from "../../origin.ts";
import { learnedMetrics } from "./learned-metrics.ts";
import { createReplay } from "./replay.ts";

/** Those who learn. */
export interface Pupils {
  /** Whether they knew of it at the start: from a snapshot. */
  knew(key: string): boolean;
  /** Nothing of what they find in it is told. */
  replay(state: OriginState): void;
}

export interface Backfill {
  /** Whether what this origin sends must not be learned from yet. */
  isAwaited(key: string): boolean;
  /** Resolves when all is learned that could be; what fails is told by then. */
  readonly done: Promise<void>;
  close(): void;
}

export interface BackfillOptions {
  readonly store: PromStore;
  readonly pupils: Pupils;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: SelfMetrics;
  readonly pastMilliseconds: number;
  readonly bounds?: Partial<BackfillBounds>;
}

export interface BackfillBounds {
  readonly origins: number;
  /** Of all origins together: where there is more, each gets less of its past. */
  readonly samples: number;
  /** Of one answer, about. */
  readonly samplesAtOnce: number;
  /** After so long the detectors go on with what they have. */
  readonly milliseconds: number;
  /** So often a query is asked before it is left out. */
  readonly attempts: number;
  /** The first wait between them; each is twice the one before. */
  readonly retryMilliseconds: number;
  /** After so many queries in a row without an answer the store counts as gone. */
  readonly failuresInRow: number;
}

interface Found {
  readonly key: string;
  readonly job: string;
  readonly instance: string;
}

const defaultBounds: BackfillBounds = {
  origins: 5000,
  samples: 50_000_000,
  samplesAtOnce: 100_000,
  milliseconds: 900_000,
  attempts: 4,
  retryMilliseconds: 1000,
  failuresInRow: 5,
};
const concurrency = 2;
const hourMilliseconds = 3_600_000;
const firstChunkMilliseconds = 300_000;
const leastChunkMilliseconds = 10_000;
/** How long samples may be played before other work gets its turn. */
const sliceMilliseconds = 8;

export function startBackfill(options: BackfillOptions): Backfill {
  const { store, pupils, clock, log } = options;
  const bounds = { ...defaultBounds, ...options.bounds };
  const outcomes = options.metrics.counter(history.backfilledOrigins);
  const learned = options.metrics.counter(history.backfilledSamples);
  // A counter that is born at 1 shows no increase, so each is there from the start.
  for (const outcome of ["success", "failure"]) outcomes.increase({ outcome }, 0);
  learned.increase({}, 0);
  const began = clock.monotonic();
  const metricsPattern = learnedMetrics.join("|");
  /** Null while it isn't known yet which origins have a past. */
  let awaited: Set<string> | null = null;
  const ending = new AbortController();
  const { signal } = ending;
  let sliceEnd = 0;
  let total = 0;
  let failuresInRow = 0;
  const leftOut = { queries: 0, reason: "" };

  /** Throws what the last attempt throws. */
  async function patiently<Answer>(request: () => Promise<Answer>): Promise<Answer> {
    for (let attempt = 1; ; attempt += 1)
      try {
        const answer = await request();
        failuresInRow = 0;
        return answer;
      } catch (thrown) {
        if (signal.aborted || attempt >= bounds.attempts) throw thrown;
        await sleep(clock, bounds.retryMilliseconds * 2 ** (attempt - 1), signal);
      }
  }

  /** Null where the query is to be left out. Throws when the store is gone. */
  async function askOrLeaveOut(
    request: () => Promise<StoreSeries[]>,
  ): Promise<StoreSeries[] | null> {
    try {
      return await patiently(request);
    } catch (thrown) {
      failuresInRow += 1;
      if (signal.aborted || failuresInRow >= bounds.failuresInRow) throw thrown;
      leftOut.queries += 1;
      leftOut.reason = describeError(thrown);
      return null;
    }
  }

  /** Where the store has their series now or had them at a full hour. */
  async function findOrigins(): Promise<Found[]> {
    const end = clock.now();
    const found = await patiently(() =>
      store.rangeQuery(
        `count by (job, instance) ({__name__=~"${metricsPattern}"})`,
        end - options.pastMilliseconds,
        end,
        Math.min(hourMilliseconds, options.pastMilliseconds / 10),
      ),
    );
    const origins = found.map(({ labels: { job = "", instance = "" } }) => ({
      key: `${job}/${instance}`,
      job,
      instance,
    }));
    const unknown = origins.filter(({ key }) => !pupils.knew(key));
    if (unknown.length > bounds.origins)
      log.warn(
        `the past of ${unknown.length - bounds.origins} origins is left out: ${bounds.origins} are the limit`,
      );
    return unknown.slice(0, bounds.origins);
  }

  async function rest(): Promise<void> {
    if (clock.monotonic() < sliceEnd) return;
    await new Promise((resolve) => setImmediate(resolve));
    sliceEnd = clock.monotonic() + sliceMilliseconds;
  }

  async function learn({ key, job, instance }: Found, room: number): Promise<void> {
    const replay = createReplay(key, job, instance);
    const selector = `{__name__=~"${metricsPattern}",job=${quote(job)},instance=${quote(instance)}}`;
    // A little more than asked for: what was there before isn't played again.
    const ask = (from: number, to: number): Promise<StoreSeries[] | null> =>
      askOrLeaveOut(() => store.samples(`${selector}[${Math.ceil(to - from) + 1}ms]`, to));
    const now = clock.now();
    const recent = await ask(now - firstChunkMilliseconds, now);
    const density = densityOf(recent ?? []);
    let isWhole = recent !== null;
    let from = now - Math.min(options.pastMilliseconds, room / density);
    let chunk = firstChunkMilliseconds;
    let samples = 0;
    // Time goes on while the past is read: the last answer is of those seconds.
    for (let presents = 0; presents < 2 && !signal.aborted;) {
      const to = Math.min(from + chunk, clock.now());
      if (to - from < 1) break;
      const found = await ask(from, to);
      isWhole &&= found !== null;
      const played = await replay.play(found ?? [], (state) => pupils.replay(state), rest);
      samples += played;
      learned.increase({}, played);
      const wanted = bounds.samplesAtOnce / Math.max(density, played / (to - from));
      // What is too much for the store at once may be little enough in parts.
      const most = found === null ? chunk / 4 : 4 * chunk;
      chunk = Math.max(leastChunkMilliseconds, Math.min(wanted, most));
      // More than it looked like: only the newest is still taken.
      from = samples > room ? Math.max(to, clock.now() - leastChunkMilliseconds) : to;
      if (clock.now() - to < leastChunkMilliseconds) presents += 1;
    }
    total += samples;
    outcomes.increase({ outcome: isWhole ? "success" : "failure" });
  }

  async function run(): Promise<void> {
    const queue = await findOrigins();
    const origins = queue.length;
    awaited = new Set(queue.map(({ key }) => key));
    const room = bounds.samples / Math.max(1, origins);
    const work = async (): Promise<void> => {
      for (let next = queue.shift(); next && !signal.aborted; next = queue.shift()) {
        await learn(next, room);
        awaited?.delete(next.key);
      }
    };
    await Promise.all(Array.from({ length: concurrency }, work));
    if (signal.aborted) return;
    if (leftOut.queries > 0)
      log.warn(
        `${leftOut.queries} queries for the past are left out, each asked ${bounds.attempts} times, the last because ${leftOut.reason}`,
      );
    const seconds = Math.round((clock.monotonic() - began) / 1000);
    log.info(
      `the detectors learned from ${total} samples of ${origins} origins' past in ${seconds} s`,
    );
  }

  function end(): void {
    ending.abort();
    awaited = new Set();
    timer.cancel();
    store.close();
  }

  const timer = clock.after(bounds.milliseconds, () => {
    log.warn(
      `the detectors go on without the rest of the past: reading it took over ${bounds.milliseconds / 60_000} min`,
    );
    end();
  });
  const done = run()
    .catch((thrown: unknown) => {
      // Once it is over, what was under way fails of itself.
      if (signal.aborted) return;
      outcomes.increase({ outcome: "failure" });
      log.error(
        `the detectors start without the past that they don't know: ${describeError(thrown)}`,
      );
    })
    .finally(end);
  return {
    isAwaited: (key) =>
      !signal.aborted && !pupils.knew(key) && (awaited === null || awaited.has(key)),
    done,
    close: end,
  };
}

/** Samples per millisecond; where there are none, so few that their number bounds nothing. */
function densityOf(found: readonly StoreSeries[]): number {
  const samples = found.reduce((sum, one) => sum + one.samples.length, 0);
  return Math.max(1, samples) / firstChunkMilliseconds;
}

function quote(text: string): string {
  return JSON.stringify(text);
}
