/** References: what a receiver calls the notification that opened an alert (a Slack thread), kept until the alert ends. */
import type { Database } from "./database.ts";

/** One alert at one notifier. */
interface ReferenceKey {
  readonly notifier: string;
  readonly fingerprint: string;
}

export interface References {
  /** Empty when there is none. */
  find(key: ReferenceKey): string;
  /** Within the caller's transaction, as is `forget`. */
  keep(key: ReferenceKey, reference: string): void;
  forget(key: ReferenceKey): void;
}

/** Per notifier; the oldest make room, and what they would have joined stands on its own. */
const maximumReferences = 10_000;

export function createReferences({ sqlite }: Database): References {
  const select = sqlite.prepare(
    "SELECT reference FROM reference WHERE notifier = ? AND fingerprint = ?",
  );
  const upsert = sqlite.prepare(
    "INSERT OR REPLACE INTO reference (notifier, fingerprint, reference) VALUES (?, ?, ?)",
  );
  const remove = sqlite.prepare("DELETE FROM reference WHERE notifier = ? AND fingerprint = ?");
  const shed = sqlite.prepare(
    `DELETE FROM reference WHERE notifier = ?1 AND sequence <= (
       SELECT sequence FROM reference WHERE notifier = ?1 ORDER BY sequence DESC LIMIT 1 OFFSET ?2)`,
  );
  return {
    find: ({ notifier, fingerprint }) =>
      String(select.get(notifier, fingerprint)?.["reference"] ?? ""),
    keep({ notifier, fingerprint }, reference) {
      upsert.run(notifier, fingerprint, reference);
      shed.run(notifier, maximumReferences);
    },
    forget: ({ notifier, fingerprint }) => void remove.run(notifier, fingerprint),
  };
}
