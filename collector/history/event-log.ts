/** Every event that agents reported, kept on disk by node, boot and sequence: one that comes again is known. */
import type { DatabaseSync } from "node:sqlite";
import { history } from "../../core/catalog/index.ts";
import type { SelfMetrics } from "../../core/kit/self-metrics.ts";
import { decodeEvents } from "../../core/wire/event-codec.ts";
import type { WarpwatchEvent } from "../../core/wire/event.ts";
import { textChecksum } from "./checksum.ts";
import { eventRowBytes, transact } from "./database.ts";
import { dayOf, type FeatureDays } from "./feature-days.ts";

export interface EventLog {
  /** The events that are new, on disk when it returns. Throws STATE_UNUSABLE. */
  add(events: readonly WarpwatchEvent[]): readonly WarpwatchEvent[];
  /** The newest, oldest first. */
  recent(count: number): WarpwatchEvent[];
  /** Forgets those that are older than they are kept. Throws STATE_UNUSABLE. */
  retain(nowMilliseconds: number): void;
}

export interface EventLogOptions {
  readonly sqlite: DatabaseSync;
  readonly metrics: SelfMetrics;
  readonly eventsMilliseconds: number;
  /** Beyond it the oldest go. */
  readonly eventBytes: number;
  /** Told of the days that events are about. */
  readonly featureDays: Pick<FeatureDays, "noteLate">;
}

/** So many at a time, so that a transaction stays short. */
const removedAtOnce = 5000;

export function createEventLog(options: EventLogOptions): EventLog {
  const { sqlite, eventsMilliseconds, eventBytes } = options;
  const expired = options.metrics.counter(history.eventsExpired);
  // A counter that is born at 1 shows no increase, so each is there from the start.
  for (const reason of ["age", "size"]) expired.increase({ reason }, 0);
  let bytes = Number(sqlite.prepare("SELECT bytes FROM event_size").get()?.["bytes"] ?? 0);
  options.metrics.gauge(history.eventBytes, () => bytes);
  const insert = sqlite.prepare(
    `INSERT OR IGNORE INTO event (node, boot, sequence, time, kind, device, body, checksum)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const keepSize = sqlite.prepare("UPDATE event_size SET bytes = ?");
  const removeOld = sqlite.prepare(
    `DELETE FROM event WHERE id IN (SELECT id FROM event WHERE time < ? ORDER BY time LIMIT ${removedAtOnce})
     RETURNING octet_length(body) AS bytes`,
  );
  const removeFirst = sqlite.prepare(
    `DELETE FROM event WHERE id IN (SELECT id FROM event ORDER BY time LIMIT ?)
     RETURNING octet_length(body) AS bytes`,
  );

  function sizeOf(rows: readonly Record<string, unknown>[]): number {
    return rows.reduce((sum, row) => sum + Number(row["bytes"]) + eventRowBytes, 0);
  }

  /** Within a transaction: what has to go so that so many bytes fit. Returns what went. */
  function trim(size: number): { rows: number; bytes: number } {
    const gone = { rows: 0, bytes: 0 };
    while (size - gone.bytes > eventBytes) {
      const rows = removeFirst.all(Math.ceil((size - gone.bytes - eventBytes) / 1000) + 10);
      if (rows.length === 0) break;
      gone.rows += rows.length;
      gone.bytes += sizeOf(rows);
    }
    return gone;
  }

  return {
    add(events) {
      let size = bytes;
      let trimmed = 0;
      const added = transact(sqlite, () => {
        const fresh = events.filter((event) => {
          const { node, boot, sequence, timeMilliseconds, kind, device } = event;
          const body = JSON.stringify(event);
          const values = [node, boot, sequence, timeMilliseconds, kind, device, body] as const;
          if (insert.run(...values, textChecksum(body)).changes !== 1) return false;
          size += Buffer.byteLength(body) + eventRowBytes;
          options.featureDays.noteLate(dayOf(timeMilliseconds));
          return true;
        });
        const gone = trim(size);
        size -= gone.bytes;
        trimmed = gone.rows;
        if (fresh.length > 0) keepSize.run(size);
        return fresh;
      });
      bytes = size;
      if (trimmed > 0) expired.increase({ reason: "size" }, trimmed);
      return added;
    },
    recent(count) {
      const rows = sqlite
        .prepare("SELECT body, checksum FROM event ORDER BY id DESC LIMIT ?")
        .all(count);
      const lines = rows.flatMap((row) => soundBody(row)).toReversed();
      return [...decodeEvents(lines.join("\n"), count).events];
    },
    retain(nowMilliseconds) {
      for (;;) {
        const rows = transact(sqlite, () => {
          const gone = removeOld.all(nowMilliseconds - eventsMilliseconds);
          if (gone.length > 0) keepSize.run(bytes - sizeOf(gone));
          return gone;
        });
        bytes -= sizeOf(rows);
        if (rows.length > 0) expired.increase({ reason: "age" }, rows.length);
        if (rows.length < removedAtOnce) return;
      }
    },
  };
}

/** The event's text; nothing where it was damaged on disk. */
export function soundBody(row: Record<string, unknown>): string[] {
  const body = String(row["body"]);
  return row["checksum"] === null || row["checksum"] === textChecksum(body) ? [body] : [];
}
