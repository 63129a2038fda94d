/** One target, scraped once per interval: its page becomes a frame, and what became of it can be seen. */
import type { Clock, Timer } from "../../../core/kit/clock.ts";
import { describeError, WarpwatchError } from "../../../core/kit/errors.ts";
import type { Log } from "../../../core/kit/log.ts";
import type { ClientTls } from "../../../core/kit/tls-files.ts";
import { withSpan, type Note } from "../../../core/kit/tracing.ts";
import { isPresent, type FrameSink } from "../../../core/wire/frame.ts";
import { createExpositionParser } from "../../../core/wire/parse.ts";
import type { ParsedExposition } from "../../../core/wire/parsed.ts";
import { createScrapeClient, type ScrapeMemory } from "./client.ts";
import { authorizationOf } from "./credentials.ts";
import type { ScrapeCounters } from "./scrape-counters.ts";
import { createLabeller, type LabelledPage } from "./series-labels.ts";
import { createTargetFrames } from "./target-frame.ts";
import { targetKey, type ScrapeJob, type Target } from "./target.ts";

export interface TargetView {
  readonly job: string;
  readonly instance: string;
  readonly node: string;
  readonly url: string;
  readonly state: "new" | "up" | "down";
  /** One sentence; empty when all was well. A page that is malformed in places is up and has one. */
  readonly error: string;
  readonly samples: number;
  readonly durationSeconds: number;
  /** Unix milliseconds; 0 before the first. */
  readonly scrapedAtMilliseconds: number;
}

export interface Running {
  readonly target: Target;
  readonly view: () => TargetView;
  readonly stop: () => void;
}

export interface LoopOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly sink: FrameSink;
  readonly boot: string;
  readonly seriesPerTarget: number;
  readonly memory: ScrapeMemory;
  readonly counters: ScrapeCounters;
  /** The certificates of the target's job as they are now. */
  readonly tls: () => ClientTls | undefined;
}

/** A page may have this many times the series that are left of it after relabelling. */
const relabelledPageFactor = 4;

export function scrapeRegularly(target: Target, options: LoopOptions): Running {
  const { clock, log, sink, counters } = options;
  const { job, url } = target;
  const client = createScrapeClient(url, clock, options.memory);
  const parser = createExpositionParser({
    bodyBytes: job.bodyLimitBytes,
    // What relabelling drops doesn't count: the door has the last word.
    series: options.seriesPerTarget * (job.metricRelabel ? relabelledPageFactor : 1),
  });
  const labeller = createLabeller(target);
  const frames = createTargetFrames(target, options.boot);
  const address = url.href;
  let view: TargetView = {
    job: target.jobName,
    instance: target.instance,
    node: target.node,
    url: address,
    state: "new",
    error: "",
    samples: 0,
    durationSeconds: 0,
    scrapedAtMilliseconds: 0,
  };
  let stopped = false;

  async function scrape(note: Note): Promise<void> {
    note?.({ "warpwatch.job": target.jobName, "warpwatch.instance": target.instance });
    const timeMilliseconds = Math.floor(clock.now());
    const started = clock.monotonic();
    let page: ParsedExposition | null = null;
    let labelled: LabelledPage | null = null;
    let error = "";
    try {
      const asked = {
        timeoutMilliseconds: target.timeoutMilliseconds,
        bodyLimitBytes: job.bodyLimitBytes,
        headers: authorizationOf(job.credentials),
        tls: options.tls(),
      };
      const parsed = await client.fetch(asked, ({ body, format }) => parser.parse(body, format));
      const found = labeller.label(parsed);
      checkLimits(parsed, found, job);
      page = parsed;
      labelled = found;
      error = problemOf(page, found);
      counters.scraped("ok");
      if (page.problemCount > 0) counters.malformed(page.problemCount);
    } catch (thrown) {
      error = describeError(thrown);
      counters.scraped(thrown instanceof WarpwatchError ? thrown.code : "failed");
    }
    if (stopped) return;
    const durationSeconds = (clock.monotonic() - started) / 1000;
    sink.accept(frames.make({ page, labelled, timeMilliseconds, durationSeconds }));
    const state = page === null ? "down" : "up";
    note?.({ "warpwatch.state": state, "warpwatch.samples": page?.samples ?? 0 });
    if (error !== "" && error !== view.error) log.warn(`${address}: ${error}`, { source: address });
    else if (state === "up" && view.state === "down") log.info("the target is back", { address });
    const samples = page?.samples ?? 0;
    view = {
      ...view,
      state,
      error,
      samples,
      durationSeconds,
      scrapedAtMilliseconds: timeMilliseconds,
    };
  }

  const loop = runLoop(clock, target.intervalMilliseconds, spread(targetKey(target)), () =>
    withSpan("warpwatch.scrape", scrape),
  );
  return {
    target,
    view: () => view,
    stop() {
      stopped = true;
      loop.cancel();
      client.close();
    },
  };
}

/** Each target has its own place within the interval, the same after every start, so that they don't come at once. */
function runLoop(clock: Clock, interval: number, place: number, work: () => Promise<void>): Timer {
  let cancelled = false;
  let timer = schedule();
  function schedule(): Timer {
    const offset = Math.floor(interval * place);
    const until = interval - ((clock.now() - offset) % interval);
    // A timer that fires a little early must not scrape twice.
    return clock.after(until < interval / 10 ? until + interval : until, () => {
      void work().finally(() => {
        if (!cancelled) timer = schedule();
      });
    });
  }
  return {
    cancel() {
      cancelled = true;
      timer.cancel();
    },
  };
}

/** A number from 0 to 1 that follows from the text (FNV-1a). */
function spread(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return (hash >>> 0) / 2 ** 32;
}

/** Throws TARGET_TOO_LARGE for a page that is over its job's limits. */
function checkLimits(page: ParsedExposition, labelled: LabelledPage, { limits }: ScrapeJob): void {
  if (labelled.refused !== "") throw new WarpwatchError("TARGET_TOO_LARGE", labelled.refused);
  const limit = limits?.samples ?? Infinity;
  // None of its series can be missing when all of them together are few enough.
  if (labelled.series.length <= limit) return;
  const samples = countSamples(page, labelled);
  if (samples > limit)
    throw new WarpwatchError(
      "TARGET_TOO_LARGE",
      `the page has ${samples} samples, and sample_limit is ${limit}`,
    );
}

function countSamples(page: ParsedExposition, { slots }: LabelledPage): number {
  if (slots === null) return page.samples;
  return slots.reduce((sum, slot) => sum + (isPresent(page.present, slot) ? 1 : 0), 0);
}

function problemOf(page: ParsedExposition, labelled: LabelledPage): string {
  const [first] = page.problems;
  if (!first && page.truncated) return "the page is cut off before its end";
  if (!first && labelled.duplicates > 0)
    return `metric_relabel_configs make ${labelled.duplicates} series equal to others: the first of each counts`;
  if (!first) return "";
  const more = page.problemCount > 1 ? ` (and ${page.problemCount - 1} more)` : "";
  return `line ${first.line}: ${first.sentence}${more}; the other lines count`;
}
