/** The contract of the audit log: who did what, in an order that nobody can change afterwards without being noticed. */

export const auditKinds = [
  "alert",
  "notification",
  "silence",
  "acknowledgement",
  "action",
] as const;
export type AuditKind = (typeof auditKinds)[number];

export interface AuditEntry {
  readonly kind: AuditKind;
  /** `collector` for what it did by itself; otherwise who said so in the request. */
  readonly actor: string;
  /** What it was done to: an alert's fingerprint, a silence's id, a node. */
  readonly subject: string;
  /** Without secrets. */
  readonly details: Readonly<Record<string, string | number | boolean>>;
}

export interface AuditLog {
  /** Joins the caller's transaction, or makes one of its own where there is none. */
  record(entry: AuditEntry): void;
}

/** An entry as people and programs read it. */
export interface AuditRecord {
  /** From 1, without gaps. */
  readonly sequence: number;
  readonly timeMilliseconds: number;
  readonly kind: string;
  readonly actor: string;
  readonly subject: string;
  readonly details: Readonly<Record<string, unknown>>;
  /** Hexadecimal. */
  readonly hash: string;
}

/** The newest entry: whoever keeps it elsewhere can tell later that nothing up to it was changed or cut off. */
export interface AuditHead {
  readonly sequence: number;
  readonly hash: string;
}

export interface AuditVerdict {
  readonly ok: boolean;
  readonly entries: number;
  /** The oldest that is kept. */
  readonly from: number;
  readonly head: AuditHead;
  /** The id of the key that the newest entry is under; empty for none. */
  readonly key: string;
  /** One sentence: the first thing that is wrong. Empty when nothing is. */
  readonly complaint: string;
}

export interface AuditQuery {
  readonly sinceMilliseconds: number;
  /** Empty for every kind. */
  readonly kind: string;
  /** Only entries before this one; 0 for the newest. */
  readonly before: number;
  readonly limit: number;
}

export interface AuditReader {
  /** The newest first. */
  list(query: AuditQuery): AuditRecord[];
  head(): AuditHead;
  /** Reads the whole log in slices; with a head kept elsewhere, that one must be in it as well. */
  verify(kept?: AuditHead): Promise<AuditVerdict>;
}
