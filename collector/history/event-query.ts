/** Events of years by time, node, device and kind: read in small slices from a view of the log, newest first, a page at a time. */
import type { DatabaseSync } from "node:sqlite";
import type { Clock } from "../../core/kit/clock.ts";
import { WarpwatchError } from "../../core/kit/errors.ts";
import { decodeEvents } from "../../core/wire/event-codec.ts";
import type { WarpwatchEvent } from "../../core/wire/event.ts";
import { openSnapshot } from "./database.ts";
import { soundBody } from "./event-log.ts";
import { createTurns } from "./turns.ts";

export interface EventQuery {
  /** Unix milliseconds; the first counts, the second doesn't. */
  readonly from: number;
  readonly to: number;
  /** Empty: any. */
  readonly node: string;
  readonly device: string;
  readonly kind: string;
  readonly limit: number;
  /** What an earlier page gave as `next`; null for the first. */
  readonly before: EventCursor | null;
}

/** The last event of a page. */
export interface EventCursor {
  readonly time: number;
  readonly id: number;
}

export interface EventPage {
  /** Newest first. */
  readonly events: readonly WarpwatchEvent[];
  /** Null when there are no more. */
  readonly next: EventCursor | null;
}

/** Throws LIMIT_REACHED when it takes too long or there are too many; STATE_UNUSABLE. */
export type RunEventQuery = (query: EventQuery) => Promise<EventPage>;

export interface EventQueryOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly timeoutMilliseconds: number;
}

/** How long rows may be read before other work gets its turn. */
const sliceMilliseconds = 8;
const rowsBetweenLooks = 64;
const maximumRunning = 4;
const maximumWaiting = 16;

export function createEventQuery(options: EventQueryOptions): RunEventQuery {
  const { clock, timeoutMilliseconds } = options;
  const takeTurn = createTurns(maximumRunning, maximumWaiting);

  async function read(sqlite: DatabaseSync, query: EventQuery): Promise<EventPage> {
    const deadline = clock.monotonic() + timeoutMilliseconds;
    const bodies: string[] = [];
    let sliceEnd = clock.monotonic() + sliceMilliseconds;
    let looked = 0;
    let last: EventCursor | null = null;
    const { sql, values } = statementOf(query);
    for (const row of sqlite.prepare(sql).iterate(...values)) {
      looked += 1;
      if (looked % rowsBetweenLooks === 0 && clock.monotonic() > sliceEnd) {
        if (clock.monotonic() > deadline) throw tooLong(timeoutMilliseconds);
        await new Promise((resolve) => setImmediate(resolve));
        sliceEnd = clock.monotonic() + sliceMilliseconds;
      }
      if (!matches(row, query)) continue;
      if (bodies.length === query.limit) return { events: decode(bodies), next: last };
      bodies.push(...soundBody(row));
      last = { time: Number(row["time"]), id: Number(row["id"]) };
    }
    return { events: decode(bodies), next: null };
  }

  return (query) =>
    takeTurn(async () => {
      const sqlite = openSnapshot(options.folder);
      try {
        return await read(sqlite, query);
      } finally {
        sqlite.close();
      }
    });
}

/** One index serves one of the conditions, the one that leaves least; the others are judged row by row. */
function statementOf({ from, to, node, device, kind, before }: EventQuery): {
  readonly sql: string;
  readonly values: (string | number)[];
} {
  const named = [
    ["device", device],
    ["node", node],
    ["kind", kind],
  ].find(([, value]) => value !== "");
  const conditions = ["time >= ?", "time < ?"];
  const values: (string | number)[] = [from, to];
  if (before) {
    conditions.push("(time, id) < (?, ?)");
    values.push(before.time, before.id);
  }
  if (named) {
    // The index of devices has only events that name one.
    conditions.push(`${named[0]} = ?`, `${named[0]} <> ''`);
    values.push(named[1] ?? "");
  }
  const index = `event_by_${named?.[0] ?? "time"}`;
  const sql = `SELECT id, time, node, device, kind, body, checksum FROM event INDEXED BY ${index}
    WHERE ${conditions.join(" AND ")} ORDER BY time DESC, id DESC`;
  return { sql, values };
}

function matches(row: Record<string, unknown>, query: EventQuery): boolean {
  return (["node", "device", "kind"] as const).every(
    (name) => query[name] === "" || row[name] === query[name],
  );
}

function decode(bodies: readonly string[]): readonly WarpwatchEvent[] {
  return decodeEvents(bodies.join("\n"), bodies.length).events;
}

function tooLong(milliseconds: number): WarpwatchError {
  return new WarpwatchError(
    "LIMIT_REACHED",
    `the query took over ${milliseconds / 1000} s: ask for a shorter time or one node`,
  );
}
