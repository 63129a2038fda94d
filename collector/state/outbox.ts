/**
 * The outbox: notifications that were decided and not yet accepted, in the order of their commits, one row per notifier.
 *
 * It holds at most `capacity` rows per notifier. When a commit goes over that, what matters least goes first:
 * 1. rows that a later row of the same alert makes void (of a trigger and its resolve, the resolve stays, because the
 *    trigger may have reached the receiver already; a resolve too many is harmless, an incident left open isn't);
 * 2. the oldest resolves (an incident stays open, nothing is missed);
 * 3. the oldest triggers.
 */
import type { Clock } from "../../core/kit/clock.ts";
import type { Alert } from "./alert.ts";
import { decodeAlert, encodeAlert } from "./alert-codec.ts";
import type { Database } from "./database.ts";
import { createReferences } from "./references.ts";

type NotificationAction = "trigger" | "resolve";

export interface Notification {
  /** Rises with every commit; orders the notifications of one alert. */
  readonly sequence: number;
  readonly action: NotificationAction;
  /** The alert as it was when it fired or resolved. */
  readonly alert: Alert;
  readonly committedAtMilliseconds: number;
  /** What the receiver called the notification that opened this alert; empty when it didn't, or nothing is open there. */
  readonly reference: string;
}

/** A notifier as far as the outbox knows it. */
export interface Destination {
  readonly name: string;
  /** Whether this alert concerns it; the answer must not change while the alert lives. */
  readonly accepts: (alert: Alert) => boolean;
}

interface OutboxKey {
  readonly sequence: number;
  readonly fingerprint: string;
}

interface DeadLetter {
  readonly notifier: string;
  readonly notification: Notification;
  readonly reason: string;
  readonly buriedAtMilliseconds: number;
}

type DropReason = "superseded" | "outbox_full" | "notifier_removed";

export interface Outbox {
  /** What waits for a notifier after the given sequence, oldest first. */
  after(notifier: string, sequence: number): OutboxKey[];
  /** Null when the bound dropped it meanwhile. */
  read(sequence: number): Notification | null;
  /**
   * Takes out a row that was accepted; on disk when the promise resolves. Settlements of one turn share a transaction.
   * The reference goes with later notifications of the alert until its resolve leaves the outbox.
   */
  settle(sequence: number, reference?: string): Promise<void>;
  /** Takes out a row that can't ever be delivered and keeps it among the dead letters. */
  bury(sequence: number, reason: string): void;
  /** The newest first. */
  deadLetters(): DeadLetter[];
  deadLetterCount(): number;
  depth(notifier: string): number;
  /** Rows dropped since the start, by reason. */
  readonly dropped: Readonly<Record<DropReason, number>>;
  /** Calls back after each commit that added rows. A listener must not throw: the commit is done. */
  onAdded(listener: () => void): void;
}

/** What the alert store needs beyond what a dispatcher sees. */
export interface EmbeddedOutbox extends Outbox {
  /** Within the caller's transaction: one row per alert and notifier that it concerns. */
  add(alerts: readonly Alert[]): void;
  /** After the commit. */
  announce(): void;
}

const keepDeadLetters = 1000;

export interface OutboxOptions {
  readonly destinations: readonly Destination[];
  readonly clock: Clock;
  /** Rows per notifier. */
  readonly capacity: number;
}

export function createOutbox(database: Database, options: OutboxOptions): EmbeddedOutbox {
  const { sqlite } = database;
  const dropped = { superseded: 0, outbox_full: 0, notifier_removed: 0 };
  const listeners: (() => void)[] = [];
  const insert = sqlite.prepare(
    "INSERT INTO outbox (notifier, fingerprint, action, body, committed_at) VALUES (?, ?, ?, ?, ?)",
  );
  const remove = sqlite.prepare(
    "DELETE FROM outbox WHERE sequence = ? RETURNING notifier, fingerprint, action",
  );
  const select = sqlite.prepare(
    "SELECT notifier, fingerprint, action, body, committed_at FROM outbox WHERE sequence = ?",
  );
  const references = createReferences(database);
  const selectAfter = sqlite.prepare(
    "SELECT sequence, fingerprint FROM outbox WHERE notifier = ? AND sequence > ? ORDER BY sequence",
  );
  const count = sqlite.prepare("SELECT count(*) AS depth FROM outbox WHERE notifier = ?");
  const countDead = sqlite.prepare("SELECT count(*) AS count FROM dead_letter");
  /** Of the transaction under way; it counts once that is committed. */
  let shedNow: Shed = { superseded: 0, outbox_full: 0 };
  const shed = createShed(database);
  const settleLater = createGroup<{ sequence: number; reference: string }>(database, (settled) => {
    for (const { sequence, reference } of settled) leave(sequence, reference);
  });
  /** Within a transaction: the row goes, and with a resolve what its alert was called. */
  function leave(sequence: number, reference: string): void {
    const row = remove.get(sequence);
    if (row === undefined) return;
    const key = keyOf(row);
    if (row["action"] === "resolve") references.forget(key);
    else if (reference !== "") references.keep(key, reference);
  }
  const depth = (notifier: string): number => Number(count.get(notifier)?.["depth"]);
  dropped.notifier_removed = removeStrangers(database, options.destinations);

  return {
    dropped,
    depth,
    onAdded: (listener) => void listeners.push(listener),
    announce() {
      dropped.superseded += shedNow.superseded;
      dropped.outbox_full += shedNow.outbox_full;
      for (const listener of listeners) listener();
    },
    add(alerts) {
      shedNow = { superseded: 0, outbox_full: 0 };
      const now = options.clock.now();
      for (const { name, accepts } of options.destinations) {
        for (const alert of alerts)
          if (accepts(alert))
            insert.run(name, alert.fingerprint, actionOf(alert), encodeAlert(alert), now);
        const excess = depth(name) - options.capacity;
        if (excess > 0) shed(name, excess, shedNow);
      }
    },
    after: (notifier, sequence) =>
      selectAfter.all(notifier, sequence).map((row) => ({
        sequence: Number(row["sequence"]),
        fingerprint: String(row["fingerprint"]),
      })),
    read(sequence) {
      const row = select.get(sequence);
      return row === undefined ? null : notificationOf(sequence, row, references.find(keyOf(row)));
    },
    settle: (sequence, reference = "") => settleLater({ sequence, reference }),
    bury: (sequence, reason) =>
      database.transaction(() => {
        copyToDeadLetters(database, sequence, reason, options.clock.now());
        leave(sequence, "");
      }),
    deadLetters: () => deadLetters(database),
    deadLetterCount: () => Number(countDead.get()?.["count"]),
  };
}

type Row = Record<string, unknown>;

function actionOf(alert: Alert): NotificationAction {
  return alert.state === "resolved" ? "resolve" : "trigger";
}

function keyOf(row: Row): { notifier: string; fingerprint: string } {
  return { notifier: String(row["notifier"]), fingerprint: String(row["fingerprint"]) };
}

function notificationOf(sequence: number, row: Row, reference = ""): Notification {
  return {
    sequence,
    action: row["action"] === "resolve" ? "resolve" : "trigger",
    alert: decodeAlert(String(row["body"])),
    committedAtMilliseconds: Number(row["committed_at"]),
    reference,
  };
}

type Shed = Record<"superseded" | "outbox_full", number>;

/** Drops `excess` rows of a notifier, in the order that the head of this file gives, and adds up what it dropped. */
function createShed({
  sqlite,
}: Database): (notifier: string, excess: number, dropped: Shed) => void {
  const superseded = sqlite.prepare(
    `DELETE FROM outbox WHERE sequence IN (
       SELECT sequence FROM outbox AS older WHERE notifier = ? AND EXISTS (
         SELECT 1 FROM outbox AS newer WHERE newer.notifier = older.notifier
         AND newer.fingerprint = older.fingerprint AND newer.sequence > older.sequence)
       ORDER BY sequence LIMIT ?)`,
  );
  const oldest = sqlite.prepare(
    `DELETE FROM outbox WHERE sequence IN (
       SELECT sequence FROM outbox WHERE notifier = ? ORDER BY action = 'trigger', sequence LIMIT ?)`,
  );
  return (notifier, excess, dropped) => {
    const madeVoid = Number(superseded.run(notifier, excess).changes);
    dropped.superseded += madeVoid;
    if (madeVoid < excess)
      dropped.outbox_full += Number(oldest.run(notifier, excess - madeVoid).changes);
  };
}

/** Gathers the items of one turn of the event loop into one transaction. */
function createGroup<Item>(
  database: Database,
  write: (items: readonly Item[]) => void,
): (item: Item) => Promise<void> {
  let items: Item[] = [];
  let written: Promise<void> | null = null;
  return (item) => {
    items.push(item);
    written ??= new Promise((resolve, reject) => {
      setImmediate(() => {
        const group = items;
        items = [];
        written = null;
        try {
          database.transaction(() => write(group));
          resolve();
        } catch (thrown) {
          reject(thrown);
        }
      });
    });
    return written;
  };
}

/** Within the caller's transaction. */
function copyToDeadLetters(
  { sqlite }: Database,
  sequence: number,
  reason: string,
  now: number,
): void {
  sqlite
    .prepare(
      `INSERT OR IGNORE INTO dead_letter
       SELECT sequence, notifier, action, body, committed_at, ?, ? FROM outbox WHERE sequence = ?`,
    )
    .run(reason, now, sequence);
  sqlite
    .prepare(
      `DELETE FROM dead_letter WHERE sequence NOT IN (
         SELECT sequence FROM dead_letter ORDER BY buried_at DESC, sequence DESC LIMIT ?)`,
    )
    .run(keepDeadLetters);
}

function deadLetters({ sqlite }: Database): DeadLetter[] {
  return sqlite
    .prepare("SELECT * FROM dead_letter ORDER BY buried_at DESC, sequence DESC")
    .all()
    .map((row) => ({
      notifier: String(row["notifier"]),
      notification: notificationOf(Number(row["sequence"]), row),
      reason: String(row["reason"]),
      buriedAtMilliseconds: Number(row["buried_at"]),
    }));
}

/** Rows of notifiers that the configuration no longer names would wait for ever. */
function removeStrangers(database: Database, known: readonly Destination[]): number {
  const names = JSON.stringify(known.map((destination) => destination.name));
  const removeFrom = (table: "outbox" | "reference"): number =>
    Number(
      database.sqlite
        .prepare(`DELETE FROM ${table} WHERE notifier NOT IN (SELECT value FROM json_each(?))`)
        .run(names).changes,
    );
  return database.transaction(() => {
    removeFrom("reference");
    return removeFrom("outbox");
  });
}
