import { describe, expect, it } from "vitest";
import { createLateClock } from "../../../cli/demo/late-clock.ts";
import { every } from "../../../core/kit/clock.ts";
import { createFakeClock } from "../../kit/fake-clock.ts";

const start = 1_790_000_000_000;
const never = new AbortController().signal;

describe("the late clock", () => {
  it("stands still in the past, lives every timer of it, and is the real clock then", async () => {
    const real = createFakeClock(start);
    const clock = createLateClock(real, 600_000);
    expect(clock.now()).toBe(start - 600_000);
    const ticks: number[] = [];
    const timer = every(clock, 1000, () => ticks.push(clock.now()));
    await real.advance(50);
    expect(ticks).toEqual([]);
    await clock.catchUp(never);
    expect(ticks).toHaveLength(600);
    expect(ticks.every((time, index) => time === start - 599_000 + index * 1000)).toBe(true);
    expect(clock.now()).toBe(real.now());
    expect(clock.monotonic(), "it rose by the past, and was never negative").toBe(600_000 + 50);
    await real.advance(2000);
    expect(ticks.slice(600)).toEqual([start + 1000, start + 2000]);
    timer.cancel();
    await real.advance(2000);
    expect(ticks).toHaveLength(602);
  });

  it("fires timers in the order of their times and none that was cancelled", async () => {
    const real = createFakeClock(start);
    const clock = createLateClock(real, 10_000);
    const fired: string[] = [];
    clock.after(2000, () => fired.push("second"));
    clock.after(1000, () => void clock.after(500, () => fired.push("first")));
    clock.after(3000, () => fired.push("never")).cancel();
    clock.after(11_000, () => fired.push("after the past"));
    await clock.catchUp(never);
    expect(fired).toEqual(["first", "second"]);
    await real.advance(1000);
    expect(fired).toEqual(["first", "second", "after the past"]);
  });

  it("gives up the past when it is asked to end", async () => {
    const clock = createLateClock(createFakeClock(start), 10_000);
    const controller = new AbortController();
    let ticks = 0;
    every(clock, 1000, () => {
      ticks += 1;
      if (ticks === 3) controller.abort();
    });
    await clock.catchUp(controller.signal);
    expect(ticks).toBe(3);
    expect(clock.now()).toBe(start);
  });
});
