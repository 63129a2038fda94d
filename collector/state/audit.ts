/** The contract of the audit log: who did what, in an order that nobody can change afterwards without being noticed. */

export interface AuditEntry {
  readonly kind: "alert" | "notification" | "silence" | "acknowledgement" | "action";
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
