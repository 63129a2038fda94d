/** Events are kept for years: once each, within their bytes, and found by time, node, device and kind. */
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { EventKind, WarpwatchEvent } from "../../../core/wire/event.ts";
import { createFakeClock } from "../../kit/fake-clock.ts";
import { makeFolder } from "../../kit/folder.ts";
import { dayMilliseconds, metricValue, openHistory, startMilliseconds as start } from "./kit.ts";

const everything = {
  from: 0,
  to: 8.64e15,
  node: "",
  device: "",
  kind: "",
  limit: 1000,
  before: null,
};

function eventOf(sequence: number, of: Partial<WarpwatchEvent> = {}): WarpwatchEvent {
  return {
    node: "node-1",
    boot: "boot-1",
    sequence,
    timeMilliseconds: start + sequence * 1000,
    kind: "xid",
    device: "GPU-1",
    text: "Xid 79",
    fields: { xid: "79" },
    ...of,
  };
}

test("an event that comes again is kept once, and is there after a restart", async () => {
  const folder = makeFolder();
  const first = openHistory(folder);
  expect(first.events.add([eventOf(1), eventOf(2)])).toHaveLength(2);
  expect(first.events.add([eventOf(2), eventOf(3)])).toEqual([eventOf(3)]);
  const bytes = await metricValue(first.metrics, "warpwatch_history_event_bytes");
  await first.close();
  const second = openHistory(folder);
  const { events } = await second.queryEvents(everything);
  expect(events).toEqual([eventOf(3), eventOf(2), eventOf(1)]);
  expect(await metricValue(second.metrics, "warpwatch_history_event_bytes")).toBe(bytes);
  await second.close();
});

const kinds: readonly EventKind[] = ["xid", "link_change", "drive_error"];
const generated = fc.record({
  node: fc.constantFrom("node-1", "node-2"),
  device: fc.constantFrom("", "GPU-1", "eth0"),
  kind: fc.constantFrom(...kinds),
  timeMilliseconds: fc.integer({ min: start, max: start + 20 }),
});
const asked = fc.record({
  from: fc.integer({ min: start, max: start + 20 }),
  to: fc.integer({ min: start, max: start + 21 }),
  node: fc.constantFrom("", "node-1"),
  device: fc.constantFrom("", "GPU-1"),
  kind: fc.constantFrom("", "xid"),
  limit: fc.integer({ min: 1, max: 5 }),
});

test("pages together hold exactly the events that a look at every one of them finds", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(generated, { maxLength: 40 }), asked, async (made, query) => {
      const history = openHistory(makeFolder());
      const events = made.map((of, index) => eventOf(index, of));
      history.events.add(events);
      const found: WarpwatchEvent[] = [];
      let page = await history.queryEvents({ ...query, before: null });
      for (;;) {
        expect(page.events.length).toBeLessThanOrEqual(query.limit);
        found.push(...page.events);
        if (!page.next) break;
        page = await history.queryEvents({ ...query, before: page.next });
      }
      await history.close();
      const expected = events
        .filter(({ timeMilliseconds }) => timeMilliseconds >= query.from)
        .filter(({ timeMilliseconds }) => timeMilliseconds < query.to)
        .filter(({ node }) => query.node === "" || node === query.node)
        .filter(({ device }) => query.device === "" || device === query.device)
        .filter(({ kind }) => query.kind === "" || kind === query.kind)
        .toReversed()
        .toSorted((one, other) => other.timeMilliseconds - one.timeMilliseconds);
      expect(found).toEqual(expected);
    }),
    { numRuns: 60 },
  );
});

test("the oldest go when they are over their bytes, and are counted", async () => {
  const history = openHistory(makeFolder(), { bounds: { eventBytes: 60_000 } });
  for (let sequence = 0; sequence < 300; sequence += 1) history.events.add([eventOf(sequence)]);
  const { events } = await history.queryEvents(everything);
  expect(events.length).toBeGreaterThan(80);
  expect(events.length).toBeLessThan(110);
  expect(events[0]).toEqual(eventOf(299));
  const gone = 'warpwatch_history_events_expired_total{reason="size"}';
  expect(await metricValue(history.metrics, gone)).toBe(300 - events.length);
  const bytes = await metricValue(history.metrics, "warpwatch_history_event_bytes");
  expect(bytes).toBeLessThanOrEqual(60_000);
  await history.close();
});

test("events outlive samples by years, and go when they are older than that", async () => {
  const clock = createFakeClock(start);
  const history = openHistory(makeFolder(), {
    clock,
    retentionMilliseconds: 30 * dayMilliseconds,
    eventsMilliseconds: 365 * dayMilliseconds,
  });
  history.events.add([eventOf(0), eventOf(1, { timeMilliseconds: start + 100 * dayMilliseconds })]);
  await clock.advance(364 * dayMilliseconds);
  history.retain();
  expect((await history.queryEvents(everything)).events).toHaveLength(2);
  await clock.advance(2 * dayMilliseconds);
  history.retain();
  expect((await history.queryEvents(everything)).events.map(({ sequence }) => sequence)).toEqual([
    1,
  ]);
  const gone = 'warpwatch_history_events_expired_total{reason="age"}';
  expect(await metricValue(history.metrics, gone)).toBe(1);
  await history.close();
});

test("events that an earlier version wrote are found by device and kind, and count by their bytes", async () => {
  const folder = makeFolder();
  await openHistory(folder).close();
  const file = join(folder, "journal.db");
  const sqlite = new DatabaseSync(file);
  sqlite.exec(`DROP TABLE contents; DROP TABLE listing;
    CREATE INDEX frame_by_chain ON frame (chain, sequence, oldest, newest, bytes);
    DROP TABLE event_size; DROP TABLE feature_day; DROP INDEX event_by_time;
    DROP INDEX event_by_node; DROP INDEX event_by_device; DROP INDEX event_by_kind;
    ALTER TABLE event DROP COLUMN kind; ALTER TABLE event DROP COLUMN device; PRAGMA user_version = 3`);
  for (const table of ["chain", "frame", "parquet", "event", "received"])
    sqlite.exec(`ALTER TABLE ${table} DROP COLUMN checksum`);
  sqlite
    .prepare("INSERT INTO event (node, boot, sequence, time, body) VALUES (?, ?, ?, ?, ?)")
    .run("node-1", "boot-1", 7, start + 7000, JSON.stringify(eventOf(7)));
  sqlite.close();
  const history = openHistory(folder);
  const query = { ...everything, device: "GPU-1", kind: "xid" };
  expect((await history.queryEvents(query)).events).toEqual([eventOf(7)]);
  const bytes = await metricValue(history.metrics, "warpwatch_history_event_bytes");
  expect(bytes).toBe(JSON.stringify(eventOf(7)).length + 400);
  await history.close();
});
