/**
 * The outbox: notifications that were decided and not yet accepted, in the order of their commits, one row per notifier.
 *
 * Of an incident's updates only the newest waits: each tells all that the ones before it told.
 *
 * It holds at most `capacity` rows per notifier. When a commit goes over that, what matters least goes first:
 * 1. rows that a later row of the same incident makes void (of a trigger and its resolve, the resolve stays, because the
 *    trigger may have reached the receiver already; a resolve too many is harmless, an incident left open isn't);
 * 2. the oldest updates and acknowledgements;
 * 3. the oldest resolves (an incident stays open, nothing is missed);
 * 4. the oldest triggers and digests.
 */
import type { Clock } from "../../core/kit/clock.ts";
import { WarpwatchError } from "../../core/kit/errors.ts";
import type { AuditLog } from "./audit.ts";
import type { Database } from "./database.ts";
import { decodeTelling, encodeTelling, type Notification, type Telling } from "./notification.ts";
import { createReferences } from "./references.ts";

interface OutboxKey {
  readonly sequence: number;
  /** The incident's. */
  readonly key: string;
}

interface DeadLetter {
  readonly notifier: string;
  /** Null: it was damaged on disk. */
  readonly notification: Notification | null;
  readonly reason: string;
  readonly buriedAtMilliseconds: number;
}

type DropReason = "superseded" | "outbox_full" | "notifier_removed";

export interface Outbox {
  /** What waits for a notifier after the given sequence, oldest first. */
  after(notifier: string, sequence: number): OutboxKey[];
  /** Null when the bound dropped it meanwhile, or it was damaged on disk: then it is with the dead letters now. */
  read(sequence: number): Notification | null;
  /**
   * Takes out a row that was accepted; on disk when the promise resolves. Settlements that come together share a transaction.
   * The reference goes with later notifications of the incident until its resolve leaves the outbox.
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

/** What one notifier is told. */
export interface Addressed {
  readonly notifier: string;
  readonly telling: Telling;
}

/** What the planner and the alert store need beyond what a dispatcher sees. */
export interface EmbeddedOutbox extends Outbox {
  /** Within the caller's transaction, once for each. */
  add(tellings: readonly Addressed[]): void;
  /** After the commit. */
  announce(): void;
}

const keepDeadLetters = 1000;

export interface OutboxOptions {
  readonly notifiers: readonly string[];
  readonly clock: Clock;
  readonly audit: AuditLog;
  /** Rows per notifier. */
  readonly capacity: number;
}

export function createOutbox(database: Database, options: OutboxOptions): EmbeddedOutbox {
  const { sqlite } = database;
  const dropped = { superseded: 0, outbox_full: 0, notifier_removed: 0 };
  const listeners: (() => void)[] = [];
  const insert = sqlite.prepare(
    "INSERT INTO outbox (notifier, key, action, body, committed_at) VALUES (?, ?, ?, ?, ?)",
  );
  const remove = sqlite.prepare(
    "DELETE FROM outbox WHERE sequence = ? RETURNING notifier, key, action",
  );
  const select = sqlite.prepare(
    "SELECT notifier, key, action, body, committed_at FROM outbox WHERE sequence = ?",
  );
  const references = createReferences(database);
  const selectAfter = sqlite.prepare(
    "SELECT sequence, key FROM outbox WHERE notifier = ? AND sequence > ? ORDER BY sequence",
  );
  const count = sqlite.prepare("SELECT count(*) AS depth FROM outbox WHERE notifier = ?");
  const countDead = sqlite.prepare("SELECT count(*) AS count FROM dead_letter");
  /** Of the transaction under way; it counts once that is committed. */
  let shedNow: Shed = { superseded: 0, outbox_full: 0 };
  const shed = createShed(database);
  const settleLater = createGroup<Settled>(database, options.clock, (settled) => {
    for (const { sequence, reference } of settled) leave(sequence, "accepted", reference);
  });
  const supersede = sqlite.prepare(
    "DELETE FROM outbox WHERE notifier = ? AND key = ? AND action = 'update'",
  );
  /** Within a transaction: the row goes, and with a resolve what its incident was called. */
  function leave(sequence: number, outcome: string, reference: string): void {
    const row = remove.get(sequence);
    if (row === undefined) return;
    const key = keyOf(row);
    const action = String(row["action"]);
    if (action === "resolve") references.forget(key);
    else if (reference !== "") references.keep(key, reference);
    const details = { notifier: key.notifier, action, outcome, sequence };
    options.audit.record({
      kind: "notification",
      actor: "collector",
      subject: key.key,
      details,
    });
  }
  function bury(sequence: number, reason: string): void {
    database.transaction(() => {
      copyToDeadLetters(database, sequence, reason, options.clock.now());
      leave(sequence, `buried: ${reason}`, "");
    });
  }
  /** What was to be told can't be known, and another attempt would read the same. */
  function buryDamaged(sequence: number, row: Row): void {
    const { notifier, key } = keyOf(row);
    bury(sequence, "it was damaged on disk");
    database.noteDamage(
      `the ${String(row["action"])} of incident ${key} for ${notifier} was damaged on disk and is with the dead letters: look the incident up and tell whom it concerns`,
    );
  }
  const depth = (notifier: string): number => Number(count.get(notifier)?.["depth"]);
  dropped.notifier_removed = removeStrangers(database, options.notifiers);

  return {
    dropped,
    depth,
    onAdded: (listener) => void listeners.push(listener),
    announce() {
      dropped.superseded += shedNow.superseded;
      dropped.outbox_full += shedNow.outbox_full;
      for (const listener of listeners) listener();
    },
    add(tellings) {
      shedNow = { superseded: 0, outbox_full: 0 };
      const now = options.clock.now();
      for (const { notifier, telling } of tellings) {
        const { action, key } = telling;
        if (action !== "acknowledge") supersede.run(notifier, key);
        insert.run(notifier, key, action, encodeTelling(telling, now), now);
      }
      for (const notifier of new Set(tellings.map((one) => one.notifier))) {
        const excess = depth(notifier) - options.capacity;
        if (excess > 0) shed(notifier, excess, shedNow);
      }
    },
    after: (notifier, sequence) =>
      selectAfter.all(notifier, sequence).map((row) => ({
        sequence: Number(row["sequence"]),
        key: String(row["key"]),
      })),
    read(sequence) {
      const row = select.get(sequence);
      if (row === undefined) return null;
      try {
        return notificationOf(sequence, row, references.find(keyOf(row)));
      } catch {
        buryDamaged(sequence, row);
        return null;
      }
    },
    settle: (sequence, reference = "") => settleLater({ sequence, reference }),
    bury,
    deadLetters: () => deadLetters(database),
    deadLetterCount: () => Number(countDead.get()?.["count"]),
  };
}

interface Settled {
  readonly sequence: number;
  readonly reference: string;
}

type Row = Record<string, unknown>;

function keyOf(row: Row): { notifier: string; key: string } {
  return { notifier: String(row["notifier"]), key: String(row["key"]) };
}

/** Throws STATE_UNUSABLE when it isn't what was put in. */
function notificationOf(sequence: number, row: Row, reference = ""): Notification {
  const { telling, committedAtMilliseconds } = decodeTelling(String(row["body"]));
  const committedAt = Number(row["committed_at"]);
  // A dead letter has no key of its own.
  const key = row["key"] ?? telling.key;
  const isOfRow =
    telling.key === key &&
    telling.action === row["action"] &&
    (committedAtMilliseconds ?? committedAt) === committedAt;
  if (!isOfRow)
    throw new WarpwatchError("STATE_UNUSABLE", "a stored notification belongs to another row");
  return {
    ...telling,
    sequence,
    committedAtMilliseconds: committedAt,
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
         AND newer.key = older.key AND newer.sequence > older.sequence AND newer.action <> 'acknowledge')
       ORDER BY sequence LIMIT ?)`,
  );
  const oldest = sqlite.prepare(
    `DELETE FROM outbox WHERE sequence IN (
       SELECT sequence FROM outbox WHERE notifier = ? ORDER BY CASE WHEN action IN ('update', 'acknowledge') THEN 0
         WHEN action = 'resolve' THEN 1 ELSE 2 END, sequence LIMIT ?)`,
  );
  return (notifier, excess, dropped) => {
    const madeVoid = Number(superseded.run(notifier, excess).changes);
    dropped.superseded += madeVoid;
    if (madeVoid < excess)
      dropped.outbox_full += Number(oldest.run(notifier, excess - madeVoid).changes);
  };
}

const longestGatheringMilliseconds = 50;

/**
 * Gathers the items of one turn of the event loop into one transaction; where the disk is slow, of as long as the last one took,
 * so that it has at least half of its time for what isn't a settlement.
 */
function createGroup<Item>(
  database: Database,
  clock: Clock,
  write: (items: readonly Item[]) => void,
): (item: Item) => Promise<void> {
  let items: Item[] = [];
  let written: Promise<void> | null = null;
  let tookMilliseconds = 0;

  function flush(): void {
    const group = items;
    items = [];
    written = null;
    const started = clock.monotonic();
    database.transaction(() => write(group));
    tookMilliseconds = clock.monotonic() - started;
  }

  return (item) => {
    items.push(item);
    written ??= new Promise((resolve, reject) => {
      const attempt = (): void => {
        try {
          flush();
          resolve();
        } catch (thrown) {
          reject(thrown);
        }
      };
      if (tookMilliseconds < 1) setImmediate(attempt);
      else clock.after(Math.min(tookMilliseconds, longestGatheringMilliseconds), attempt);
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
      notification: letterOf(row),
      reason: String(row["reason"]),
      buriedAtMilliseconds: Number(row["buried_at"]),
    }));
}

function letterOf(row: Row): Notification | null {
  try {
    return notificationOf(Number(row["sequence"]), row);
  } catch {
    return null;
  }
}

/** Rows of notifiers that the configuration no longer names would wait for ever. */
function removeStrangers(database: Database, known: readonly string[]): number {
  const names = JSON.stringify(known);
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
