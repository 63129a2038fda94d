/**
 * The collector's embedded history: frames go to a journal in SQLite, what is older than the hour to Parquet files, and
 * queries see both as one. The folder belongs to one collector at a time, which the state beside it makes sure of.
 */
import { mkdirSync } from "node:fs";
import { history } from "../../core/catalog/index.ts";
import type { Env } from "../../core/kit/env.ts";
import type { Log } from "../../core/kit/log.ts";
import type { SelfMetrics } from "../../core/kit/self-metrics.ts";
import type { Frame } from "../../core/wire/frame.ts";
import { createJobRunner } from "./child.ts";
import { createCompaction, type CompactionResult } from "./compaction.ts";
import { openJournalDatabase } from "./database.ts";
import { createEventLog, type EventLog } from "./event-log.ts";
import { createParquetFiles, type ParquetFile } from "./files.ts";
import { createJournal } from "./journal.ts";
import { createQuery, type RunQuery } from "./query.ts";
import { createRetention, type Expired } from "./retention.ts";
import { createRollUp, type RollUpResult } from "./roll-up.ts";
import type { StepLimits } from "./steps.ts";

export interface HistoryOptions {
  readonly folder: string;
  readonly env: Env;
  readonly log: Log;
  readonly metrics: SelfMetrics;
  readonly retentionMilliseconds: number;
  /** How long samples are kept at the rate at which they were read. */
  readonly rawMilliseconds: number;
  /** Of journal and Parquet files together. */
  readonly maximumBytes: number;
  readonly bounds?: Partial<HistoryBounds>;
}

export interface HistoryBounds {
  readonly commitMilliseconds: number;
  readonly journalBytes: number;
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
  /** What was written before the current hour or, with `all`, until now becomes Parquet files. */
  compact(options?: { readonly all?: boolean }): Promise<CompactionResult>;
  /** Days whose samples are older than raw ones are kept get a row a minute. */
  rollUp(): Promise<RollUpResult>;
  retain(): Expired;
  files(): ParquetFile[];
  /** Commits what waits and stops what runs. */
  close(): Promise<void>;
}

const gibibyte = 2 ** 30;
const defaultBounds: HistoryBounds = {
  commitMilliseconds: 100,
  journalBytes: 8 * gibibyte,
  memoryMebibytes: 256,
  batchSamples: 12_000_000,
  compactMilliseconds: 600_000,
  queryMilliseconds: 10_000,
  query: {},
};

/** Throws STATE_UNUSABLE when the folder can't be used. */
export function createHistory(options: HistoryOptions): History {
  const { folder, env, log, metrics, maximumBytes } = options;
  const bounds = { ...defaultBounds, ...options.bounds };
  const { clock } = env;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const sqlite = openJournalDatabase(folder);
  const files = createParquetFiles(folder, sqlite, log);
  metrics.gauge(history.parquetBytes, () => files.bytes);
  const journal = createJournal({
    sqlite,
    clock,
    log,
    metrics,
    commitMilliseconds: bounds.commitMilliseconds,
    // At most half, so that there is always room for the files that it becomes.
    maximumBytes: Math.min(bounds.journalBytes, maximumBytes / 2),
  });
  const jobs = createJobRunner({ env, folder, ...bounds });
  const shared = { ...options, ...bounds, sqlite, clock, journal, files, jobs };
  const compaction = createCompaction(shared);
  const rollUp = createRollUp(shared);
  const retain = createRetention(shared);
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
    events: createEventLog(sqlite),
    query,
    compact: (request) => compaction.run(request),
    rollUp: () => rollUp.run(),
    retain,
    files: () => files.list(),
    async close() {
      if (isClosed) return;
      isClosed = true;
      journal.flush();
      await jobs.close();
      await Promise.all([compaction.idle(), rollUp.idle()]);
      await journal.sweep();
      sqlite.close();
    },
  };
}
