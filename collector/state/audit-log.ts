/** The audit log: entries in the state file, in the transaction of what they tell of, bounded by age and by number. */
import type { Clock } from "../../core/kit/clock.ts";
import { WarpwatchError } from "../../core/kit/errors.ts";
import type { AuditEntry, AuditLog, AuditReader } from "./audit.ts";
import {
  canonicalDetails,
  cutText,
  hashOf,
  keyAction,
  logSubject,
  mendedAction,
  type AuditRow,
  type ChainEnd,
} from "./audit-chain.ts";
import type { AuditKey } from "./audit-key.ts";
import {
  createAuditReader,
  createEndsReader,
  createRowReader,
  createSearch,
} from "./audit-reader.ts";
import type { Database } from "./database.ts";

export interface EmbeddedAuditLog extends AuditLog, AuditReader {
  /** Takes out what is over 90 days old, and says how many that were: at most so many that no alert waits for it. */
  prune(): number;
  entries(): number;
  /** Entries younger than that, taken out since the start because there were too many. */
  dropped(): number;
}

export interface AuditLogOptions {
  readonly clock: Clock;
  /** The first is written with; none: the chain has no key. */
  readonly keys?: readonly AuditKey[];
  readonly maximumRows?: number;
}

const keepMilliseconds = 90 * 24 * 3_600_000;
/** 270 MB, which a start looks through in a second. */
const defaultMaximumRows = 1_000_000;
/** With each hour more than the bound lets come in. */
const pruneRows = 10_000;
/** What makes room at the bound goes in portions, so that not every entry has to. */
const dropRows = 1000;

export function createAuditLog(database: Database, options: AuditLogOptions): EmbeddedAuditLog {
  const { sqlite } = database;
  const { clock, keys = [], maximumRows = defaultMaximumRows } = options;
  const key = keys[0] ?? null;
  const insert = sqlite.prepare("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?)");
  const moveHead = sqlite.prepare("UPDATE audit_ends SET head = ?, head_hash = ? WHERE id = 1");
  const lowest = sqlite.prepare("SELECT min(sequence) AS low FROM audit");
  const newestUpTo = sqlite.prepare(
    "SELECT sequence, hash FROM audit WHERE sequence <= ? ORDER BY sequence DESC LIMIT 1",
  );
  const moveAnchor = sqlite.prepare(
    "UPDATE audit_ends SET anchor = ?, anchor_hash = ? WHERE id = 1",
  );
  const remove = sqlite.prepare("DELETE FROM audit WHERE sequence <= ?");
  const readEnds = createEndsReader(sqlite);
  const rowAt = createRowReader(sqlite);
  const firstSince = createSearch(sqlite);
  let dropped = 0;
  mendEnds(database, append);
  tellOfKey();

  function ends(): NonNullable<ReturnType<typeof readEnds>> {
    const found = readEnds();
    if (found === null)
      throw new WarpwatchError("STATE_UNUSABLE", "the audit log's record of its ends is gone");
    return found;
  }

  function append(entry: AuditEntry): void {
    const { anchor, head } = ends();
    const row = {
      sequence: head.sequence + 1,
      timeMilliseconds: Math.round(clock.now()),
      kind: entry.kind,
      actor: cutText(entry.actor),
      subject: cutText(entry.subject),
      details: canonicalDetails(entry.details),
    };
    const hash = hashOf(head.hash, row, key);
    const { sequence, timeMilliseconds, kind, actor, subject, details } = row;
    insert.run(sequence, timeMilliseconds, kind, actor, subject, details, hash);
    moveHead.run(sequence, hash);
    if (sequence - anchor.sequence > maximumRows)
      dropped += removeUpTo(lastGone(anchor) + Math.min(dropRows, maximumRows));
  }

  /** So that whoever verifies knows where to look for another key. */
  function tellOfKey(): void {
    const { anchor, head } = ends();
    const last = rowAt(head.sequence);
    const before = rowAt(head.sequence - 1) ?? anchor;
    const isAlike = last === null ? key === null : isWrittenWith(key, before, last);
    if (isAlike) return;
    const details = { action: keyAction, key: key?.id ?? "none" };
    database.transaction(() =>
      append({ kind: "action", actor: "collector", subject: logSubject, details }),
    );
  }

  /** Beyond the anchor where somebody took entries out: what is gone isn't pruned again. */
  function lastGone(anchor: ChainEnd): number {
    return Math.max(anchor.sequence, Number(lowest.get()?.["low"] ?? 0) - 1);
  }

  /** Within a transaction: the last that goes becomes the anchor, on which the rest still follows. */
  function removeUpTo(wanted: number): number {
    const last = newestUpTo.get(wanted);
    if (last === undefined || !(last["hash"] instanceof Uint8Array)) return 0;
    const sequence = Number(last["sequence"]);
    moveAnchor.run(sequence, last["hash"]);
    return Number(remove.run(sequence).changes);
  }

  function prune(): number {
    return database.transaction(() => {
      const { anchor } = ends();
      const firstKept = firstSince(clock.now() - keepMilliseconds);
      const last = Math.min(firstKept - 1, lastGone(anchor) + pruneRows);
      const pruned = removeUpTo(last);
      if (pruned === 0) return 0;
      append({
        kind: "action",
        actor: "collector",
        subject: logSubject,
        details: { action: "pruned", entries: pruned, upTo: last },
      });
      return pruned;
    });
  }

  return {
    ...createAuditReader(sqlite, keys),
    record: (entry) => database.transaction(() => append(entry)),
    prune,
    entries() {
      const { anchor, head } = ends();
      return head.sequence - anchor.sequence;
    },
    dropped: () => dropped,
  };
}

/**
 * While no collector had the file, somebody may have taken out the record of the log's ends or set it back. Alerts have to
 * be written all the same: the log goes on after its last entry, and says so.
 */
function mendEnds(database: Database, append: (entry: AuditEntry) => void): void {
  const { sqlite } = database;
  const head = sqlite.prepare("SELECT head FROM audit_ends").get()?.["head"];
  const row = sqlite
    .prepare(
      "SELECT (SELECT min(sequence) FROM audit) AS low, (SELECT max(sequence) FROM audit) AS high",
    )
    .get();
  const high = Number(row?.["high"] ?? 0);
  if (head !== undefined && Number(head) >= high) return;
  database.transaction(() => {
    sqlite
      .prepare("INSERT OR IGNORE INTO audit_ends VALUES (1, ?, zeroblob(32), 0, zeroblob(32))")
      .run(Math.max(0, Number(row?.["low"] ?? 0) - 1));
    sqlite
      .prepare(
        "UPDATE audit_ends SET head = ?1, head_hash = ifnull((SELECT hash FROM audit WHERE sequence = ?1), zeroblob(32))",
      )
      .run(high);
    append({
      kind: "action",
      actor: "collector",
      subject: logSubject,
      details: {
        action: mendedAction,
        recorded: head === undefined ? "none" : Number(head),
        found: high,
      },
    });
  });
}

function isWrittenWith(key: AuditKey | null, before: ChainEnd, row: AuditRow): boolean {
  return before.sequence === row.sequence - 1 && hashOf(before.hash, row, key).equals(row.hash);
}
