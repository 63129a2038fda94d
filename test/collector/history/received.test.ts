import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { WarpwatchEvent } from "../../../core/wire/event.ts";
import { createFakeClock } from "../../kit/fake-clock.ts";
import { makeFolder } from "../../kit/folder.ts";
import { createFrameMaker } from "../../kit/rule-bench.ts";
import { openHistory, startMilliseconds } from "./kit.ts";

function framesIn(folder: string): number {
  const sqlite = new DatabaseSync(join(folder, "journal.db"), { readOnly: true });
  const row = sqlite.prepare("SELECT COUNT(*) AS frames FROM frame WHERE closing = 0").get();
  sqlite.close();
  return Number(row?.["frames"]);
}

it("keeps no frame twice that comes again after it left the journal, by this process or the one before", async () => {
  const folder = makeFolder();
  const clock = createFakeClock(startMilliseconds);
  const make = createFrameMaker();
  const frames = [0, 1, 2, 3, 4].map((second) =>
    make(startMilliseconds + second * 1000, [{ metric: "test_level", value: second }]),
  );
  let history = openHistory(folder, { clock, bounds: { commitMilliseconds: 0 } });
  // One in the middle is missing: it comes late, and is new.
  const stored = frames.filter(({ sequence }) => sequence !== 3).map((one) => history.append(one));
  await clock.advance(10);
  await Promise.all(stored);
  await history.compact({ all: true });
  expect(framesIn(folder)).toBe(0);
  for (let run = 0; run < 2; run += 1) {
    const again = frames.map((frame) => history.append(frame));
    await clock.advance(10);
    await Promise.all(again);
    expect(framesIn(folder)).toBe(1);
    await history.close();
    history = openHistory(folder, { clock, bounds: { commitMilliseconds: 0 } });
  }
  await history.close();
});

it("keeps an event once, and has it after a restart", async () => {
  const folder = makeFolder();
  const event = (sequence: number): WarpwatchEvent => ({
    node: "node-1",
    boot: "boot",
    sequence,
    timeMilliseconds: startMilliseconds,
    kind: "xid",
    device: "GPU-1",
    text: "XID 48",
    fields: { code: "48" },
  });
  let history = openHistory(folder);
  expect(history.events.add([event(1), event(2)])).toHaveLength(2);
  expect(history.events.add([event(2), event(3)])).toEqual([event(3)]);
  await history.close();
  history = openHistory(folder);
  expect(history.events.add([event(1)])).toEqual([]);
  expect(history.events.recent(2)).toEqual([event(2), event(3)]);
  await history.close();
});
