/** The state file: one SQLite database per state folder, held by one process at a time (SQLite: WAL, locking_mode, synchronous). */
import { chmodSync, closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { makeFolder } from "../../core/kit/durable.ts";
import { describeError, singleLine, systemCode, WarpwatchError } from "../../core/kit/errors.ts";
import { createEndurance, type Endurance } from "./endurance.ts";
import { createReserve } from "./reserve.ts";

export interface Database {
  readonly sqlite: DatabaseSync;
  /** Runs the work in one transaction: on disk when it returns, undone when it throws. Within another's work it is part of that. */
  transaction<Result>(work: () => Result): Result;
  /** A row was damaged on disk and is left out. */
  noteDamage(sentence: string): void;
  /** What was noted since the last call. */
  takeDamage(): readonly string[];
  /** What becomes of it when its disk is full. */
  readonly endurance: Pick<Endurance, "phase" | "unsaved" | "recover">;
  close(): void;
}

export interface DatabaseOptions {
  readonly reserveBytes?: number;
}

/** Each entry takes the schema from version `index` to `index + 1`. Never edit one that was released: append. */
const migrations: readonly string[] = [
  `CREATE TABLE alert (
     fingerprint TEXT PRIMARY KEY,
     state TEXT NOT NULL,
     resolved_at REAL NOT NULL,
     body TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX alert_by_resolution ON alert (resolved_at) WHERE state = 'resolved';
   CREATE TABLE outbox (
     sequence INTEGER PRIMARY KEY AUTOINCREMENT,
     notifier TEXT NOT NULL,
     fingerprint TEXT NOT NULL,
     action TEXT NOT NULL,
     body TEXT NOT NULL,
     committed_at REAL NOT NULL
   ) STRICT;
   CREATE INDEX outbox_by_notifier ON outbox (notifier, sequence);
   CREATE INDEX outbox_by_key ON outbox (notifier, fingerprint, sequence);
   CREATE TABLE dead_letter (
     sequence INTEGER PRIMARY KEY,
     notifier TEXT NOT NULL,
     action TEXT NOT NULL,
     body TEXT NOT NULL,
     committed_at REAL NOT NULL,
     reason TEXT NOT NULL,
     buried_at REAL NOT NULL
   ) STRICT;
   CREATE TABLE keyed (
     key TEXT PRIMARY KEY,
     body TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;`,
  `CREATE TABLE reference (
     sequence INTEGER PRIMARY KEY AUTOINCREMENT,
     notifier TEXT NOT NULL,
     fingerprint TEXT NOT NULL,
     reference TEXT NOT NULL,
     UNIQUE (notifier, fingerprint)
   ) STRICT;
   CREATE INDEX reference_by_notifier ON reference (notifier, sequence);`,
  `CREATE TABLE audit (
     sequence INTEGER PRIMARY KEY,
     time REAL NOT NULL,
     kind TEXT NOT NULL,
     actor TEXT NOT NULL,
     subject TEXT NOT NULL,
     details TEXT NOT NULL,
     hash BLOB NOT NULL
   ) STRICT;
   CREATE INDEX audit_by_kind ON audit (kind, sequence);
   CREATE TABLE audit_ends (
     id INTEGER PRIMARY KEY CHECK (id = 1),
     anchor INTEGER NOT NULL,
     anchor_hash BLOB NOT NULL,
     head INTEGER NOT NULL,
     head_hash BLOB NOT NULL
   ) STRICT;
   INSERT INTO audit_ends VALUES (1, 0, zeroblob(32), 0, zeroblob(32));
   CREATE TABLE silence (
     id TEXT PRIMARY KEY,
     ends_at REAL NOT NULL,
     body TEXT NOT NULL
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX silence_by_end ON silence (ends_at);`,
  `ALTER TABLE outbox RENAME COLUMN fingerprint TO key;
   ALTER TABLE reference RENAME COLUMN fingerprint TO key;
   CREATE TABLE incident (
     notifier TEXT NOT NULL,
     key TEXT NOT NULL,
     kind TEXT NOT NULL,
     state TEXT NOT NULL,
     due REAL,
     opened_at REAL NOT NULL,
     body TEXT NOT NULL,
     PRIMARY KEY (notifier, key)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX incident_by_due ON incident (due) WHERE due IS NOT NULL;
   CREATE INDEX incident_by_opening ON incident (notifier, kind, opened_at);
   CREATE INDEX incident_by_age ON incident (opened_at);
   CREATE INDEX incident_by_key ON incident (key);
   CREATE TABLE member (
     notifier TEXT NOT NULL,
     fingerprint TEXT NOT NULL,
     key TEXT NOT NULL,
     rank INTEGER NOT NULL,
     fired_at REAL NOT NULL,
     over INTEGER NOT NULL,
     PRIMARY KEY (notifier, fingerprint)
   ) STRICT, WITHOUT ROWID;
   CREATE INDEX member_by_incident ON member (notifier, key, over, rank, fired_at);
   CREATE INDEX member_by_alert ON member (fingerprint);
   CREATE TABLE held (fingerprint TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
   CREATE TABLE told_before (fingerprint TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
   INSERT INTO told_before SELECT fingerprint FROM alert WHERE state = 'firing';`,
];

/** "warp" in ASCII: tells our file from any other SQLite database. */
const applicationId = 0x77_61_72_70;
const sqliteBusy = 5;
/** How long a collector that restarts waits for the one before it to let go of the file. */
const lockWaitMilliseconds = 2000;
const maximumDamage = 1000;

/** Opens or creates `state.db` in the folder. Throws STATE_UNUSABLE when it is damaged, foreign, newer or in use. */
export function openDatabase(folder: string, options: DatabaseOptions = {}): Database {
  const file = join(folder, "state.db");
  prepareFolder(folder, file);
  let sqlite: DatabaseSync | undefined;
  try {
    sqlite = new DatabaseSync(file, { timeout: lockWaitMilliseconds });
    // Exclusive: the lock is taken with the first access and the kernel drops it with the process, however that ends.
    sqlite.exec("PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL");
    sqlite.exec("PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; BEGIN IMMEDIATE; COMMIT");
    checkIntegrity(sqlite, file);
    migrate(sqlite, file);
  } catch (cause) {
    sqlite?.close();
    throw cause instanceof WarpwatchError ? cause : unusable(file, cause);
  }
  const open = sqlite;
  const damage: string[] = [];
  const endurance = createEndurance(open, createReserve(folder, options.reserveBytes));
  return {
    sqlite: open,
    endurance,
    noteDamage(sentence) {
      if (damage.length < maximumDamage) damage.push(sentence);
    },
    takeDamage: () => damage.splice(0),
    transaction(work) {
      if (open.isTransaction) return work();
      try {
        return endurance.run(() => runTransaction(open, work));
      } catch (cause) {
        throw cause instanceof WarpwatchError ? cause : unusable(file, cause);
      }
    },
    close() {
      endurance.recover();
      open.close();
    },
  };
}

function runTransaction<Result>(sqlite: DatabaseSync, work: () => Result): Result {
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
}

function prepareFolder(folder: string, file: string): void {
  try {
    makeFolder(folder, 0o700);
    // SQLite gives its journal the mode of the database, so the mode is set before it opens the file.
    closeSync(openSync(file, "a", 0o600));
    chmodSync(file, 0o600);
  } catch (cause) {
    const reason = systemCode(cause) || describeError(cause);
    throw new WarpwatchError("STATE_UNUSABLE", `${file} can't be created or opened: ${reason}`, {
      cause,
    });
  }
}

function checkIntegrity(sqlite: DatabaseSync, file: string): void {
  const owner = pragma(sqlite, "application_id");
  if (owner !== applicationId && owner !== 0)
    throw new WarpwatchError("STATE_UNUSABLE", `${file} belongs to another program`);
  const verdict = sqlite.prepare("PRAGMA integrity_check(1)").get()?.["integrity_check"];
  if (verdict !== "ok")
    throw new WarpwatchError(
      "STATE_UNUSABLE",
      `${file} is damaged: ${singleLine(String(verdict))}`,
    );
}

function migrate(sqlite: DatabaseSync, file: string): void {
  const version = pragma(sqlite, "user_version");
  if (version > migrations.length)
    throw new WarpwatchError(
      "STATE_UNUSABLE",
      `${file} was written by a newer version (schema ${version}, this one knows ${migrations.length})`,
    );
  runTransaction(sqlite, () => {
    for (const step of migrations.slice(version)) sqlite.exec(step);
    sqlite.exec(`PRAGMA application_id = ${applicationId}`);
    sqlite.exec(`PRAGMA user_version = ${migrations.length}`);
  });
}

function pragma(sqlite: DatabaseSync, name: "application_id" | "user_version"): number {
  return Number(sqlite.prepare(`PRAGMA ${name}`).get()?.[name]);
}

function unusable(file: string, cause: unknown): WarpwatchError {
  const code =
    typeof cause === "object" && cause !== null && "errcode" in cause ? Number(cause.errcode) : 0;
  const sentence =
    (code & 0xff) === sqliteBusy
      ? `${file} is in use by another collector: give each its own state folder`
      : `${file} can't be used: ${describeError(cause)}`;
  return new WarpwatchError("STATE_UNUSABLE", sentence, { cause });
}
