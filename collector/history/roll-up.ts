/** Roll-up: days that are older than raw samples are kept become one file each, with a row per series and minute. */
import { join } from "node:path";
import { history } from "../../core/catalog/index.ts";
import type { Env } from "../../core/kit/env.ts";
import { describeError } from "../../core/kit/errors.ts";
import type { Log } from "../../core/kit/log.ts";
import type { SelfMetrics } from "../../core/kit/self-metrics.ts";
import type { JobRunner } from "./child.ts";
import type { ParquetFile, ParquetFiles } from "./files.ts";
import type { Retention } from "./retention.ts";
import type { CheckRoom } from "./room.ts";
import type { CheckFiles } from "./soundness.ts";

export interface RollUpOptions {
  readonly folder: string;
  readonly env: Env;
  readonly log: Log;
  readonly metrics: SelfMetrics;
  readonly files: ParquetFiles;
  readonly jobs: JobRunner;
  readonly makeRoom: Retention["makeRoom"];
  /** How long samples are kept at the rate at which they were read. */
  readonly rawMilliseconds: number;
  readonly memoryMebibytes: number;
  /** Samples in the files that one job takes, but for a file that has more by itself. */
  readonly batchSamples: number;
  /** A query that began before may still be reading the files that were replaced. */
  readonly queryMilliseconds: number;
  readonly checkRoom: CheckRoom;
  readonly checkFiles: CheckFiles;
}

export interface RollUpResult {
  readonly files: number;
  readonly rowsBefore: number;
  readonly rowsAfter: number;
}

export interface RollUp {
  /** Every day that is due. Throws HISTORY_FAILED or STATE_UNUSABLE. */
  run(): Promise<RollUpResult>;
  /** Resolves when no run is under way. */
  idle(): Promise<unknown>;
}

/** A query looks back five minutes, and people look at months in minutes at the finest. */
const resolutionMilliseconds = 60_000;
const dayMilliseconds = 86_400_000;
export function createRollUp(options: RollUpOptions): RollUp {
  const { files, jobs, env, folder } = options;
  const outcomes = options.metrics.counter(history.rollUps);
  // A counter that is born at 1 shows no increase, so each is there from the start.
  for (const outcome of ["success", "failure"]) outcomes.increase({ outcome }, 0);
  let running: Promise<unknown> = Promise.resolve();

  /** Days that ended long enough ago, in batches: only what is raw is rolled up. */
  function chooseBatches(): ParquetFile[][] {
    const limit = env.clock.now() - options.rawMilliseconds;
    const batches: ParquetFile[][] = [];
    let rows = 0;
    for (const file of files.list()) {
      const due = Date.parse(file.day) + dayMilliseconds <= limit;
      if (!due || file.resolutionMilliseconds > 0) continue;
      const batch = batches.at(-1);
      const fits = rows + file.rows <= options.batchSamples && batch?.[0]?.day === file.day;
      if (batch && fits) batch.push(file);
      else batches.push([file]);
      rows = fits ? rows + file.rows : file.rows;
    }
    return batches;
  }

  async function rollUpBatch(batch: readonly ParquetFile[]): Promise<number> {
    let rows = 0;
    const job = {
      kind: "roll-up" as const,
      files: batch.map(({ file }) => join(folder, file)),
      day: batch[0]?.day ?? "",
      resolutionMilliseconds,
      memoryMebibytes: options.memoryMebibytes,
    };
    options.checkRoom();
    await options.checkFiles(batch);
    await jobs.rollUp(job, async ({ files: written }, scratch) => {
      options.makeRoom(written.reduce((sum, { bytes }) => sum + bytes, 0));
      const placed = await files.place(written, scratch, env.randomId(), resolutionMilliseconds);
      const listed = new Set(files.list().map(({ file }) => file));
      const before = batch.filter(({ file }) => listed.has(file));
      files.exchange(before, placed);
      env.clock.after(options.queryMilliseconds, () => files.unlink(before));
      for (const file of placed) rows += file.rows;
    });
    return rows;
  }

  async function runAll(): Promise<RollUpResult> {
    const total = { files: 0, rowsBefore: 0, rowsAfter: 0 };
    // Room that is made for one batch may be at the cost of the next.
    for (let [batch] = chooseBatches(); batch; [batch] = chooseBatches()) {
      try {
        total.rowsAfter += await rollUpBatch(batch);
        total.files += batch.length;
        for (const { rows } of batch) total.rowsBefore += rows;
        outcomes.increase({ outcome: "success" });
      } catch (thrown) {
        outcomes.increase({ outcome: "failure" });
        options.log.error(`history could not be rolled up: ${describeError(thrown)}`);
        throw thrown;
      }
    }
    return total;
  }

  return {
    run() {
      const next = running.then(runAll);
      running = next.catch(() => undefined);
      return next;
    },
    idle: () => running,
  };
}
