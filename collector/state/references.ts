/** References: what a receiver calls the notification that opened an incident (a Slack thread), kept until the incident ends. */
import type { Database } from "./database.ts";

/** One incident at one notifier. */
interface ReferenceKey {
  readonly notifier: string;
  readonly key: string;
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
  const select = sqlite.prepare("SELECT reference FROM reference WHERE notifier = ? AND key = ?");
  const upsert = sqlite.prepare(
    "INSERT OR REPLACE INTO reference (notifier, key, reference) VALUES (?, ?, ?)",
  );
  const remove = sqlite.prepare("DELETE FROM reference WHERE notifier = ? AND key = ?");
  const shed = sqlite.prepare(
    `DELETE FROM reference WHERE notifier = ?1 AND sequence <= (
       SELECT sequence FROM reference WHERE notifier = ?1 ORDER BY sequence DESC LIMIT 1 OFFSET ?2)`,
  );
  return {
    find: ({ notifier, key }) => String(select.get(notifier, key)?.["reference"] ?? ""),
    keep({ notifier, key }, reference) {
      upsert.run(notifier, key, reference);
      shed.run(notifier, maximumReferences);
    },
    forget: ({ notifier, key }) => void remove.run(notifier, key),
  };
}
