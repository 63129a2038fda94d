/** Events get a node, a boot and a number of their own, one log line, and reach every receiver that takes them. */
import { expect, test } from "vitest";
import { createAgentEvents } from "../../agent/events.ts";
import { createEnv } from "../../core/kit/env.ts";
import { createLog } from "../../core/kit/log.ts";
import type { EventReport, WarpwatchEvent } from "../../core/wire/event.ts";
import { createFakeClock } from "../kit/fake-clock.ts";

const report: EventReport = {
  timeMilliseconds: 1_700_000_000_000,
  kind: "xid",
  device: "GPU-1",
  text: "XID 79: GPU has fallen off the bus",
  fields: { xid: "79" },
};

test("numbers rise by one, every event is one log line, and a receiver that fails costs no other its events", () => {
  const clock = createFakeClock();
  const lines: string[] = [];
  const taken: WarpwatchEvent[] = [];
  const events = createAgentEvents({
    env: createEnv({ clock }),
    node: "n1",
    boot: "b1",
    log: createLog({ clock, write: (line) => void lines.push(line) }),
    receivers: [
      {
        accept: () => {
          throw new Error("full");
        },
      },
      { accept: (event) => void taken.push(event) },
    ],
  });
  events.report(report);
  events.report({ ...report, text: "x".repeat(10_000) });
  expect(taken.map(({ node, boot, sequence }) => [node, boot, sequence])).toEqual([
    ["n1", "b1", 1],
    ["n1", "b1", 2],
  ]);
  expect(taken[1]?.text.length).toBe(2000);
  expect([events.reported, events.dropped]).toEqual([2, 2]);
  const written = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const logged = written.filter(({ message }) => message === "event");
  expect(logged.length).toBe(2);
  expect(logged[0]).toMatchObject({ node: "n1", kind: "xid", device: "GPU-1", xid: "79" });
});
