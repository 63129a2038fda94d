import { expect, test } from "vitest";
import { createSchedule } from "../../collector/schedule.ts";
import { createLog } from "../../core/kit/log.ts";
import { createFakeClock } from "../kit/fake-clock.ts";

const minute = 60_000;
const start = Date.UTC(2026, 0, 10, 23, 58, 30);

function createBench() {
  const clock = createFakeClock(start);
  const lines: string[] = [];
  const log = createLog({ clock, write: (line) => lines.push(line) });
  return { clock, lines, schedule: createSchedule({ clock, log }) };
}

test("runs a job at each minute that its expression matches, in UTC", async () => {
  const { clock, schedule } = createBench();
  const ran: string[] = [];
  const note = (): void => void ran.push(new Date(clock.now()).toISOString().slice(8, 16));
  schedule.add("hourly", "5 * * * *", note);
  schedule.add("nightly", "0 0 * * *", note);
  await clock.advance(2 * 60 * minute);
  expect(ran).toEqual(["11T00:00", "11T00:05", "11T01:05"]);
  schedule.stop();
  await clock.advance(24 * 60 * minute);
  expect(ran).toHaveLength(3);
});

test("does once what was due while the process couldn't run", async () => {
  const { clock, schedule } = createBench();
  let ran = 0;
  schedule.add("every minute", "* * * * *", () => (ran += 1));
  await clock.advance(minute);
  expect(ran).toBe(1);
  clock.setWallClock(clock.now() + 45 * minute);
  await clock.advance(minute);
  expect(ran).toBe(2);
});

test("leaves a job out while it still runs, and survives one that fails", async () => {
  const { clock, lines, schedule } = createBench();
  let ran = 0;
  schedule.add("slow", "* * * * *", () => {
    ran += 1;
    return new Promise(() => undefined);
  });
  schedule.add("broken", "* * * * *", () => Promise.reject(new Error("no space")));
  await clock.advance(3 * minute);
  expect(ran).toBe(1);
  expect(lines.join("")).toContain("slow is left out this time: it still runs");
  expect(lines.join("")).toContain("broken failed: no space");
});

test.each(["61 * * * *", "* * *", "* * * * * *", "@daily", ""])("refuses %j", (expression) => {
  const { schedule } = createBench();
  expect(() => schedule.add("odd", expression, () => undefined)).toThrow(/is not a schedule/);
});
