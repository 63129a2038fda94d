import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createEventBuffer } from "../../../core/wire/event-buffer.ts";
import {
  decodeEvents,
  defaultEventLimits,
  encodeEvents,
  trimReport,
} from "../../../core/wire/event-codec.ts";
import type { EventReport, WarpwatchEvent } from "../../../core/wire/event.ts";

const xid: EventReport = {
  timeMilliseconds: 1_790_000_000_000.5,
  kind: "xid",
  device: "GPU-1",
  text: "Xid 79: GPU has fallen off the bus.\n",
  fields: { code: "79", pci: "0000:0a:00.0" },
};

function eventOf(sequence: number): WarpwatchEvent {
  return { node: "node1", boot: "b", sequence, ...xid };
}

test("reads the events that it wrote", () => {
  const text = fc.string({ unit: "binary", maxLength: 30 });
  const events = fc.array(
    fc.record({
      node: text.filter((name) => name !== ""),
      boot: fc.uuid(),
      sequence: fc.maxSafeInteger().map(Math.abs),
      timeMilliseconds: fc.double({ noNaN: true, noDefaultInfinity: true }).map((time) => time + 0),
      kind: fc.constantFrom("xid", "thermal", "source_state"),
      device: text,
      text,
      fields: fc.dictionary(text, text, { maxKeys: 5, noNullPrototype: true }),
    }),
  );
  fc.assert(
    fc.property(events, (given) => {
      const list = given as WarpwatchEvent[];
      expect(decodeEvents(encodeEvents(list), 1000)).toEqual({
        events: list,
        problems: [],
        truncated: 0,
      });
    }),
  );
});

const line = encodeEvents([eventOf(1)]).trimEnd();

test.each([
  ["nothing", "", "the line isn't JSON"],
  ["half a line", line.slice(0, 40), "the line isn't JSON"],
  ["a list", "[]", "the line isn't a JSON object"],
  ["null", "null", "the line isn't a JSON object"],
  ["no node", line.replace('"node1"', '""'), "the event needs a node and a boot"],
  ["a number for a node", line.replace('"node1"', "1"), "the event needs a node and a boot"],
  ["a long node", line.replace("node1", "n".repeat(513)), "the event needs a node and a boot"],
  ["a negative sequence", line.replace(":1,", ":-1,"), "sequence isn't a whole number"],
  ["no time", line.replace("timeMilliseconds", "time"), "timeMilliseconds isn't a number"],
  ["an unknown kind", line.replace('"xid"', '"toString"'), "kind isn't one that is known"],
  ["no text", line.replace('"text"', '"words"'), "device and text have to be texts"],
  ["a list of fields", line.replace(/"fields":\{.*?\}/, '"fields":["a"]'), "fields have to be"],
  ["a field that is a number", line.replace('"79"', "79"), "fields have to be texts by name"],
  ["a huge line", line.replace("Xid", "x".repeat(70_000)), "the line is over 65536 bytes long"],
])("skips %s and reads the events around it", (_, bad, sentence) => {
  const decoded = decodeEvents(`${line}\n${bad}\n${line}\n`, 10);
  expect(decoded.events).toEqual([eventOf(1), eventOf(1)]);
  expect(decoded.problems).toEqual([{ line: 2, sentence: expect.stringContaining(sentence) }]);
});

test("reads no more events than it may", () => {
  const decoded = decodeEvents(encodeEvents([1, 2, 3, 4].map(eventOf)), 3);
  expect(decoded.events).toHaveLength(3);
  expect(decoded.problems).toEqual([{ line: 4, sentence: "there are more than 3 events" }]);
});

test("cuts texts and fields to the limits, counts that, and keeps characters whole", () => {
  const limits = { ...defaultEventLimits, textCharacters: 5, fields: 2, fieldCharacters: 3 };
  const { report, truncated } = trimReport(
    { ...xid, device: "abc", text: "abcd🔥", fields: { one: "1234", twos: "2", three: "3" } },
    limits,
  );
  expect(report.text).toBe("abcd\ufffd");
  expect(report.device).toBe("abc");
  expect(report.fields).toEqual({ one: "123", two: "2" });
  expect(truncated).toBe(4);
});

test("numbers events and replays them from a sequence", () => {
  const buffer = createEventBuffer({ node: "node1", boot: "b", capacity: 10 });
  for (let count = 0; count < 4; count += 1) buffer.report(xid);
  expect(buffer.sequence).toBe(4);
  expect(buffer.after(0).map((event) => event.sequence)).toEqual([1, 2, 3, 4]);
  expect(buffer.after(2)).toEqual([eventOf(3), eventOf(4)]);
  expect(buffer.after(1, 2).map((event) => event.sequence)).toEqual([2, 3]);
  expect(buffer.after(4)).toEqual([]);
  expect(buffer.dropped).toBe(0);
});

test("keeps the latest events, counts those it dropped, and leaves a hole in the sequence", () => {
  const buffer = createEventBuffer({ node: "node1", boot: "b", capacity: 3 });
  for (let count = 0; count < 8; count += 1) buffer.report(xid);
  expect(buffer.after(0).map((event) => event.sequence)).toEqual([6, 7, 8]);
  expect(buffer.dropped).toBe(5);
});

test("doesn't count as dropped what was acknowledged", () => {
  const buffer = createEventBuffer({ node: "node1", boot: "b", capacity: 3 });
  for (let count = 0; count < 8; count += 1) {
    buffer.report(xid);
    buffer.acknowledge(buffer.sequence - 1);
  }
  expect(buffer.after(0).map((event) => event.sequence)).toEqual([8]);
  buffer.acknowledge(100);
  expect(buffer.after(0)).toEqual([]);
  buffer.report(xid);
  expect(buffer.after(0).map((event) => event.sequence)).toEqual([9]);
  expect(buffer.dropped).toBe(0);
});

test("counts what it cut from the events it keeps", () => {
  const buffer = createEventBuffer({ node: "node1", boot: "b", capacity: 3 });
  buffer.report({ ...xid, text: "x".repeat(5000) });
  expect(buffer.truncated).toBe(1);
  expect(buffer.after(0)[0]?.text).toHaveLength(2048);
});
