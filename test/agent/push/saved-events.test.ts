import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createComplaints } from "../../../agent/push/complaints.ts";
import { createEventsLane } from "../../../agent/push/events-lane.ts";
import { createRetry } from "../../../agent/push/retry.ts";
import { readSavedEvents, writeSavedEvents } from "../../../agent/push/saved-events.ts";
import { encodeEvents } from "../../../core/wire/event-codec.ts";
import type { WarpwatchEvent } from "../../../core/wire/event.ts";
import { createFakeClock } from "../../kit/fake-clock.ts";
import { makeFolder } from "../../kit/folder.ts";
import { quietLog } from "../../kit/rule-bench.ts";

const events = [1, 2, 3].map((sequence): WarpwatchEvent => ({
  node: "node-1",
  boot: "boot",
  sequence,
  timeMilliseconds: 1_700_000_000_000 + sequence,
  kind: "xid",
  device: "GPU-1",
  text: 'XID 79, "checksum":12',
  fields: { xid: "79", checksum: "12" },
}));

test("events are read as they were written, and those of an agent that wrote no checksums", () => {
  expect(readSavedEvents(writeSavedEvents(events), 10)).toEqual({ events, damaged: [] });
  expect(readSavedEvents(encodeEvents(events), 10)).toEqual({ events, damaged: [] });
  expect(readSavedEvents(writeSavedEvents(events), 2).events).toEqual(events.slice(0, 2));
});

test("whichever bit flips, an event is what it was or is told to be damaged", () => {
  const bytes = Buffer.from(writeSavedEvents(events));
  const known = new Set(events.map((event) => JSON.stringify(event)));
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const found = readSavedEvents(flipped.toString("utf8"), 10);
    const wrong = found.events.filter((event) => !known.has(JSON.stringify(event)));
    expect(wrong, `bit ${bit}`).toEqual([]);
    if (found.events.length < events.length)
      expect(found.damaged.length, `bit ${bit}`).toBeGreaterThan(0);
  }
});

test("damaged lines are counted and put aside when the agent starts, and the others are sent", async () => {
  const folder = makeFolder();
  const file = join(folder, "events.jsonl");
  writeFileSync(file, writeSavedEvents(events).replace('"sequence":2', '"sequence":6'));
  const clock = createFakeClock();
  const sent: string[] = [];
  const drops: [number, string][] = [];
  const lane = createEventsLane({
    post: ({ body }) => {
      sent.push(body.toString("latin1"));
      return Promise.resolve({ kind: "unreachable", sentence: "away" });
    },
    clock,
    instance: "node-1:9410",
    boot: "boot",
    folder,
    retry: createRetry(clock, () => "ffffffff-0000"),
    complaints: createComplaints(clock, quietLog, "events"),
    onDrop: (count, sentence) => void drops.push([count, sentence]),
  });
  expect(lane.waiting).toBe(2);
  expect(drops).toEqual([[1, expect.stringContaining("damaged on disk")]]);
  expect(readFileSync(join(folder, "events.damaged.jsonl"), "utf8")).toContain('"sequence":6');
  await lane.stop();
  expect(sent).toHaveLength(1);
  expect(existsSync(file)).toBe(true);
  expect(readSavedEvents(readFileSync(file, "utf8"), 10).events).toEqual([events[0], events[2]]);
});
