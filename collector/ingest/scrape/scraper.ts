/** The scraper: asks every target for its page once per interval, and hands what it says to the door as a frame. */
import type { Clock, Timer } from "../../../core/kit/clock.ts";
import type { Log } from "../../../core/kit/log.ts";
import type { SelfMetrics } from "../../../core/kit/self-metrics.ts";
import { createTlsFiles, type ClientTls } from "../../../core/kit/tls-files.ts";
import type { FrameSink } from "../../../core/wire/frame.ts";
import { createScrapeMemory } from "./client.ts";
import { createScrapeCounters } from "./scrape-counters.ts";
import { scrapeRegularly, type Running, type TargetView } from "./target-loop.ts";
import { targetKey, type ScrapeJob, type Target } from "./target.ts";
import { watchJob, type JobConfig } from "./watched-job.ts";

export type { JobConfig } from "./watched-job.ts";
export type { TargetView } from "./target-loop.ts";

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

const defaultDiscoveryMilliseconds = 5000;

export function createScraper(options: ScraperOptions): Scraper {
  const { clock, log } = options;
  const memory = createScrapeMemory();
  const running = new Map<string, Running>();
  const counters = createScrapeCounters(options.metrics);
  const jobs = options.jobs.map((job) =>
    watchJob(job, { clock, log, jitter: options.boot, onError: () => counters.discoveryFailed() }),
  );
  const certificates = new Map<ScrapeJob, () => ClientTls | undefined>(
    options.jobs.map((job) => [job, followCertificates(job, options)]),
  );
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
      const key = `${target.jobName}/${target.instance}`;
      const other = wanted.get(key);
      if (!other) wanted.set(key, target);
      else if (targetKey(other) !== targetKey(target))
        log.error(`two targets of job ${target.jobName} are called ${target.instance}: one counts`);
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
      const tls = certificates.get(target.job) ?? (() => undefined);
      running.set(key, scrapeRegularly(target, { ...options, memory, counters, tls }));
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
    },
  };
}

/** A job's certificates as its files have them now. */
function followCertificates(
  job: ScrapeJob,
  { clock, log }: ScraperOptions,
): () => ClientTls | undefined {
  if (job.tls === undefined) return () => undefined;
  const files = createTlsFiles(job.tls, clock, (sentence) => {
    log.error(`job ${job.name} goes on with the certificates it had: ${sentence}`);
  });
  return () => files.current();
}
