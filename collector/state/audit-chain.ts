/**
 * The audit log's chain: each entry's hash is SHA-256 over the hash before it and the entry as canonical JSON (keys in
 * order, no white space; RFC 8785 for what stands in it), or HMAC-SHA-256 of the same under a key. Whoever changes, moves or
 * takes out one breaks all that follow; with a key nobody else can mend them. A log may begin without a key and never goes back.
 */
import { hash } from "node:crypto";
import type { AuditEntry } from "./audit.ts";
import type { AuditKey } from "./audit-key.ts";

/** An entry as it stands in the state file: `details` is canonical JSON. */
export interface AuditRow {
  readonly sequence: number;
  readonly timeMilliseconds: number;
  readonly kind: string;
  readonly actor: string;
  readonly subject: string;
  readonly details: string;
  readonly hash: Uint8Array;
}

/** A place in the chain: the entry of that sequence has that hash. Sequence 0, before the first, has 32 zero bytes. */
export interface ChainEnd {
  readonly sequence: number;
  readonly hash: Uint8Array;
}

/** Follows the chain entry by entry. */
export interface ChainWalk {
  readonly checked: number;
  readonly at: ChainEnd;
  /** The key of the newest entry that has one; null while there was none. */
  readonly key: AuditKey | null;
  /** One sentence when the entry doesn't follow on the one before it. */
  take(row: AuditRow): string | null;
  /** What was pruned meanwhile is taken as checked. */
  jump(to: ChainEnd): void;
}

/** Says of an entry of the log about itself that somebody had touched the record of its ends. */
export const mendedAction = "ends were mended";
/** The first entry under another key than the one before it, or under none. */
export const keyAction = "key changed";

/** What entries are about that the log has of itself. */
export const logSubject = "audit log";

const maximumTextLength = 512;
const maximumDetails = 32;

/** The details as they are hashed and kept: sorted, cut, and without what JSON can't hold. */
export function canonicalDetails(details: AuditEntry["details"]): string {
  const names = Object.keys(details).toSorted().slice(0, maximumDetails);
  const kept = names.map((name) => {
    const value = details[name] ?? "";
    if (typeof value === "string") return [name, cutText(value)];
    return [name, typeof value === "number" && !Number.isFinite(value) ? String(value) : value];
  });
  return JSON.stringify(Object.fromEntries(kept));
}

export function cutText(text: string): string {
  const whole = text.toWellFormed();
  if (whole.length <= maximumTextLength) return whole;
  return `${whole.slice(0, maximumTextLength).toWellFormed()}… [${whole.length - maximumTextLength} characters cut]`;
}

export function hashOf(
  before: Uint8Array,
  row: Omit<AuditRow, "hash">,
  key: AuditKey | null,
): Buffer {
  const { actor, details, kind, sequence, subject, timeMilliseconds } = row;
  const text =
    `{"actor":${JSON.stringify(actor)},"details":${details},"kind":${JSON.stringify(kind)},` +
    `"sequence":${sequence},"subject":${JSON.stringify(subject)},"time":${timeMilliseconds}}`;
  const bytes = Buffer.concat([before, Buffer.from(text)]);
  return key ? key.sign(bytes) : hash("sha256", bytes, "buffer");
}

export function walkFrom(anchor: ChainEnd, keys: readonly AuditKey[]): ChainWalk {
  let at = anchor;
  let checked = 0;
  let current: AuditKey | null = null;

  /** What the row was written with; undefined when with nothing that is known here. */
  function writtenWith(row: AuditRow): AuditKey | null | undefined {
    const candidates = [current, ...keys.filter((key) => key !== current), null];
    return candidates.find((key) => hashOf(at.hash, row, key).equals(row.hash));
  }

  return {
    get key() {
      return current;
    },
    get at() {
      return at;
    },
    get checked() {
      return checked;
    },
    take(row) {
      const expected = at.sequence + 1;
      if (row.sequence !== expected) return describeGap(expected, row.sequence);
      const key = writtenWith(row);
      if (key === undefined) return complaintAboutRow(row);
      if (key === null && current) return `entry ${row.sequence} and what follows has no key`;
      current = key;
      at = { sequence: row.sequence, hash: row.hash };
      checked += 1;
      return null;
    },
    jump(to) {
      at = to;
    },
  };
}

/** The ends as the log itself has them, in one row that changes with every entry. */
export interface ChainEnds {
  /** What came last of what was pruned. */
  readonly anchor: ChainEnd;
  readonly head: ChainEnd;
}

/** Whether the chain ends where the log says that it does; one sentence when it doesn't. */
export function complaintAboutEnd(at: ChainEnd, head: ChainEnd): string | null {
  if (at.sequence < head.sequence) return describeGap(at.sequence + 1, head.sequence + 1);
  if (at.sequence > head.sequence || !Buffer.from(at.hash).equals(head.hash))
    return `the log's own record of its end (entry ${head.sequence}) isn't that of entry ${at.sequence}`;
  return null;
}

function complaintAboutRow({ sequence, subject, details }: AuditRow): string {
  if (subject !== logSubject || !details.includes(`"action":${JSON.stringify(keyAction)}`))
    return `entry ${sequence} isn't as it was written, or not where it was`;
  return `entry ${sequence} and what follows is under a key that isn't known here, or isn't as it was written`;
}

function describeGap(expected: number, found: number): string {
  if (found < expected) return `entry ${found} stands where entry ${expected} should`;
  return found === expected + 1
    ? `entry ${expected} is missing`
    : `entries ${expected} to ${found - 1} are missing`;
}
