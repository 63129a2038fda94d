import { describe, expect, it } from "vitest";
import { defaultIngestLimits } from "../../../../collector/ingest/door.ts";
import { createRegistry } from "../../../../collector/ingest/remote-write/registry.ts";
import { createWriter } from "../../../../collector/ingest/remote-write/writer.ts";
import { isPresent, type Frame } from "../../../../core/wire/frame.ts";
import { createBatchBuilder } from "../../../../core/wire/write-request.ts";
import { createFakeClock } from "../../../kit/fake-clock.ts";
import { startMilliseconds } from "../../../kit/rule-bench.ts";

type Sample = readonly [name: string, value: number, offset: number, target?: string];

function open(options: { gathers?: boolean } = {}) {
  const clock = createFakeClock(startMilliseconds);
  const registry = createRegistry({ ...defaultIngestLimits, series: 1000 }, "boot-1");
  const kept: string[] = [];
  const judged: string[] = [];
  const disk = { fails: false };
  const write = createWriter({
    ...defaultIngestLimits,
    clock,
    registry,
    door: { accept: (frame) => void judged.push(show(frame)), isTaken: () => false },
    append(frame) {
      kept.push(show(frame));
      return disk.fails ? Promise.reject(new Error("the disk is full")) : Promise.resolve();
    },
    late: () => undefined,
    oldestMilliseconds: 86_400_000,
    gathers: options.gathers ?? true,
  });
  /** What one request holds. */
  const send = (...samples: readonly Sample[]) => {
    const builder = createBatchBuilder(1000);
    for (const [name, value, offset, target = "node-1"] of samples) {
      const labels = { __name__: name, instance: target, job: "node" };
      const pairs = Object.entries(labels).map(([label, text]) => ({ name: label, value: text }));
      const [low = 0, high = 0] = new Int32Array(Float64Array.of(value).buffer);
      const number = registry.numberOf(pairs, null);
      builder.add(number, startMilliseconds + offset, low, high);
    }
    return write(builder.batch);
  };
  return { registry, send, kept, judged, disk };
}

function show({ schema, sequence, timestamps, values, present }: Frame): string {
  const samples = schema.series.flatMap(({ metric }, slot) =>
    isPresent(present, slot) ? [`${metric.name}=${values[slot]}`] : [],
  );
  const offset = (timestamps[0] ?? 0) - startMilliseconds;
  return `${schema.origin.instance} ${sequence} @${offset} ${samples.join(" ")}`;
}

describe("requests that are read in the same turn", () => {
  it("share the frame of a target's moment, whose other half comes by another connection", async () => {
    const { send, kept, judged } = open();
    const first = send(["a", 1, 0], ["b", 2, 0]);
    const second = send(["c", 3, 0], ["x", 9, 0, "node-2"]);
    expect(kept).toEqual([]);
    await Promise.all([first.stored, second.stored]);
    expect(kept).toEqual(["node-1 1 @0 a=1 b=2 c=3", "node-2 1 @0 x=9"]);
    expect(judged).toEqual(kept);
    await send(["d", 4, 0]).stored;
    expect(kept.slice(2)).toEqual(["node-1 2 @0 d=4"]);
  });

  it("keep a target's moments apart, each in the order in which it came", async () => {
    const { send, kept } = open();
    const all = [
      send(["a", 1, 0], ["b", 1, 0]),
      send(["a", 2, 1000]),
      send(["b", 2, 1000], ["a", 3, 2000]),
      send(["c", 1, 500]),
    ];
    await Promise.all(all.map(({ stored }) => stored));
    expect(kept).toEqual([
      "node-1 1 @0 a=1 b=1",
      "node-1 2 @1000 a=2 b=2",
      "node-1 3 @2000 a=3",
      "node-1 4 @500 c=1",
    ]);
  });

  it("are each told what is repeated and what differs in the other", async () => {
    const { send, kept } = open();
    const first = send(["a", 1, 0]);
    const same = send(["a", 1, 0]);
    const other = send(["a", 2, 0]);
    expect([first, same, other].map(({ samples, repeated }) => [samples, repeated])).toEqual([
      [1, 0],
      [1, 1],
      [0, 0],
    ]);
    expect([...other.refused]).toEqual([["conflict", 1]]);
    await Promise.all([first.stored, same.stored]);
    expect(kept).toEqual(["node-1 1 @0 a=1"]);
  });

  it("fail together where one of their frames can't be kept, and count as new when they come again", async () => {
    const { send, kept, disk } = open();
    disk.fails = true;
    const all = [send(["a", 1, 0]), send(["b", 2, 1000]), send(["a", 1, 0])];
    const settled = await Promise.allSettled(all.map(({ stored }) => stored));
    expect(settled.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected"]);
    disk.fails = false;
    const again = send(["a", 1, 0], ["b", 2, 1000]);
    expect(again.repeated).toBe(0);
    await again.stored;
    expect(kept.slice(2)).toEqual(["node-1 3 @0 a=1", "node-1 4 @1000 b=2"]);
  });

  it("lose nothing when series are let go between them", async () => {
    const { send, kept, registry } = open();
    await send(["gone", 1, 0], ["a", 1, 0]).stored;
    for (let sweep = 0; sweep < 60; sweep += 1) {
      await send(["a", sweep, 1000 + sweep]).stored;
      registry.sweep();
    }
    kept.length = 0;
    const before = send(["a", 7, 2000]);
    registry.sweep();
    expect(registry.size).toBe(1);
    const after = send(["b", 8, 2000], ["a", 9, 3000]);
    await Promise.all([before.stored, after.stored]);
    expect(kept).toEqual(["node-1 62 @2000 a=7", "node-1 63 @2000 b=8", "node-1 64 @3000 a=9"]);
  });

  it("have frames of their own where a sender pays for its own", async () => {
    const { send, kept } = open({ gathers: false });
    const first = send(["a", 1, 0]);
    expect(kept).toEqual(["node-1 1 @0 a=1"]);
    const second = send(["b", 2, 0]);
    expect(kept.slice(1)).toEqual(["node-1 2 @0 b=2"]);
    await Promise.all([first.stored, second.stored]);
  });
});
