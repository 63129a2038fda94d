/** Reads that take their time: time-outs, reads that never come back, bounds on how many wait, and scrapes meanwhile. */
import { describe, expect, test } from "vitest";
import { defaultAgentConfig } from "../../agent/config.ts";
import type { ReadResult } from "../../agent/sources/source.ts";
import { self } from "../../core/catalog/index.ts";
import { deferred, makeBench, makePuppet, valueIn } from "../kit/sampler-bench.ts";

const wholeMinute = 1_700_000_040_000;

test("an asynchronous read that is quick rides on its own tick's frame", async () => {
  const puppet = makePuppet("lazy");
  puppet.read = async (column) => {
    await Promise.resolve();
    column.fill(3);
  };
  const bench = makeBench([puppet], { startMilliseconds: wholeMinute });
  await bench.sampler.start();
  await bench.clock.advance(1000);
  expect(bench.frames.at(-1)?.timestamps[1]).toBe(wholeMinute + 1000);
  expect(bench.value("lazy_value")).toBe(3);
});

test("a half-written column is never seen", async () => {
  const puppet = makePuppet("lazy", "steady");
  puppet.devices = ["a", "b"];
  const bench = makeBench([puppet], { startMilliseconds: wholeMinute });
  await bench.sampler.start();
  const gate = deferred<ReadResult>();
  puppet.read = (column) => {
    column[0] = 99;
    return gate.promise;
  };
  await bench.clock.advance(16_000);
  expect(bench.value("lazy_value", { device: "a" })).toBe(1);
  expect(bench.value("lazy_value", { device: "b" })).toBe(1);
});

test("a read over its time-out is aborted, its source down, and a late answer is not used", async () => {
  const puppet = makePuppet("slow");
  const bench = makeBench([puppet]);
  await bench.sampler.start();
  const gate = deferred<ReadResult>();
  let aborted = false;
  puppet.read = (column, signal) => {
    signal.addEventListener("abort", () => (aborted = true));
    return gate.promise.then(() => void column.fill(66));
  };
  await bench.clock.advance(2100);
  expect([aborted, bench.up("slow"), bench.value("slow_value")]).toEqual([true, 0, null]);
  expect(bench.logLines.some((line) => line.includes("SOURCE_TIMEOUT"))).toBe(true);
  gate.resolve();
  await bench.clock.advance(0);
  expect(bench.value("slow_value")).toBeNull();
  puppet.read = (column) => void column.fill(8);
  await bench.clock.advance(1000);
  expect([bench.up("slow"), bench.value("slow_value")]).toEqual([1, 8]);
});

test("a read that never comes back is never joined by a second, and its age is a metric", async () => {
  const stuck = makePuppet("stuck");
  const good = makePuppet("good");
  const bench = makeBench([stuck, good]);
  await bench.sampler.start();
  stuck.read = () => deferred<ReadResult>().promise;
  const reads = stuck.reads;
  await bench.clock.advance(61_000);
  expect(stuck.reads).toBe(reads + 1);
  expect(bench.up("stuck")).toBe(0);
  const age = bench.value(self.sourceInFlight.name, { source: "stuck" }) ?? 0;
  expect(age).toBeGreaterThan(59);
  expect(good.reads).toBeGreaterThan(60);
  expect(bench.value(self.sourceFailures.name, { source: "stuck" })).toBe(1);
});

test("a late answer that says changed makes the next round register first", async () => {
  const puppet = makePuppet("cards");
  const bench = makeBench([puppet]);
  await bench.sampler.start();
  const gate = deferred<ReadResult>();
  puppet.read = () => gate.promise;
  await bench.clock.advance(2500);
  puppet.devices = ["a", "b"];
  gate.resolve("changed");
  puppet.read = (column) => void column.fill(5);
  await bench.clock.advance(1000);
  expect(bench.value("cards_value", { device: "b" })).toBe(5);
});

test("a source that opens late is taken when it comes, without a second attempt meanwhile", async () => {
  const puppet = makePuppet("late");
  const { open } = puppet;
  const gate = deferred<void>();
  puppet.open = (signal) => gate.promise.then(() => open(signal));
  const bench = makeBench([puppet]);
  const started = bench.sampler.start();
  await bench.clock.advance(30_000);
  await started;
  expect([bench.stateOf("late"), puppet.opens]).toEqual(["down", 1]);
  gate.resolve();
  await bench.clock.advance(1000);
  expect([bench.up("late"), puppet.opens]).toEqual([1, 1]);
});

test("a source that opens after the stop is closed", async () => {
  const puppet = makePuppet("late");
  const { open } = puppet;
  const gate = deferred<void>();
  puppet.open = (signal) => gate.promise.then(() => open(signal));
  const bench = makeBench([puppet]);
  const started = bench.sampler.start();
  await bench.clock.advance(2500);
  await started;
  bench.sampler.stop();
  gate.resolve();
  await bench.clock.advance(0);
  expect([puppet.closes, puppet.reads]).toEqual([1, 0]);
});

test("the first frame doesn't wait for a source that hangs", async () => {
  const stuck = makePuppet("stuck");
  stuck.open = () => deferred<never>().promise;
  const bench = makeBench([stuck, makePuppet("good")]);
  const started = bench.sampler.start();
  await bench.clock.advance(2000);
  await started;
  expect(bench.frames.length).toBe(1);
  expect(bench.value("good_value")).toBe(1);
});

test("no more rounds wait at once than allowed, and those in line follow", async () => {
  const gates = Array.from({ length: 6 }, () => deferred<ReadResult>());
  const puppets = gates.map((_, index) => makePuppet(`s${index}`));
  for (const puppet of puppets) puppet.read = async (column) => void column.fill(1);
  const bench = makeBench(puppets, { config: { maximumConcurrentRounds: 2 } });
  await bench.sampler.start();
  let waiting = 0;
  let most = 0;
  puppets.forEach((puppet, index) => {
    puppet.read = async () => {
      waiting += 1;
      most = Math.max(most, waiting);
      await gates[index]?.promise;
      waiting -= 1;
    };
  });
  await bench.clock.advance(1000);
  expect(most).toBe(2);
  for (const gate of gates) gate.resolve();
  await bench.clock.advance(10);
  expect(most).toBe(2);
  expect(puppets.every(({ reads }) => reads === 2)).toBe(true);
});

const longPeriod = {
  periodMilliseconds: { ...defaultAgentConfig.sampling.periodMilliseconds, fast: 10_000 },
};

test("a scrape reads again what is cheap and older than a second, and nothing else", async () => {
  const fast = makePuppet("quick");
  const steady = makePuppet("calm", "steady");
  const bench = makeBench([fast, steady], {
    config: longPeriod,
    startMilliseconds: wholeMinute + 1000,
  });
  await bench.sampler.start();
  await bench.clock.advance(500);
  await bench.sampler.refresh();
  expect(fast.reads).toBe(1);
  fast.value = 9;
  await bench.clock.advance(1500);
  const frame = await bench.sampler.refresh();
  expect([fast.reads, steady.reads]).toEqual([2, 1]);
  expect(valueIn(frame, "quick_value")).toBe(9);
  expect(bench.frames.length).toBe(1);
});

test("no scrape at any instant shows a cheap value older than a second", async () => {
  const puppet = makePuppet("quick");
  const bench = makeBench([puppet], { startMilliseconds: wholeMinute + 7 });
  await bench.sampler.start();
  let oldest = 0;
  for (let step = 0; step < 500; step += 1) {
    await bench.clock.advance(37);
    const frame = await bench.sampler.refresh();
    oldest = Math.max(oldest, bench.clock.now() - (frame.timestamps[1] ?? 0));
  }
  expect(oldest).toBeLessThanOrEqual(1000);
});

test("a scrape waits for a cheap read no longer than its budget and leaves out what is too old", async () => {
  const stuck = makePuppet("stuck");
  const good = makePuppet("good");
  const bench = makeBench([stuck, good], {
    config: longPeriod,
    startMilliseconds: wholeMinute + 1000,
  });
  await bench.sampler.start();
  await bench.clock.advance(1500);
  const gate = deferred<ReadResult>();
  stuck.read = (column) => gate.promise.then(() => void column.fill(2));
  const scrape = bench.sampler.refresh();
  await bench.clock.advance(50);
  const frame = await scrape;
  expect(valueIn(frame, "stuck_value")).toBeNull();
  expect(valueIn(frame, "good_value")).toBe(1);
  const { revision } = bench.sampler;
  gate.resolve();
  await bench.clock.advance(10);
  expect(valueIn(await bench.sampler.refresh(), "stuck_value")).toBe(2);
  expect(bench.sampler.revision).not.toBe(revision);
});

test("scrapes at the same time share one round", async () => {
  const puppet = makePuppet("quick");
  const bench = makeBench([puppet], { config: longPeriod, startMilliseconds: wholeMinute + 1000 });
  await bench.sampler.start();
  await bench.clock.advance(2000);
  await Promise.all([bench.sampler.refresh(), bench.sampler.refresh(), bench.sampler.refresh()]);
  expect(puppet.reads).toBe(2);
});

describe("where nobody takes frames", () => {
  test("what is cheap is read at the pace of the slower, and anew for every scrape a second later", async () => {
    const fast = makePuppet("quick");
    const steady = makePuppet("calm", "steady");
    const bench = makeBench([fast, steady], { pulledOnly: true, startMilliseconds: wholeMinute });
    await bench.sampler.start();
    await bench.clock.advance(60_000);
    expect([fast.reads, steady.reads]).toEqual([5, 5]);
    for (let second = 1; second <= 10; second += 1) {
      fast.value = second;
      await bench.clock.advance(1000);
      const frame = await bench.sampler.refresh();
      expect(valueIn(frame, "quick_value")).toBe(second);
      expect(bench.clock.now() - (frame.timestamps[1] ?? 0)).toBe(0);
    }
    expect(bench.sampler.ageMilliseconds()).toBe(0);
  });

  test("a scrape opens what can be opened again, without waiting for it", async () => {
    const late = makePuppet("late");
    const { open } = late;
    late.open = () => {
      throw new Error("permission denied");
    };
    const bench = makeBench([late], { pulledOnly: true, startMilliseconds: wholeMinute });
    await bench.sampler.start();
    late.open = open;
    await bench.clock.advance(1000);
    expect(valueIn(await bench.sampler.refresh(), "late_value")).toBeNull();
    await bench.clock.advance(5000);
    expect(valueIn(await bench.sampler.refresh(), "late_value")).toBe(1);
  });
});
