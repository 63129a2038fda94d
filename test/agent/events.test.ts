/** Events get a node, a boot and a number of their own, one log line, and reach every receiver in order. */
import { expect, test } from "vitest";
import { createAgentEvents, type AgentEvents, type EventReceiver } from "../../agent/events.ts";
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

function make(receivers: EventReceiver[]): { events: AgentEvents; lines: string[] } {
  const lines: string[] = [];
  const log = createLog({ clock: createFakeClock(), write: (line) => void lines.push(line) });
  return { events: createAgentEvents({ node: "n1", boot: "b1", log, receivers }), lines };
}

test("numbers rise by one, and every event is one log line", () => {
  const taken: WarpwatchEvent[] = [];
  const { events, lines } = make([{ accept: (event) => void taken.push(event) }]);
  events.report(report);
  events.report(report);
  expect(taken.map(({ node, boot, sequence }) => [node, boot, sequence])).toEqual([
    ["n1", "b1", 1],
    ["n1", "b1", 2],
  ]);
  const written = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(written.length).toBe(2);
  expect(written[0]).toMatchObject({
    level: "info",
    message: "XID 79: GPU has fallen off the bus",
    event: "xid",
    node: "n1",
    device: "GPU-1",
    xid: "79",
  });
});

test("a receiver that fails for a while gets everything in order, and costs no other anything", () => {
  let failing = true;
  const late: number[] = [];
  const prompt: number[] = [];
  const { events } = make([
    {
      accept: (event) => {
        if (failing) throw new Error("full");
        late.push(event.sequence);
      },
    },
    { accept: (event) => void prompt.push(event.sequence) },
  ]);
  for (let count = 0; count < 3; count += 1) events.report(report);
  expect([late, prompt]).toEqual([[], [1, 2, 3]]);
  failing = false;
  events.flush();
  events.flush();
  expect([late, prompt]).toEqual([
    [1, 2, 3],
    [1, 2, 3],
  ]);
  expect(events.dropped).toBe(0);
});

test("what a receiver doesn't take is kept up to a bound, and what is pushed out is counted", () => {
  const refuse = (): never => {
    throw new Error("full");
  };
  const { events } = make([{ accept: refuse }]);
  for (let count = 0; count < 1500; count += 1) events.report(report);
  expect(events.reported).toBe(1500);
  expect(events.dropped).toBe(500);
});

test("without receivers nothing counts as dropped", () => {
  const { events } = make([]);
  for (let count = 0; count < 1500; count += 1) events.report(report);
  expect(events.dropped).toBe(0);
});
