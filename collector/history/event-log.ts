/** Every event that agents reported, kept on disk by node, boot and sequence: one that comes again is known. */
import type { DatabaseSync } from "node:sqlite";
import { decodeEvents } from "../../core/wire/event-codec.ts";
import type { WarpwatchEvent } from "../../core/wire/event.ts";
import { transact } from "./database.ts";

export interface EventLog {
  /** The events that are new, on disk when it returns. Throws STATE_UNUSABLE. */
  add(events: readonly WarpwatchEvent[]): readonly WarpwatchEvent[];
  /** The newest, oldest first. */
  recent(count: number): WarpwatchEvent[];
}

/** Some 500 bytes each. The oldest go. */
const maximumEvents = 2_000_000;

export function createEventLog(sqlite: DatabaseSync): EventLog {
  const insert = sqlite.prepare(
    "INSERT OR IGNORE INTO event (node, boot, sequence, time, body) VALUES (?, ?, ?, ?, ?)",
  );
  const trim = sqlite.prepare("DELETE FROM event WHERE id <= (SELECT MAX(id) FROM event) - ?");
  return {
    add: (events) =>
      transact(sqlite, () => {
        const added = events.filter((event) => {
          const { node, boot, sequence, timeMilliseconds } = event;
          const body = JSON.stringify(event);
          return insert.run(node, boot, sequence, timeMilliseconds, body).changes === 1;
        });
        if (added.length > 0) trim.run(maximumEvents);
        return added;
      }),
    recent(count) {
      const rows = sqlite.prepare("SELECT body FROM event ORDER BY id DESC LIMIT ?").all(count);
      const lines = rows.map((row) => String(row["body"])).toReversed();
      return [...decodeEvents(lines.join("\n"), count).events];
    },
  };
}
