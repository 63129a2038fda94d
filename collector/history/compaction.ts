/** Compaction: batches of the journal's chains become Parquet files; the list of files and the journal change in one transaction. */
import type { DatabaseSync } from "node:sqlite";
import { history } from "../../core/catalog/index.ts";
import type { Env } from "../../core/kit/env.ts";
import { describeError } from "../../core/kit/errors.ts";
import type { Log } from "../../core/kit/log.ts";
import type { SelfMetrics } from "../../core/kit/self-metrics.ts";
import { hourMilliseconds } from "./chain-writer.ts";
import type { JobRunner } from "./child.ts";
import { transact } from "./database.ts";
import type { ParquetFiles } from "./files.ts";
import type { CompactAnswer } from "./job.ts";
import type { Journal } from "./journal.ts";
import type { Retention } from "./retention.ts";
import type { CheckRoom } from "./room.ts";
import type { CountDamage } from "./soundness.ts";

export interface CompactionResult {
  readonly batches: number;
  readonly rows: number;
  readonly bytes: number;
}

export interface CompactionOptions {
  readonly folder: string;
  readonly sqlite: DatabaseSync;
  readonly env: Env;
  readonly log: Log;
  readonly metrics: SelfMetrics;
  readonly journal: Journal;
  readonly files: ParquetFiles;
  readonly jobs: JobRunner;
  readonly makeRoom: Retention["makeRoom"];
  readonly retentionMilliseconds: number;
  readonly memoryMebibytes: number;
  /** Samples per batch at most, but for a chain that has more by itself. */
  readonly batchSamples: number;
  readonly checkRoom: CheckRoom;
  readonly countDamage: CountDamage;
}

export interface Compaction {
  /** Everything that was written before the current hour or, with `all`, until now. Throws HISTORY_FAILED or STATE_UNUSABLE. */
  run(options?: { readonly all?: boolean }): Promise<CompactionResult>;
  /** Resolves when no run is under way. */
  idle(): Promise<unknown>;
}

interface Batch {
  readonly chains: readonly number[];
  readonly samples: number;
  readonly frames: number;
}

export function createCompaction(options: CompactionOptions): Compaction {
  const { journal, files, env } = options;
  const outcomes = options.metrics.counter(history.compactions);
  // A counter that is born at 1 shows no increase, so each is there from the start.
  for (const outcome of ["success", "failure"]) outcomes.increase({ outcome }, 0);
  let running: Promise<unknown> = Promise.resolve();

  function selectBatches(hourLimit: number): Batch[] {
    const batches: Batch[] = [];
    let chains: number[] = [];
    let samples = 0;
    let frames = 0;
    for (const [id, chain] of journal.index.all()) {
      if (chain.hour >= hourLimit) continue;
      const own = chain.frames * chain.series;
      if (chains.length > 0 && samples + own > options.batchSamples) {
        batches.push({ chains, samples, frames });
        chains = [];
        samples = 0;
        frames = 0;
      }
      chains.push(id);
      samples += own;
      frames += chain.frames;
    }
    return chains.length === 0 ? batches : [...batches, { chains, samples, frames }];
  }

  function tellDamage({ frames, sentence }: NonNullable<CompactAnswer["damaged"]>): void {
    options.countDamage("frame", frames);
    options.log.error(`${frames} frames are lost to history: ${sentence}`);
  }

  async function compactBatch({ chains, samples, frames }: Batch): Promise<CompactionResult> {
    let result: CompactionResult = { batches: 1, rows: 0, bytes: 0 };
    const job = {
      kind: "compact" as const,
      folder: options.folder,
      chains,
      samples,
      frames,
      notBefore: env.clock.now() - options.retentionMilliseconds,
      memoryMebibytes: options.memoryMebibytes,
    };
    options.checkRoom();
    await options.jobs.compact(job, async ({ files: written, damaged }, scratch) => {
      options.makeRoom(written.reduce((sum, { bytes }) => sum + bytes, 0));
      const placed = await files.place(written, scratch, env.randomId());
      transact(options.sqlite, () => {
        files.add(placed);
        journal.detach(chains);
      });
      files.added(placed);
      if (damaged) tellDamage(damaged);
      journal.detached(chains);
      for (const { rows, bytes } of placed)
        result = { ...result, rows: result.rows + rows, bytes: result.bytes + bytes };
    });
    return result;
  }

  async function runAll(all: boolean): Promise<CompactionResult> {
    const hour = Math.floor(env.clock.now() / hourMilliseconds);
    const limit = all ? hour + 1 : hour;
    const total = { batches: 0, rows: 0, bytes: 0 };
    if (!all && selectBatches(limit).length === 0) return total;
    try {
      journal.seal();
      for (const batch of selectBatches(limit)) {
        const { rows, bytes } = await compactBatch(batch);
        total.batches += 1;
        total.rows += rows;
        total.bytes += bytes;
        outcomes.increase({ outcome: "success" });
        await journal.sweep();
      }
    } catch (thrown) {
      outcomes.increase({ outcome: "failure" });
      options.log.error(`history could not be compacted: ${describeError(thrown)}`);
      throw thrown;
    }
    return total;
  }

  return {
    run({ all = false } = {}) {
      const next = running.then(() => runAll(all));
      running = next.catch(() => undefined);
      return next;
    },
    idle: () => running,
  };
}
