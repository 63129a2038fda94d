/** Daily features: once a day is closed, what its samples and events say of each device becomes a small Parquet file that is kept for years. */
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { history } from "../../core/catalog/index.ts";
import type { Env } from "../../core/kit/env.ts";
import { describeError } from "../../core/kit/errors.ts";
import type { Log } from "../../core/kit/log.ts";
import type { SelfMetrics } from "../../core/kit/self-metrics.ts";
import type { JobRunner } from "./child.ts";
import { transact } from "./database.ts";
import { dayOf, type FeatureDay, type FeatureDays } from "./feature-days.ts";
import { syncFolder, type ParquetFiles } from "./files.ts";
import type { FeaturesAnswer } from "./job.ts";
import type { CheckFiles } from "./soundness.ts";

export interface FeaturesResult {
  readonly days: number;
  readonly rows: number;
}

export interface DailyFeatures {
  /** Of all files that are on disk. */
  readonly bytes: number;
  list(): FeatureDay[];
  /** Every day that is closed and has none yet, or has them of less than is there now. Throws HISTORY_FAILED or STATE_UNUSABLE. */
  run(): Promise<FeaturesResult>;
  /** Days that are older than they are kept go, then the oldest until they fit. Throws STATE_UNUSABLE. */
  retain(): void;
  /** Takes a day off the list and leaves its file; while its samples are kept it is made anew. Throws STATE_UNUSABLE. */
  forget(day: FeatureDay): void;
  /** Resolves when no run is under way. */
  idle(): Promise<unknown>;
}

export interface FeaturesOptions {
  readonly checkFiles: CheckFiles;
  readonly folder: string;
  readonly sqlite: DatabaseSync;
  readonly env: Env;
  readonly log: Log;
  readonly metrics: SelfMetrics;
  readonly files: ParquetFiles;
  readonly featureDays: FeatureDays;
  readonly jobs: JobRunner;
  readonly featuresMilliseconds: number;
  readonly featureBytes: number;
  /** Of one day. */
  readonly featureRows: number;
  readonly memoryMebibytes: number;
  /** A query that began before may still be reading the file that was replaced. */
  readonly queryMilliseconds: number;
}

const featuresFolder = "features";
const dayMilliseconds = 86_400_000;
/** By then the hourly compaction has been there twice. */
const closedAfterMilliseconds = 2 * 3_600_000;

export function createDailyFeatures(options: FeaturesOptions): DailyFeatures {
  const { folder, sqlite, env, log, jobs, files, featureDays: days } = options;
  const outcomes = options.metrics.counter(history.featureDays);
  const dropped = options.metrics.counter(history.featureRowsDropped);
  // A counter that is born at 1 shows no increase, so each is there from the start.
  for (const outcome of ["success", "failure"]) outcomes.increase({ outcome }, 0);
  dropped.increase({}, 0);
  clean(folder, days.list());
  let bytes = days.list().reduce((sum, day) => sum + day.bytes, 0);
  options.metrics.gauge(history.featureBytes, () => bytes);
  let running: Promise<unknown> = Promise.resolve();

  function chooseDays(): string[] {
    const known = new Map(days.list().map((one) => [one.day, one]));
    const now = env.clock.now();
    const oldest = now - options.featuresMilliseconds;
    return [...new Set(files.list().map(({ day }) => day))].filter((day) => {
      const end = Date.parse(day) + dayMilliseconds;
      const isWanted = end + closedAfterMilliseconds <= now && end > oldest;
      const made = known.get(day);
      return isWanted && (made === undefined || made.state === "stale");
    });
  }

  async function makeDay(day: string): Promise<number> {
    const dayBefore = dayOf(Date.parse(day) - dayMilliseconds);
    const listed = files.list();
    const sourcesOf = (wanted: string) => listed.filter((file) => file.day === wanted);
    const sources = [...sourcesOf(dayBefore), ...sourcesOf(day)];
    const job = {
      kind: "features" as const,
      folder,
      day,
      files: sources.map(({ file }) => join(folder, file)),
      hasRolledUp: sources.some(({ resolutionMilliseconds }) => resolutionMilliseconds > 0),
      rows: options.featureRows,
      memoryMebibytes: options.memoryMebibytes,
    };
    let rows = 0;
    await options.checkFiles(sources);
    days.begin(day);
    await jobs.features(job, async (answer, scratch) => {
      const made = await place(day, join(scratch, answer.file.name), answer.file);
      const before = days.list().find((one) => one.day === day);
      transact(sqlite, () => days.put(made));
      bytes += made.bytes;
      if (before) env.clock.after(options.queryMilliseconds, () => unlink(before));
      if (answer.dropped > 0) {
        dropped.increase({}, answer.dropped);
        log.error(
          `${day} has more features than are kept of a day: ${answer.dropped} were dropped`,
        );
      }
      ({ rows } = made);
    });
    return rows;
  }

  async function place(
    day: string,
    from: string,
    { rows, bytes: size, checksum }: FeaturesAnswer["file"],
  ): Promise<Omit<FeatureDay, "state">> {
    const place = join(folder, featuresFolder);
    mkdirSync(place, { recursive: true, mode: 0o700 });
    await syncFolder(folder);
    const file = `${featuresFolder}/${day}-${env.randomId()}.parquet`;
    await rename(from, join(folder, file));
    await syncFolder(place);
    return { day, file, rows, bytes: size, checksum };
  }

  function unlink(day: FeatureDay): void {
    rmSync(join(folder, day.file), { force: true });
    bytes -= day.bytes;
  }

  async function runAll(): Promise<FeaturesResult> {
    const total = { days: 0, rows: 0 };
    for (const day of chooseDays())
      try {
        total.rows += await makeDay(day);
        total.days += 1;
        outcomes.increase({ outcome: "success" });
      } catch (thrown) {
        outcomes.increase({ outcome: "failure" });
        log.error(`the features of ${day} could not be made: ${describeError(thrown)}`);
        throw thrown;
      }
    return total;
  }

  return {
    get bytes() {
      return bytes;
    },
    list: () => days.list(),
    run() {
      const next = running.then(runAll);
      running = next.catch(() => undefined);
      return next;
    },
    retain() {
      const limit = env.clock.now() - options.featuresMilliseconds;
      let excess = bytes - options.featureBytes;
      const gone = days.list().filter((one) => {
        const isOld = Date.parse(one.day) + dayMilliseconds <= limit;
        if (!isOld && excess <= 0 && existsSync(join(folder, one.file))) return false;
        excess -= one.bytes;
        return true;
      });
      if (gone.length === 0) return;
      transact(sqlite, () => gone.forEach(({ day }) => days.remove(day)));
      for (const one of gone) unlink(one);
    },
    forget(one) {
      transact(sqlite, () => days.remove(one.day));
      bytes -= one.bytes;
    },
    idle: () => running,
  };
}

/** Removes what a crash left: files that never got on the list, or were replaced on it. */
function clean(folder: string, listed: readonly FeatureDay[]): void {
  const place = join(folder, featuresFolder);
  if (!existsSync(place)) return;
  const known = new Set(listed.map(({ file }) => file));
  for (const name of readdirSync(place))
    if (name.endsWith(".parquet") && !known.has(`${featuresFolder}/${name}`))
      rmSync(join(place, name), { force: true });
}
