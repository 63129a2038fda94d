/** The sampler's promises: pace, freshness, absence, and that no source can harm another. */
import { expect, test } from "vitest";
import { self } from "../../core/catalog/index.ts";
import type { EventReport } from "../../core/wire/event.ts";
import { deferred, makeBench, makePuppet, noSuchPlace, valueIn } from "../kit/sampler-bench.ts";

const wholeMinute = 1_700_000_040_000;

test("the first frame holds every source that is up, each under its own group", async () => {
  const puppets = [makePuppet("one"), makePuppet("two", "inventory")];
  const bench = makeBench(puppets);
  await bench.sampler.start();
  const [frame] = bench.frames;
  expect(frame?.schema.groups.map(({ source }) => source)).toEqual(["agent", "one", "two"]);
  expect(frame?.complete).toBe(true);
  expect([bench.value("one_value"), bench.value("two_value")]).toEqual([1, 1]);
});

test("ticks stand on the wall clock's seconds", async () => {
  const puppet = makePuppet("one");
  const bench = makeBench([puppet], { startMilliseconds: wholeMinute + 400 });
  await bench.sampler.start();
  await bench.clock.advance(3000);
  const times = bench.frames.map((frame) => (frame.timestamps[1] ?? 0) - wholeMinute);
  expect(times).toEqual([400, 1000, 2000, 3000]);
  expect(bench.frames.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4]);
});

test("each class is read at its own pace and keeps its own time in every frame", async () => {
  const fast = makePuppet("quick");
  const steady = makePuppet("slow", "steady");
  const bench = makeBench([fast, steady], { startMilliseconds: wholeMinute });
  await bench.sampler.start();
  await bench.clock.advance(14_000);
  expect([fast.reads, steady.reads]).toEqual([15, 1]);
  expect(bench.frames.at(-1)?.timestamps[2]).toBe(wholeMinute);
  expect(bench.value("slow_value")).toBe(1);
  await bench.clock.advance(1000);
  expect(steady.reads).toBe(2);
  expect(bench.frames.at(-1)?.timestamps[2]).toBe(wholeMinute + 15_000);
});

test("a fast period of 100 ms gives ten frames a second", async () => {
  const puppet = makePuppet("one");
  const { periodMilliseconds } = (await import("../../agent/config.ts")).defaultAgentConfig
    .sampling;
  const bench = makeBench([puppet], {
    config: { periodMilliseconds: { ...periodMilliseconds, fast: 100 } },
    startMilliseconds: wholeMinute,
  });
  await bench.sampler.start();
  await bench.clock.advance(1000);
  expect(puppet.reads).toBe(11);
});

const event: EventReport = {
  timeMilliseconds: wholeMinute,
  kind: "xid",
  device: "GPU-0",
  text: "",
  fields: {},
};

test("an event brings a frame forward in which its source, and no other, was read again", async () => {
  const puppets = [makePuppet("one"), makePuppet("two")] as const;
  const bench = makeBench(puppets, { startMilliseconds: wholeMinute });
  await bench.sampler.start();
  await bench.clock.advance(300);
  puppets[0].value = 2;
  puppets[1].value = 2;
  puppets[0].events?.report(event);
  await bench.clock.advance(0);
  expect(bench.frames).toHaveLength(2);
  expect([bench.value("one_value"), bench.value("two_value")]).toEqual([2, 1]);
  await bench.clock.advance(700);
  expect(bench.frames).toHaveLength(3);
});

test("a storm of events brings a frame forward four times a second at most", async () => {
  const puppet = makePuppet("one");
  const bench = makeBench([puppet], { startMilliseconds: wholeMinute });
  await bench.sampler.start();
  for (let time = 0; time < 2000; time += 10) {
    puppet.events?.report(event);
    await bench.clock.advance(10);
  }
  expect(bench.frames.length).toBeGreaterThan(8);
  expect(bench.frames.length).toBeLessThanOrEqual(11);
});

test("where frames come every 15 s, an event brings none forward", async () => {
  const puppet = makePuppet("one");
  const { periodMilliseconds } = (await import("../../agent/config.ts")).defaultAgentConfig
    .sampling;
  const bench = makeBench([puppet], {
    config: { periodMilliseconds: { ...periodMilliseconds, fast: 15_000 } },
    startMilliseconds: wholeMinute,
  });
  await bench.sampler.start();
  puppet.events?.report(event);
  await bench.clock.advance(5000);
  expect(bench.frames).toHaveLength(1);
});

test("a clock set back by an hour doesn't stop the sampling", async () => {
  const puppet = makePuppet("one");
  const bench = makeBench([puppet], { startMilliseconds: wholeMinute });
  await bench.sampler.start();
  await bench.clock.advance(2000);
  bench.clock.setWallClock(wholeMinute - 3_600_000);
  const before = puppet.reads;
  await bench.clock.advance(5000);
  expect(puppet.reads - before).toBeGreaterThanOrEqual(4);
});

test("a slot that a read leaves alone is absent, not zero and not its last value", async () => {
  const puppet = makePuppet("one");
  puppet.devices = ["a", "b"];
  const bench = makeBench([puppet]);
  await bench.sampler.start();
  puppet.read = (column) => {
    column[0] = 0;
  };
  await bench.clock.advance(1000);
  expect(bench.value("one_value", { device: "a" })).toBe(0);
  expect(bench.value("one_value", { device: "b" })).toBeNull();
});

test("a source that throws is down, its values gone, and its siblings go on", async () => {
  const bad = makePuppet("bad");
  const good = makePuppet("good");
  const bench = makeBench([bad, good]);
  await bench.sampler.start();
  bad.read = () => {
    throw new Error("line 3 is no number");
  };
  good.value = 7;
  await bench.clock.advance(1000);
  expect([bench.up("bad"), bench.up("good")]).toEqual([0, 1]);
  expect(bench.value("bad_value")).toBeNull();
  expect(bench.value("good_value")).toBe(7);
  expect(
    bench.value(self.sourceInfo.name, {
      source: "bad",
      state: "down",
      reason: "line 3 is no number",
    }),
  ).toBe(1);
  bad.read = (column) => void column.fill(5);
  await bench.clock.advance(1000);
  expect([bench.up("bad"), bench.value("bad_value")]).toEqual([1, 5]);
  expect(bench.events.map(({ text }) => text)).toEqual(["bad down", "bad up"]);
});

test("a source that keeps failing writes one log line a minute, not one per read", async () => {
  const bad = makePuppet("bad");
  bad.read = () => {
    throw new Error("broken");
  };
  const bench = makeBench([bad]);
  await bench.sampler.start();
  await bench.clock.advance(59_000);
  const warnings = bench.logLines.filter((line) => line.includes('"level":"warn"'));
  expect(warnings.length).toBe(1);
});

test("an absent source has no up series, says why, and comes up when the place appears", async () => {
  const puppet = makePuppet("late");
  const { open } = puppet;
  puppet.open = noSuchPlace;
  const bench = makeBench([puppet]);
  await bench.sampler.start();
  expect([bench.stateOf("late"), bench.up("late")]).toEqual(["absent", null]);
  const reason = { source: "late", state: "absent", reason: "this machine has none" };
  expect(bench.value(self.sourceInfo.name, reason)).toBe(1);
  puppet.open = open;
  await bench.clock.advance(61_000);
  expect([bench.up("late"), bench.value("late_value")]).toEqual([1, 1]);
});

test("a frame isn't laid out anew because an absent source was tried again", async () => {
  const late = makePuppet("late");
  late.open = noSuchPlace;
  const bench = makeBench([makePuppet("one"), late]);
  await bench.sampler.start();
  const { version } = bench.sampler.frame().schema;
  await bench.clock.advance(61_000);
  expect(late.opens).toBe(2);
  expect(bench.sampler.frame().schema.version).toBe(version);
});

test("an absent source is tried less and less often, and at once when asked", async () => {
  const puppet = makePuppet("none");
  puppet.open = noSuchPlace;
  const bench = makeBench([puppet]);
  await bench.sampler.start();
  await bench.clock.advance(600_000);
  expect(puppet.opens).toBeLessThan(6);
  const before = puppet.opens;
  bench.sampler.retry();
  await bench.clock.advance(1000);
  expect(puppet.opens).toBe(before + 1);
});

test("a source that can't be opened is down and is tried again", async () => {
  const puppet = makePuppet("locked");
  const { open } = puppet;
  puppet.open = () => {
    throw new Error("permission denied");
  };
  const bench = makeBench([puppet]);
  await bench.sampler.start();
  expect([bench.stateOf("locked"), bench.up("locked")]).toEqual(["down", 0]);
  puppet.open = open;
  await bench.clock.advance(6000);
  expect(bench.up("locked")).toBe(1);
});

test("a source whose devices changed is registered anew and read once more in the same tick", async () => {
  const puppet = makePuppet("cards");
  const bench = makeBench([puppet]);
  await bench.sampler.start();
  const version = bench.sampler.frame().schema.version;
  puppet.devices = ["a", "b", "c"];
  puppet.read = (column) => {
    if (column.length !== 3) return "changed";
    column.fill(4);
    return undefined;
  };
  await bench.clock.advance(1000);
  expect(bench.sampler.frame().schema.version).toBe(version + 1);
  expect(bench.value("cards_value", { device: "c" })).toBe(4);
  expect(bench.up("cards")).toBe(1);
});

test("a source that says changed without end is down", async () => {
  const puppet = makePuppet("restless");
  puppet.read = () => "changed";
  const bench = makeBench([puppet]);
  await bench.sampler.start();
  expect(bench.up("restless")).toBe(0);
  expect(puppet.reads).toBe(2);
});

test("the schema stays the same object while nothing changes", async () => {
  const bench = makeBench([makePuppet("one")]);
  await bench.sampler.start();
  const { schema } = bench.sampler.frame();
  await bench.clock.advance(10_000);
  expect(bench.sampler.frame().schema).toBe(schema);
});

test("a reason that differs with every failure doesn't make a schema every second", async () => {
  const puppet = makePuppet("bad");
  const bench = makeBench([puppet]);
  await bench.sampler.start();
  puppet.read = () => {
    throw new Error(`failure ${puppet.reads}`);
  };
  await bench.clock.advance(1000);
  const { version } = bench.sampler.frame().schema;
  await bench.clock.advance(120_000);
  expect(bench.sampler.frame().schema.version - version).toBeLessThanOrEqual(2);
});

test("series past the source's bound are left out and counted", async () => {
  const puppet = makePuppet("many");
  puppet.devices = Array.from({ length: 50 }, (_, index) => `d${index}`);
  const bench = makeBench([puppet], { config: { maximumSeriesPerSource: 20 } });
  await bench.sampler.start();
  expect(bench.value(self.sourceSeries.name, { source: "many" })).toBe(20);
  expect(bench.value(self.sourceRefusedSeries.name, { source: "many" })).toBe(30);
  expect(bench.value("many_value", { device: "d19" })).toBe(1);
  expect(bench.value("many_value", { device: "d20" })).toBeNull();
});

test("a reader that fails five times in a row is closed and its source opened anew", async () => {
  const puppet = makePuppet("worn");
  const bench = makeBench([puppet]);
  await bench.sampler.start();
  puppet.read = () => {
    throw new Error("no such device");
  };
  await bench.clock.advance(5000);
  expect(puppet.closes).toBe(1);
  puppet.read = (column) => void column.fill(2);
  await bench.clock.advance(6000);
  expect([puppet.opens, bench.value("worn_value")]).toEqual([2, 2]);
});

test("a sink that throws is counted and the others get the frame", async () => {
  const bench = makeBench([makePuppet("one")], {
    sinks: [
      {
        accept: () => {
          throw new Error("full");
        },
      },
    ],
  });
  await bench.sampler.start();
  await bench.clock.advance(1000);
  expect(bench.sampler.failedDeliveries).toBe(2);
  expect(bench.frames.length).toBe(2);
});

test("stopping closes every reader, aborts what is under way and sends nothing more", async () => {
  const stuck = makePuppet("stuck");
  let signal: AbortSignal | null = null;
  const bench = makeBench([makePuppet("one"), stuck]);
  await bench.sampler.start();
  stuck.read = (_column, given) => {
    signal = given;
    return deferred<void>().promise;
  };
  await bench.clock.advance(1000);
  const sent = bench.frames.length;
  bench.sampler.stop();
  await bench.clock.advance(10_000);
  expect(signal).toHaveProperty("aborted", true);
  expect([stuck.closes, bench.frames.length]).toEqual([1, sent]);
  expect(bench.clock.pendingTimers).toBeLessThanOrEqual(1);
});

test("the frames that were sent keep what they said", async () => {
  const puppet = makePuppet("one");
  const bench = makeBench([puppet]);
  await bench.sampler.start();
  puppet.value = 2;
  await bench.clock.advance(1000);
  expect(bench.frames.map((frame) => valueIn(frame, "one_value"))).toEqual([1, 2]);
});
