/** Retention: what is older than the days that are kept goes, then the oldest files, until everything that is kept fits its bytes. */
import { statSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { history } from "../../core/catalog/index.ts";
import type { Clock } from "../../core/kit/clock.ts";
import type { Log } from "../../core/kit/log.ts";
import type { SelfMetrics } from "../../core/kit/self-metrics.ts";
import { databaseName, transact, usualLogBytes } from "./database.ts";
import type { DailyFeatures } from "./features.ts";
import type { ParquetFile, ParquetFiles } from "./files.ts";
import type { Journal } from "./journal.ts";

export interface RetentionOptions {
  readonly folder: string;
  readonly sqlite: DatabaseSync;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: SelfMetrics;
  readonly journal: Pick<Journal, "index" | "flush" | "detach" | "detached" | "sweep">;
  readonly files: ParquetFiles;
  readonly features: Pick<DailyFeatures, "bytes">;
  readonly retentionMilliseconds: number;
  readonly maximumBytes: number;
}

export interface Expired {
  readonly files: number;
  readonly chains: number;
  readonly bytes: number;
}

export interface Retention {
  /** Throws STATE_UNUSABLE. */
  run(): Expired;
  /** The oldest files go until so many bytes more would fit. Throws STATE_UNUSABLE. */
  makeRoom(this: void, bytes: number): Expired;
}

const reasons = ["age", "size", "lost"] as const;
type Reason = (typeof reasons)[number];

const dayMilliseconds = 86_400_000;

export function createRetention(options: RetentionOptions): Retention {
  const { clock, log, journal, files } = options;
  const expired = options.metrics.counter(history.bytesExpired);
  // A counter that is born at 1 shows no increase, so each is there from the start.
  for (const reason of reasons) expired.increase({ reason }, 0);

  function dropFiles(chosen: readonly ParquetFile[], reason: Reason): Expired {
    const bytes = chosen.reduce((sum, file) => sum + file.bytes, 0);
    if (chosen.length > 0) files.remove(chosen);
    if (bytes > 0) expired.increase({ reason }, bytes);
    return { files: chosen.length, chains: 0, bytes };
  }

  function dropChains(chosen: readonly number[], bytes: number, reason: Reason): Expired {
    if (chosen.length > 0) {
      transact(options.sqlite, () => journal.detach(chosen));
      journal.detached(chosen);
      expired.increase({ reason }, bytes);
      void journal.sweep();
    }
    return { files: 0, chains: chosen.length, bytes };
  }

  /** Chains, oldest first, as long as the condition holds; it is given the bytes chosen so far. */
  function chooseChains(wanted: (newest: number, bytes: number) => boolean): [number[], number] {
    const chosen: number[] = [];
    let bytes = 0;
    for (const [id, chain] of journal.index.all()) {
      if (!wanted(chain.newest, bytes)) continue;
      chosen.push(id);
      bytes += chain.bytes;
    }
    return [chosen, bytes];
  }

  /** Events and features have bounds of their own, so that samples alone make room. */
  function makeRoom(bytes: number): Expired {
    const kept =
      files.bytes + options.features.bytes + databaseBytes(options.folder, options.maximumBytes);
    let excess = kept + bytes - options.maximumBytes;
    const chosen: ParquetFile[] = [];
    if (excess > 0)
      for (const file of files.list()) {
        if (excess <= 0) break;
        chosen.push(file);
        excess -= file.bytes;
      }
    return dropFiles(chosen, "size");
  }

  return {
    makeRoom,
    run() {
      for (const { file, bytes } of files.forgetLost()) {
        expired.increase({ reason: "lost" }, bytes);
        log.error(`${file} of history is gone from its folder: its samples are lost`);
      }
      journal.flush();
      const limit = clock.now() - options.retentionMilliseconds;
      const old = files.list().filter(({ day }) => Date.parse(day) + dayMilliseconds <= limit);
      const results = [
        dropFiles(old, "age"),
        dropChains(...chooseChains((newest) => newest < limit), "age"),
        makeRoom(0),
      ];
      const excess = files.bytes + journal.index.bytes - options.maximumBytes;
      results.push(dropChains(...chooseChains((_, bytes) => bytes < excess), "size"));
      return results.reduce((sum, { files, chains, bytes }) => ({
        files: sum.files + files,
        chains: sum.chains + chains,
        bytes: sum.bytes + bytes,
      }));
    },
  };
}

/** The journal and the events with all that SQLite keeps beside them; what it freed it uses again and never gives back. */
function databaseBytes(folder: string, maximumBytes: number): number {
  const sizeOf = (suffix: string): number =>
    statSync(join(folder, `${databaseName}${suffix}`), { throwIfNoEntry: false })?.size ?? 0;
  // A transaction may write its log's usual length and as much again before it is moved into the database.
  return sizeOf("") + Math.max(sizeOf("-wal"), 2 * usualLogBytes(maximumBytes)) + sizeOf("-shm");
}
