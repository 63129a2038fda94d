/** Retention: what is older than the days that are kept goes, then whole days, oldest first, until history fits its bytes. */
import type { DatabaseSync } from "node:sqlite";
import { history } from "../../core/catalog/index.ts";
import type { Clock } from "../../core/kit/clock.ts";
import type { Log } from "../../core/kit/log.ts";
import type { SelfMetrics } from "../../core/kit/self-metrics.ts";
import { transact } from "./database.ts";
import type { ParquetFile, ParquetFiles } from "./files.ts";
import type { Journal } from "./journal.ts";

export interface RetentionOptions {
  readonly sqlite: DatabaseSync;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: SelfMetrics;
  readonly journal: Journal;
  readonly files: ParquetFiles;
  readonly retentionMilliseconds: number;
  readonly maximumBytes: number;
}

export interface Expired {
  readonly files: number;
  readonly chains: number;
  readonly bytes: number;
}

const reasons = ["age", "size", "lost"] as const;
type Reason = (typeof reasons)[number];

const dayMilliseconds = 86_400_000;

/** Returns a function that applies retention once. Throws STATE_UNUSABLE. */
export function createRetention(options: RetentionOptions): () => Expired {
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

  function daysOverSize(): ParquetFile[] {
    const chosen: ParquetFile[] = [];
    let excess = files.bytes + journal.index.bytes - options.maximumBytes;
    let day = "";
    for (const file of files.list()) {
      if (excess <= 0 && file.day !== day) break;
      ({ day } = file);
      chosen.push(file);
      excess -= file.bytes;
    }
    return chosen;
  }

  return () => {
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
      dropFiles(daysOverSize(), "size"),
    ];
    const excess = files.bytes + journal.index.bytes - options.maximumBytes;
    results.push(dropChains(...chooseChains((_, bytes) => bytes < excess), "size"));
    return results.reduce((sum, { files, chains, bytes }) => ({
      files: sum.files + files,
      chains: sum.chains + chains,
      bytes: sum.bytes + bytes,
    }));
  };
}
