/** State files as earlier versions of the collector left them, made from the schema that those had. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const first = `
  CREATE TABLE alert (fingerprint TEXT PRIMARY KEY, state TEXT NOT NULL, resolved_at REAL NOT NULL, body TEXT NOT NULL)
    STRICT, WITHOUT ROWID;
  CREATE INDEX alert_by_resolution ON alert (resolved_at) WHERE state = 'resolved';
  CREATE TABLE outbox (sequence INTEGER PRIMARY KEY AUTOINCREMENT, notifier TEXT NOT NULL, fingerprint TEXT NOT NULL,
    action TEXT NOT NULL, body TEXT NOT NULL, committed_at REAL NOT NULL) STRICT;
  CREATE INDEX outbox_by_notifier ON outbox (notifier, sequence);
  CREATE INDEX outbox_by_key ON outbox (notifier, fingerprint, sequence);
  CREATE TABLE dead_letter (sequence INTEGER PRIMARY KEY, notifier TEXT NOT NULL, action TEXT NOT NULL,
    body TEXT NOT NULL, committed_at REAL NOT NULL, reason TEXT NOT NULL, buried_at REAL NOT NULL) STRICT;
  CREATE TABLE keyed (key TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
  PRAGMA application_id = 0x77617270;`;
const second = `
  CREATE TABLE reference (sequence INTEGER PRIMARY KEY AUTOINCREMENT, notifier TEXT NOT NULL, fingerprint TEXT NOT NULL,
    reference TEXT NOT NULL, UNIQUE (notifier, fingerprint)) STRICT;
  CREATE INDEX reference_by_notifier ON reference (notifier, sequence);`;

/** Version 1 knows no references yet, version 2 no incidents. The caller closes it. */
export function makeOlderState(folder: string, version: 1 | 2): DatabaseSync {
  const older = new DatabaseSync(join(folder, "state.db"));
  older.exec(version === 1 ? first : first + second);
  older.exec(`PRAGMA user_version = ${version}`);
  return older;
}
