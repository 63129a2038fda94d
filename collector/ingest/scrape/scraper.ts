/** The scraper: asks every target for its page once per interval, and hands what it says to the door as a frame. */
import { collector } from "../../../core/catalog/index.ts";
import type { Clock, Timer } from "../../../core/kit/clock.ts";
import { describeError, WarpwatchError } from "../../../core/kit/errors.ts";
import type { Log } from "../../../core/kit/log.ts";
import type { SelfMetrics } from "../../../core/kit/self-metrics.ts";
import { withSpan, type Note } from "../../../core/kit/tracing.ts";
import type { FrameSink } from "../../../core/wire/frame.ts";
import { createExpositionParser } from "../../../core/wire/parse.ts";
import type { ParsedExposition } from "../../../core/wire/parsed.ts";
import { createScrapeClient } from "./client.ts";
import { createFileDiscovery, type FileDiscovery } from "./discovery.ts";
import { createKubernetesDiscovery, type KubernetesService } from "./kubernetes.ts";
import { createTargetFrames } from "./target-frame.ts";
import { makeTarget, targetKey, type ScrapeJob, type Target, type TargetGroup } from "./target.ts";

export interface JobConfig extends ScrapeJob {
  readonly groups: readonly TargetGroup[];
  readonly files: readonly string[];
  /** A service in Kubernetes whose pods are targets. */
  readonly kubernetes?: KubernetesService | undefined;
}

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

export interface Scraper {
  targets(): TargetView[];
  /** Target files that can't be used, and targets in them. */
  errors(): string[];
  stop(): void;
}

export interface ScraperOptions {
  readonly jobs: readonly JobConfig[];
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: SelfMetrics;
  readonly sink: FrameSink;
  readonly boot: string;
  readonly maximumTargets: number;
  readonly seriesPerTarget: number;
  /** How often target files are looked at; five seconds. */
  readonly discoveryMilliseconds?: number;
}

interface Running {
  readonly target: Target;
  readonly view: () => TargetView;
  readonly stop: () => void;
}

const defaultDiscoveryMilliseconds = 5000;
const maximumConnections = 1024;

export function createScraper(options: ScraperOptions): Scraper {
  const { clock, log } = options;
  const client = createScrapeClient(clock, maximumConnections);
  const running = new Map<string, Running>();
  const counters = createCounters(options.metrics);
  const jobs = options.jobs.map((job) => watchJob(job, clock, counters.discoveryFailed, log));
  let timer: Timer | null = null;
  let stopped = false;

  function discover(): void {
    let changed = false;
    for (const job of jobs) changed = job.refresh() || changed;
    if (changed) apply(jobs.flatMap((job) => job.targets));
    counters.targets([...running.values()].map(({ view }) => view().state));
    if (!stopped)
      timer = clock.after(options.discoveryMilliseconds ?? defaultDiscoveryMilliseconds, discover);
  }

  function apply(targets: readonly Target[]): void {
    const wanted = new Map<string, Target>();
    for (const target of targets) {
      const key = `${target.job.name}/${target.instance}`;
      const other = wanted.get(key);
      if (!other) wanted.set(key, target);
      else if (targetKey(other) !== targetKey(target))
        log.error(
          `two targets of job ${target.job.name} are called ${target.instance}: one counts`,
        );
    }
    for (const [key, { target, stop }] of running) {
      const still = wanted.get(key);
      if (still && targetKey(still) === targetKey(target)) continue;
      stop();
      running.delete(key);
    }
    for (const [key, target] of wanted) {
      if (running.has(key)) continue;
      if (running.size >= options.maximumTargets) {
        log.error(
          `there are ${wanted.size} targets, and only ${options.maximumTargets} are scraped`,
        );
        return;
      }
      running.set(key, scrapeRegularly(target, client, counters, options));
    }
  }

  discover();
  return {
    targets: () => Array.from(running.values(), ({ view }) => view()),
    errors: () => jobs.flatMap((job) => job.errors()),
    stop() {
      stopped = true;
      timer?.cancel();
      for (const part of [...jobs, ...running.values()]) part.stop();
      client.close();
    },
  };
}

interface WatchedJob {
  readonly targets: readonly Target[];
  /** True when the targets may have changed. */
  refresh(): boolean;
  errors(): string[];
  stop(): void;
}

function watchJob(job: JobConfig, clock: Clock, onError: () => void, log: Log): WatchedJob {
  const tell = (sentence: string): void => {
    onError();
    log.error(`job ${job.name}: ${sentence}`);
  };
  const discovery: FileDiscovery = createFileDiscovery({ patterns: job.files, onError: tell });
  const cluster = job.kubernetes ? createKubernetesDiscovery(job.kubernetes, clock, tell) : null;
  let fromFiles: readonly TargetGroup[] = [];
  let fromCluster: readonly TargetGroup[] = [];
  let targets: Target[] = [];
  let wrong: string[] = [];
  let first = true;
  return {
    get targets() {
      return targets;
    },
    refresh() {
      const files = discovery.read();
      const services = cluster?.read() ?? null;
      if (files === null && services === null && !first) return false;
      first = false;
      fromFiles = files ?? fromFiles;
      fromCluster = services ?? fromCluster;
      wrong = [];
      targets = [...job.groups, ...fromFiles, ...fromCluster].flatMap((group) =>
        group.targets.flatMap((address) => {
          try {
            return [makeTarget(job, address, group.labels)];
          } catch (thrown) {
            wrong.push(`job ${job.name}: ${describeError(thrown)}`);
            return [];
          }
        }),
      );
      for (const sentence of wrong) log.error(sentence);
      return true;
    },
    errors: () => [...discovery.errors(), ...(cluster?.errors() ?? []), ...wrong],
    stop: () => cluster?.stop(),
  };
}

type Counters = ReturnType<typeof createCounters>;

function scrapeRegularly(
  target: Target,
  client: ReturnType<typeof createScrapeClient>,
  counters: Counters,
  options: ScraperOptions,
): Running {
  const { clock, log, sink } = options;
  const { job, url } = target;
  const parser = createExpositionParser({
    bodyBytes: job.bodyLimitBytes,
    series: options.seriesPerTarget,
  });
  const frames = createTargetFrames(target, options.boot);
  const address = url.href;
  let view: TargetView = {
    job: job.name,
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
    note?.({ "warpwatch.job": job.name, "warpwatch.instance": target.instance });
    const timeMilliseconds = Math.floor(clock.now());
    const started = clock.monotonic();
    let page: ParsedExposition | null = null;
    let error = "";
    try {
      const { timeoutMilliseconds, bodyLimitBytes, tokenFile } = job;
      const { body, format } = await client.fetch({
        url,
        timeoutMilliseconds,
        bodyLimitBytes,
        tokenFile,
      });
      page = parser.parse(body, format);
      error = problemOf(page);
      counters.scraped("ok");
      counters.malformed(page.problemCount);
    } catch (thrown) {
      error = describeError(thrown);
      counters.scraped(thrown instanceof WarpwatchError ? thrown.code : "failed");
    }
    if (stopped) return;
    const durationSeconds = (clock.monotonic() - started) / 1000;
    sink.accept(frames.make({ page, timeMilliseconds, durationSeconds }));
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

  const loop = runLoop(clock, job.intervalMilliseconds, spread(targetKey(target)), () =>
    withSpan("warpwatch.scrape", scrape),
  );
  return {
    target,
    view: () => view,
    stop() {
      stopped = true;
      loop.cancel();
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

function problemOf(page: ParsedExposition): string {
  const [first] = page.problems;
  if (!first) return page.truncated ? "the page is cut off before its end" : "";
  const more = page.problemCount > 1 ? ` (and ${page.problemCount - 1} more)` : "";
  return `line ${first.line}: ${first.sentence}${more}; the other lines count`;
}

function createCounters(metrics: SelfMetrics) {
  const scrapes = metrics.counter(collector.scrapes);
  const malformedLines = metrics.counter(collector.scrapeMalformedLines);
  const discoveryErrors = metrics.counter(collector.discoveryErrors);
  const targets = metrics.gauge(collector.scrapeTargets);
  return {
    scraped: (outcome: string) => scrapes.increase({ outcome }),
    malformed: (lines: number) => malformedLines.increase({}, lines),
    discoveryFailed: () => discoveryErrors.increase({}),
    targets(states: readonly TargetView["state"][]): void {
      for (const state of ["new", "up", "down"] as const)
        targets.set({ state }, states.filter((one) => one === state).length);
    },
  };
}
