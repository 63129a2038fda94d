/** Which days have features, and whether they still are what the day's samples and events say. */
import type { DatabaseSync } from "node:sqlite";

/**
 * `stale`: something came in after they were made, so they are made anew. `final`: samples of the day are gone, and what
 * was made of all of them is not replaced by what the rest would give.
 */
export type FeatureState = "current" | "stale" | "final";

export interface FeatureDay {
  readonly day: string;
  /** Within history's folder. */
  readonly file: string;
  readonly rows: number;
  readonly bytes: number;
  readonly state: FeatureState;
  /** CRC-32 of the file; null where it was written before there was one. */
  readonly checksum: number | null;
}

export interface FeatureDays {
  list(): FeatureDay[];
  /** From now until `put` what comes in for this day makes it stale at once: it isn't in what is being made. */
  begin(day: string): void;
  /** The following within the caller's transaction. */
  put(day: Omit<FeatureDay, "state">): void;
  remove(day: string): void;
  /** Samples or an event of this day came in. */
  noteLate(day: string): void;
  /** Samples of this day are no longer there. */
  noteGone(day: string): void;
}

export function createFeatureDays(sqlite: DatabaseSync): FeatureDays {
  const put = sqlite.prepare(
    "INSERT OR REPLACE INTO feature_day (day, file, rows, bytes, state, checksum) VALUES (?, ?, ?, ?, ?, ?)",
  );
  const remove = sqlite.prepare("DELETE FROM feature_day WHERE day = ?");
  const late = sqlite.prepare(
    "UPDATE feature_day SET state = 'stale' WHERE day = ? AND state = 'current'",
  );
  const gone = sqlite.prepare("UPDATE feature_day SET state = 'final' WHERE day = ?");
  let making = "";
  let state: FeatureState = "current";

  function note(day: string, found: FeatureState): void {
    if (day === making && state !== "final") state = found;
    (found === "stale" ? late : gone).run(day);
  }

  return {
    list: () => listFeatureDays(sqlite),
    begin(day) {
      making = day;
      state = "current";
    },
    put({ day, file, rows, bytes, checksum }) {
      put.run(day, file, rows, bytes, day === making ? state : "current", checksum);
      making = "";
    },
    remove: (day) => void remove.run(day),
    noteLate: (day) => note(day, "stale"),
    noteGone: (day) => note(day, "final"),
  };
}

/** Oldest first. */
export function listFeatureDays(sqlite: DatabaseSync): FeatureDay[] {
  return sqlite
    .prepare("SELECT day, file, rows, bytes, state, checksum FROM feature_day ORDER BY day")
    .all()
    .map((row) => ({
      day: String(row["day"]),
      file: String(row["file"]),
      rows: Number(row["rows"]),
      bytes: Number(row["bytes"]),
      state: String(row["state"]) as FeatureState,
      checksum: row["checksum"] === null ? null : Number(row["checksum"]),
    }));
}

/** `2026-01-31`, in UTC. */
export function dayOf(unixMilliseconds: number): string {
  return new Date(unixMilliseconds).toISOString().slice(0, 10);
}
