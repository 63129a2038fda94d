/** Reads the audit log of a state file: newest first for people, and from the oldest on to verify the chain. */
import type { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import type { AuditHead, AuditQuery, AuditReader, AuditRecord, AuditVerdict } from "./audit.ts";
import {
  complaintAboutEnd,
  logSubject,
  mendedAction,
  walkFrom,
  type AuditRow,
  type ChainEnd,
  type ChainEnds,
  type ChainWalk,
} from "./audit-chain.ts";
import type { AuditKey } from "./audit-key.ts";

/** Entries between two breaths of the event loop: about 10 ms. */
const sliceRows = 1000;
const endsSql = "SELECT anchor, anchor_hash, head, head_hash FROM audit_ends WHERE id = 1";

type Row = Record<string, unknown>;

export function createAuditReader(
  sqlite: DatabaseSync,
  keys: readonly AuditKey[] = [],
): AuditReader {
  const firstSince = createSearch(sqlite);
  const slice = sqlite.prepare(
    `SELECT * FROM audit WHERE sequence > ? ORDER BY sequence LIMIT ${sliceRows}`,
  );
  const newest = sqlite.prepare(
    `SELECT * FROM audit WHERE sequence < ? AND sequence >= ? AND time >= ?
     ORDER BY sequence DESC LIMIT ?`,
  );
  const newestOfKind = sqlite.prepare(
    `SELECT * FROM audit WHERE kind = ? AND sequence < ? AND sequence >= ? AND time >= ?
     ORDER BY sequence DESC LIMIT ?`,
  );
  const ends = createEndsReader(sqlite);

  function list({ sinceMilliseconds, kind, before, limit }: AuditQuery): AuditRecord[] {
    const end = before > 0 ? before : Number.MAX_SAFE_INTEGER;
    const range = [end, firstSince(sinceMilliseconds), sinceMilliseconds, limit] as const;
    const rows = kind === "" ? newest.all(...range) : newestOfKind.all(kind, ...range);
    return rows.map((row) => recordOf(rowOf(row)));
  }

  async function verify(kept?: AuditHead): Promise<AuditVerdict> {
    const first = ends();
    if (first === null) return lostEnds;
    const walk = walkFrom(first.anchor, keys);
    const from = first.anchor.sequence + 1;
    let keptHash = hashAt(first.anchor, kept);
    let complaint: string | null = null;
    let mended = 0;
    for (let rows = readSlice(); rows.length > 0 && complaint === null; rows = readSlice()) {
      for (const row of rows) {
        complaint = walk.take(row);
        if (complaint !== null) break;
        keptHash ??= hashAt(walk.at, kept);
        if (mended === 0 && tellsOfMending(row)) mended = row.sequence;
      }
      await setImmediate();
      skipPruned(walk, ends());
    }
    const head = ends()?.head ?? first.head;
    complaint ??=
      complaintAboutEnd(walk.at, head) ??
      complaintAboutKey(walk, keys) ??
      complaintAboutKept(kept, keptHash, from) ??
      complaintAboutMending(mended);
    return {
      ok: complaint === null,
      entries: walk.checked,
      from,
      head: headOf(head),
      key: walk.key?.id ?? "",
      complaint: complaint ?? "",
    };

    function readSlice(): AuditRow[] {
      return slice.all(walk.at.sequence).map(rowOf);
    }
  }

  return { list, head: () => headOf(ends()?.head ?? nowhere), verify };
}

/** Null when somebody took the record out. */
export function createEndsReader(sqlite: DatabaseSync): () => ChainEnds | null {
  const select = sqlite.prepare(endsSql);
  return () => {
    const row = select.get();
    if (row === undefined) return null;
    return {
      anchor: { sequence: Number(row["anchor"]), hash: bytesOf(row["anchor_hash"]) },
      head: { sequence: Number(row["head"]), hash: bytesOf(row["head_hash"]) },
    };
  };
}

export function createRowReader(sqlite: DatabaseSync): (sequence: number) => AuditRow | null {
  const select = sqlite.prepare("SELECT * FROM audit WHERE sequence = ?");
  return (sequence) => {
    const row = select.get(sequence);
    return row === undefined ? null : rowOf(row);
  };
}

/** The first entry that isn't older, by halving: entries stand in the order of their times, but for a clock that was set. */
export function createSearch(sqlite: DatabaseSync): (timeMilliseconds: number) => number {
  const bounds = sqlite.prepare(
    "SELECT (SELECT min(sequence) FROM audit) AS low, (SELECT max(sequence) FROM audit) AS high",
  );
  const timeAt = sqlite.prepare(
    "SELECT sequence, time FROM audit WHERE sequence >= ? ORDER BY sequence LIMIT 1",
  );
  return (timeMilliseconds) => {
    const row = bounds.get();
    let low = Number(row?.["low"] ?? 0);
    let high = Number(row?.["high"] ?? -1) + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (Number(timeAt.get(middle)?.["time"]) >= timeMilliseconds) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

const nowhere: ChainEnd = { sequence: 0, hash: new Uint8Array(32) };

const lostEnds: AuditVerdict = {
  ok: false,
  entries: 0,
  from: 0,
  head: headOf(nowhere),
  key: "",
  complaint: "the log's own record of where it begins and ends was taken out",
};

function skipPruned(walk: ChainWalk, now: ChainEnds | null): void {
  if (now !== null && now.anchor.sequence > walk.at.sequence) walk.jump(now.anchor);
}

function hashAt(at: ChainEnd, kept: AuditHead | undefined): string | null {
  return kept?.sequence === at.sequence ? hex(at.hash) : null;
}

function complaintAboutKept(
  kept: AuditHead | undefined,
  found: string | null,
  from: number,
): string | null {
  if (kept === undefined) return null;
  if (kept.sequence < from - 1)
    return `entry ${kept.sequence}, whose hash was kept elsewhere, is older than what the log holds`;
  if (found === null) return `entry ${kept.sequence}, whose hash was kept elsewhere, isn't there`;
  return found === kept.hash ? null : `entry ${kept.sequence} has another hash than the one kept`;
}

function tellsOfMending({ kind, subject, details }: AuditRow): boolean {
  return (
    kind === "action" && subject === logSubject && readDetails(details)["action"] === mendedAction
  );
}

/** Without one whoever has the file could have written all of it. */
function complaintAboutKey({ key }: ChainWalk, keys: readonly AuditKey[]): string | null {
  return keys.length > 0 && key === null ? "no entry is under the key that is given" : null;
}

function complaintAboutMending(sequence: number): string | null {
  if (sequence === 0) return null;
  return `before entry ${sequence} was written, somebody had taken out the log's record of its end, or set it back`;
}

function headOf({ sequence, hash }: ChainEnd): AuditHead {
  return { sequence, hash: hex(hash) };
}

function recordOf({ details, hash, ...rest }: AuditRow): AuditRecord {
  return { ...rest, details: readDetails(details), hash: hex(hash) };
}

/** What somebody spoilt is shown as it stands. */
function readDetails(text: string): Record<string, unknown> {
  try {
    const details: unknown = JSON.parse(text);
    if (typeof details === "object" && details !== null && !Array.isArray(details))
      return { ...details };
  } catch {
    // Falls through: the verification says which entry it is.
  }
  return { unreadable: text };
}

function rowOf(row: Row): AuditRow {
  return {
    sequence: Number(row["sequence"]),
    timeMilliseconds: Number(row["time"]),
    kind: String(row["kind"]),
    actor: String(row["actor"]),
    subject: String(row["subject"]),
    details: String(row["details"]),
    hash: bytesOf(row["hash"]),
  };
}

function bytesOf(value: unknown): Uint8Array {
  return value instanceof Uint8Array ? value : new Uint8Array(0);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
