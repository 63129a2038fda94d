/**
 * The collector's embedded history: frames go to a journal in SQLite, what is older than the hour to Parquet files, and
 * queries see both as one. The folder belongs to one collector at a time, which the state beside it makes sure of.
 */
import { mkdirSync } from "node:fs";
import { history } from "../../core/catalog/index.ts";
import type { Env } from "../../core/kit/env.ts";
import { describeError } from "../../core/kit/errors.ts";
import type { Log } from "../../core/kit/log.ts";
import type { SelfMetrics } from "../../core/kit/self-metrics.ts";
import type { Frame } from "../../core/wire/frame.ts";
import { createJobRunner } from "./child.ts";
import { createCompaction, type CompactionResult } from "./compaction.ts";
import { openJournalDatabase } from "./database.ts";
import { createEventLog, type EventLog } from "./event-log.ts";
import { createEventQuery, type RunEventQuery } from "./event-query.ts";
import { createFeatureDays, type FeatureDay } from "./feature-days.ts";
import { createFeatureQuery, type RunFeatureQuery } from "./feature-query.ts";
import { createDailyFeatures, type FeaturesResult } from "./features.ts";
import { createParquetFiles, type ParquetFile } from "./files.ts";
import { createJournal } from "./journal.ts";
import { createQuery, type RunQuery } from "./query.ts";
import { createRetention, type Expired } from "./retention.ts";
import { createRollUp, type RollUpResult } from "./roll-up.ts";
import { createRoomCheck } from "./room.ts";
import { createDamageCount, createFileCheck } from "./soundness.ts";
import type { StepLimits } from "./steps.ts";

export interface HistoryOptions {
  readonly folder: string;
  readonly env: Env;
  readonly log: Log;
  readonly metrics: SelfMetrics;
  readonly retentionMilliseconds: number;
  /** How long samples are kept at the rate at which they were read. */
  readonly rawMilliseconds: number;
  /** Of everything that is kept. */
  readonly maximumBytes: number;
  /** How long events and daily features are kept; five years where it isn't said. */
  readonly eventsMilliseconds?: number;
  readonly featuresMilliseconds?: number;
  readonly bounds?: Partial<HistoryBounds>;
}

export interface HistoryBounds {
  readonly commitMilliseconds: number;
  readonly journalBytes: number;
  /** What history leaves of the disk. */
  readonly leastFreeBytes: number | undefined;
  /** Of the events and of the daily features; at most an eighth of everything each. */
  readonly eventBytes: number;
  readonly featureBytes: number;
  /** Of one day. */
  readonly featureRows: number;
  /** DuckDB's memory in each child process. */
  readonly memoryMebibytes: number;
  readonly batchSamples: number;
  readonly compactMilliseconds: number;
  readonly queryMilliseconds: number;
  readonly query: Partial<StepLimits>;
}

export interface History {
  /** Resolves when the frame is on disk; rejects when it isn't and won't be. A caller may leave the promise alone. */
  append(frame: Frame): Promise<void>;
  readonly events: EventLog;
  readonly query: RunQuery;
  readonly queryEvents: RunEventQuery;
  readonly queryFeatures: RunFeatureQuery;
  /** What was written before the current hour or, with `all`, until now becomes Parquet files. */
  compact(options?: { readonly all?: boolean }): Promise<CompactionResult>;
  /** Days whose samples are older than raw ones are kept get a row a minute. */
  rollUp(): Promise<RollUpResult>;
  /** Days that are closed get their features: what each device did, in a few rows. */
  makeFeatures(): Promise<FeaturesResult>;
  retain(): Expired;
  files(): ParquetFile[];
  featureDays(): FeatureDay[];
  /** Commits what waits and stops what runs. */
  close(): Promise<void>;
}

const gibibyte = 2 ** 30;
const fiveYearsMilliseconds = 5 * 365.25 * 86_400_000;
/** Events and features live much longer than samples, so they never take their room. */
const shareOfYears = 1 / 8;
/** How often it is looked whether everything still fits, while so many bytes come in. */
const roomSteps = 128;
const defaultBounds: HistoryBounds = {
  commitMilliseconds: 100,
  journalBytes: 8 * gibibyte,
  leastFreeBytes: undefined,
  eventBytes: gibibyte,
  featureBytes: gibibyte,
  featureRows: 1_000_000,
  memoryMebibytes: 256,
  batchSamples: 12_000_000,
  compactMilliseconds: 600_000,
  queryMilliseconds: 10_000,
  query: {},
};

/** Throws STATE_UNUSABLE when the folder can't be used. */
export function createHistory(options: HistoryOptions): History {
  const { clock } = options.env;
  const bounds = { ...defaultBounds, ...options.bounds };
  const { checks, ...shared } = createShared(options, bounds, (bytes) => grown(bytes));
  const { journal, files, jobs, sqlite, log, maximumBytes } = shared;
  const features = createDailyFeatures(shared);
  const checkFeatures = createFileCheck<FeatureDay>({
    ...checks,
    forget: (day) => features.forget(day),
  });
  const events = createEventLog(shared);
  const retention = createRetention({ ...shared, features });
  const { makeRoom } = retention;
  const grown = makeRoomAhead({ makeRoom, maximumBytes, log });
  const compaction = createCompaction({ ...shared, makeRoom });
  const rollUp = createRollUp({ ...shared, makeRoom });
  const query = createQuery({
    ...shared,
    limits: bounds.query,
    timeoutMilliseconds: bounds.queryMilliseconds,
  });
  void journal.sweep();
  // What an earlier run left is compacted now; failing is told, and the next run tries again.
  compaction.run().catch(() => undefined);
  let isClosed = false;

  return {
    append: (frame) => journal.append(frame),
    events,
    query,
    queryEvents: createEventQuery({ ...shared, timeoutMilliseconds: bounds.queryMilliseconds }),
    queryFeatures: createFeatureQuery({ ...shared, checkFeatures }),
    compact: (request) => compaction.run(request),
    rollUp: () => rollUp.run(),
    makeFeatures: () => features.run(),
    retain() {
      events.retain(clock.now());
      features.retain();
      return retention.run();
    },
    files: () => files.list(),
    featureDays: () => features.list(),
    async close() {
      if (isClosed) return;
      isClosed = true;
      journal.flush();
      await jobs.close();
      await Promise.all([compaction.idle(), rollUp.idle(), features.idle()]);
      await journal.sweep();
      sqlite.close();
    },
  };
}

interface RoomAhead {
  readonly makeRoom: (bytes: number) => void;
  readonly maximumBytes: number;
  readonly log: Log;
}

/** Told of every byte that comes in: room is made a little ahead of it. */
function makeRoomAhead({ makeRoom, maximumBytes, log }: RoomAhead): (bytes: number) => void {
  const step = maximumBytes / roomSteps;
  let ungiven = 0;
  return (bytes) => {
    ungiven += bytes;
    if (ungiven < step) return;
    ungiven = 0;
    try {
      makeRoom(2 * step);
    } catch (thrown) {
      log.error(`no room can be made for history: ${describeError(thrown)}`);
    }
  };
}

/** What the parts work with. */
function createShared(
  options: HistoryOptions,
  bounds: typeof defaultBounds,
  grown: (bytes: number) => void,
) {
  const { folder, env, log, metrics, maximumBytes } = options;
  const { clock } = env;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const sqlite = openJournalDatabase(folder, maximumBytes);
  const featureDays = createFeatureDays(sqlite);
  const files = createParquetFiles(folder, sqlite, log, featureDays);
  metrics.gauge(history.parquetBytes, () => files.bytes);
  const checkRoom = createRoomCheck(folder, clock, bounds.leastFreeBytes);
  const journal = createJournal({
    sqlite,
    clock,
    log,
    metrics,
    commitMilliseconds: bounds.commitMilliseconds,
    // At most half, so that there is always room for the files that it becomes.
    maximumBytes: Math.min(bounds.journalBytes, maximumBytes / 2),
    grown,
    checkRoom,
  });
  const jobs = createJobRunner({ env, folder, ...bounds });
  const countDamage = createDamageCount(metrics);
  const checks = { folder, clock, log, countDamage };
  const checkFiles = createFileCheck<ParquetFile>({
    ...checks,
    forget: (file) => files.forget([file]),
  });
  const parts = { sqlite, clock, checkRoom, checkFiles, countDamage, journal, files, jobs };
  return { ...options, ...bounds, ...parts, featureDays, checks, ...yearsOf(options, bounds) };
}

/** How long, and in how many bytes, what is kept for years is kept. */
function yearsOf(options: HistoryOptions, { eventBytes, featureBytes }: HistoryBounds) {
  const share = options.maximumBytes * shareOfYears;
  return {
    eventsMilliseconds: options.eventsMilliseconds ?? fiveYearsMilliseconds,
    featuresMilliseconds: options.featuresMilliseconds ?? fiveYearsMilliseconds,
    eventBytes: Math.min(eventBytes, share),
    featureBytes: Math.min(featureBytes, share),
  };
}
