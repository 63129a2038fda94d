/** Clocks: the system's follows the wall clock, and ticks stand on its multiples whatever it does. */
import { expect, test } from "vitest";
import { createSystemClock, every, sleep, type Clock } from "../../../core/kit/clock.ts";
import { createFakeClock } from "../../kit/fake-clock.ts";

test("the system's clock is never off the wall clock by a millisecond", () => {
  const clock = createSystemClock();
  for (let round = 0; round < 1000; round += 1) {
    const before = Date.now();
    const now = clock.now();
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThan(Date.now() + 1);
  }
});

test("a timer that fires a little early doesn't make a second tick at the same boundary", async () => {
  const steady = createFakeClock(1_700_000_000_000);
  const early: Clock = {
    ...steady,
    after: (milliseconds, callback) => steady.after(Math.max(0, milliseconds - 0.8), callback),
  };
  let ticks = 0;
  const timer = every(early, 1000, () => (ticks += 1));
  await steady.advance(10_000);
  timer.cancel();
  expect(ticks).toBe(10);
});

test("a cancelled timer ticks no more", async () => {
  const clock = createFakeClock();
  let ticks = 0;
  const timer = every(clock, 100, () => (ticks += 1));
  await clock.advance(250);
  timer.cancel();
  await clock.advance(1000);
  expect([ticks, clock.pendingTimers]).toEqual([2, 0]);
});

test("sleeping ends at once when the signal aborts", async () => {
  const clock = createFakeClock();
  const controller = new AbortController();
  const slept = sleep(clock, 10_000, controller.signal);
  controller.abort();
  await slept;
  await sleep(clock, 10_000, controller.signal);
  expect(clock.pendingTimers).toBe(0);
});
