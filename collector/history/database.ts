/** The journal's file: one SQLite database (WAL, `synchronous=FULL`) with frames in chains and the list of Parquet files. */
import { chmodSync, closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { makeFolder } from "../../core/kit/durable.ts";
import { describeError, systemCode, WarpwatchError } from "../../core/kit/errors.ts";

export const databaseName = "journal.db";
/** What an event takes beside its text: its columns, and its places in five indexes. */
export const eventRowBytes = 400;

/**
 * A chain is a run of frames of one origin that can be decoded from its first frame on: that one is whole, the others are
 * differences. A frame without a chain has been compacted or dropped and only waits for its space to be freed.
 * What a start and a reader need to find frames is in `contents` and `listing`: chain-contents.ts.
 */
const migrations: readonly string[] = [
  `CREATE TABLE schema (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     body BLOB NOT NULL
   ) STRICT;
   CREATE TABLE chain (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     schema INTEGER NOT NULL REFERENCES schema (id),
     job TEXT NOT NULL,
     instance TEXT NOT NULL,
     boot TEXT NOT NULL,
     hour INTEGER NOT NULL,
     series INTEGER NOT NULL,
     repeated TEXT NOT NULL
   ) STRICT;
   CREATE TABLE frame (
     id INTEGER PRIMARY KEY,
     chain INTEGER NOT NULL,
     sequence INTEGER NOT NULL,
     oldest REAL NOT NULL,
     newest REAL NOT NULL,
     bytes INTEGER NOT NULL,
     closing INTEGER NOT NULL,
     body BLOB NOT NULL
   ) STRICT;
   CREATE INDEX frame_by_chain ON frame (chain, sequence, oldest, newest, bytes);
   CREATE TABLE parquet (
     file TEXT PRIMARY KEY,
     day TEXT NOT NULL,
     first_time REAL NOT NULL,
     last_time REAL NOT NULL,
     rows INTEGER NOT NULL,
     bytes INTEGER NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX parquet_by_day ON parquet (day);`,
  // What left the journal, as ranges of sequences; and every event.
  `CREATE TABLE received (
     origin TEXT NOT NULL,
     boot TEXT NOT NULL,
     ranges TEXT NOT NULL,
     noted REAL NOT NULL,
     UNIQUE (origin, boot)
   ) STRICT;
   CREATE TABLE event (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     node TEXT NOT NULL,
     boot TEXT NOT NULL,
     sequence INTEGER NOT NULL,
     time REAL NOT NULL,
     body TEXT NOT NULL,
     UNIQUE (node, boot, sequence)
   ) STRICT;`,
  // Milliseconds between the rows of a series; 0 where every sample is in it.
  "ALTER TABLE parquet ADD COLUMN resolution INTEGER NOT NULL DEFAULT 0;",
  // Events by what they are asked for, with their size; and the days whose features were made.
  `ALTER TABLE event ADD COLUMN kind TEXT NOT NULL DEFAULT '';
   ALTER TABLE event ADD COLUMN device TEXT NOT NULL DEFAULT '';
   UPDATE event SET kind = json_extract(body, '$.kind'), device = json_extract(body, '$.device');
   CREATE INDEX event_by_time ON event (time);
   CREATE INDEX event_by_node ON event (node, time);
   CREATE INDEX event_by_device ON event (device, time) WHERE device <> '';
   CREATE INDEX event_by_kind ON event (kind, time);
   CREATE TABLE event_size (bytes INTEGER NOT NULL) STRICT;
   INSERT INTO event_size SELECT coalesce(sum(octet_length(body) + ${eventRowBytes}), 0) FROM event;
   CREATE TABLE feature_day (
     day TEXT PRIMARY KEY,
     file TEXT NOT NULL,
     rows INTEGER NOT NULL,
     bytes INTEGER NOT NULL,
     state TEXT NOT NULL CHECK (state IN ('current', 'stale', 'final'))
   ) STRICT, WITHOUT ROWID;`,
  // What was written before has none, and isn't held against any.
  `ALTER TABLE chain ADD COLUMN checksum INTEGER;
   ALTER TABLE frame ADD COLUMN checksum INTEGER;
   ALTER TABLE parquet ADD COLUMN checksum INTEGER;
   ALTER TABLE event ADD COLUMN checksum INTEGER;
   ALTER TABLE received ADD COLUMN checksum INTEGER;`,
  // Where a chain's frames are: an index by chain would be written in as many places as a commit has frames.
  `DROP INDEX frame_by_chain;
   CREATE TABLE contents (chain INTEGER PRIMARY KEY, body BLOB NOT NULL, checksum INTEGER NOT NULL) STRICT;
   CREATE TABLE listing (first INTEGER PRIMARY KEY, body BLOB NOT NULL, checksum INTEGER NOT NULL) STRICT;`,
  "ALTER TABLE feature_day ADD COLUMN checksum INTEGER;",
];

/** "wwhi" in ASCII: tells our file from any other SQLite database. */
const applicationId = 0x77_77_68_69;
const lockWaitMilliseconds = 2000;
/** Of a new database: three frames of a node to a page, where 4096 bytes hold one and waste a third. */
const pageBytes = 8192;
/** After so much SQLite moves its write-ahead log into the database: the most unless everything has to be small. */
const leastLogBytes = 2 ** 18;
const mostLogBytes = 2 ** 22;
/** What the log is cut back to after a reader has held it, in lengths that it usually has. */
const logLengths = 16;

/** What the write-ahead log may take at any time, where so much may be kept in all. */
export function usualLogBytes(maximumBytes: number): number {
  return Math.max(leastLogBytes, Math.min(mostLogBytes, Math.floor(maximumBytes / 64)));
}

/** Opens or creates the journal in the folder. Throws STATE_UNUSABLE. */
export function openJournalDatabase(folder: string, maximumBytes: number): DatabaseSync {
  const file = join(folder, databaseName);
  let sqlite: DatabaseSync | undefined;
  try {
    makeFolder(folder, 0o700);
    // SQLite gives its write-ahead log the mode of the database, so the mode is set before it opens the file.
    closeSync(openSync(file, "a", 0o600));
    chmodSync(file, 0o600);
    sqlite = new DatabaseSync(file, { timeout: lockWaitMilliseconds });
    sqlite.exec(`PRAGMA page_size = ${pageBytes}`);
    sqlite.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    const usual = usualLogBytes(maximumBytes);
    // A database that was made before keeps the pages that it has.
    const pages = Math.floor(usual / pragma(sqlite, "page_size"));
    sqlite.exec(`PRAGMA wal_autocheckpoint = ${pages}`);
    sqlite.exec(`PRAGMA journal_size_limit = ${usual * logLengths}`);
    const owner = pragma(sqlite, "application_id");
    if (owner !== applicationId && owner !== 0)
      throw new WarpwatchError("STATE_UNUSABLE", `${file} belongs to another program`);
    migrate(sqlite, file);
    return sqlite;
  } catch (cause) {
    sqlite?.close();
    throw cause instanceof WarpwatchError ? cause : unusable(file, cause);
  }
}

/** A view of the journal as it is now, which what happens afterwards doesn't change. Close it soon: it holds back the log. */
export function openSnapshot(folder: string): DatabaseSync {
  const file = join(folder, databaseName);
  try {
    const sqlite = new DatabaseSync(file, { readOnly: true, timeout: lockWaitMilliseconds });
    // The first read, not BEGIN, is what fixes the view.
    sqlite.exec("BEGIN; SELECT id FROM chain LIMIT 1");
    return sqlite;
  } catch (cause) {
    throw unusable(file, cause);
  }
}

/** Runs the work in one transaction: on disk when it returns, undone when it throws. Throws STATE_UNUSABLE. */
export function transact<Result>(sqlite: DatabaseSync, work: () => Result): Result {
  try {
    sqlite.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      sqlite.exec("COMMIT");
      return result;
    } catch (thrown) {
      // A full disk makes SQLite roll back by itself.
      if (sqlite.isTransaction) sqlite.exec("ROLLBACK");
      throw thrown;
    }
  } catch (cause) {
    throw cause instanceof WarpwatchError ? cause : unusable("the journal", cause);
  }
}

/** Whether the write failed because there is no space left. */
export function isDiskFull(thrown: unknown): boolean {
  const cause = thrown instanceof WarpwatchError ? thrown.cause : thrown;
  if (systemCode(cause) === "ENOSPC") return true;
  const sqliteFull = 13;
  return (
    typeof cause === "object" &&
    cause !== null &&
    "errcode" in cause &&
    (Number(cause.errcode) & 0xff) === sqliteFull
  );
}

function migrate(sqlite: DatabaseSync, file: string): void {
  const version = pragma(sqlite, "user_version");
  if (version > migrations.length)
    throw new WarpwatchError(
      "STATE_UNUSABLE",
      `${file} was written by a newer version (schema ${version}, this one knows ${migrations.length})`,
    );
  if (version === migrations.length) return;
  transact(sqlite, () => {
    for (const step of migrations.slice(version)) sqlite.exec(step);
    sqlite.exec(`PRAGMA application_id = ${applicationId}`);
    sqlite.exec(`PRAGMA user_version = ${migrations.length}`);
  });
}

function pragma(
  sqlite: DatabaseSync,
  name: "application_id" | "page_size" | "user_version",
): number {
  return Number(sqlite.prepare(`PRAGMA ${name}`).get()?.[name]);
}

function unusable(file: string, cause: unknown): WarpwatchError {
  return new WarpwatchError("STATE_UNUSABLE", `${file} can't be used: ${describeError(cause)}`, {
    cause,
  });
}
