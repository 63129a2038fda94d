import { expect, test } from "vitest";
import { createLog } from "../../../core/kit/log.ts";
import { createFakeClock } from "../../kit/fake-clock.ts";

function makeLog() {
  const clock = createFakeClock();
  const lines: Record<string, unknown>[] = [];
  const log = createLog({ clock, write: (line) => void lines.push(JSON.parse(line) as never) });
  return { clock, lines, log };
}

test("a field can't pass for the line's own time, level or message", () => {
  const { lines, log } = makeLog();
  log.warn("event", { level: "none", message: "all is well", time: "never", gpu: "3" });
  expect(lines).toMatchObject([
    {
      level: "warn",
      message: "event",
      event_level: "none",
      event_message: "all is well",
      gpu: "3",
    },
  ]);
  expect(lines[0]?.["time"]).not.toBe("never");
});

test("the same warning is written once a minute, with how often it was held back", async () => {
  const { clock, lines, log } = makeLog();
  for (let round = 0; round < 3; round += 1) log.warn("the disk is slow");
  expect(lines).toHaveLength(1);
  await clock.advance(61_000);
  log.warn("the disk is slow");
  expect(lines[1]).toMatchObject({ message: "the disk is slow", repeated: 2 });
});

test("a line stays one line whatever it says", () => {
  const { lines, log } = makeLog();
  log.info("a\nb", { reason: "c\nd" });
  expect(Object.values(lines[0] ?? {}).some((value) => String(value).includes("\n"))).toBe(false);
});
