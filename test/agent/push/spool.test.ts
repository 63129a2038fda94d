import { readdirSync, truncateSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { openSpool, type Spool } from "../../../agent/push/spool.ts";
import type { Frame } from "../../../core/wire/frame.ts";
import { createSystemClock } from "../../../core/kit/clock.ts";
import { makeFolder } from "../../kit/folder.ts";
import { createFrameMaker, startMilliseconds } from "../../kit/rule-bench.ts";
import { mountSmallFilesystem } from "../../kit/small-filesystem.ts";

function open(folder: string, maximumBytes = 1024 * 1024) {
  const drops: Record<string, number> = {};
  const spool = openSpool({
    folder,
    maximumBytes,
    clock: createSystemClock(),
    onDrop: (reason, frames) => void (drops[reason] = (drops[reason] ?? 0) + frames),
  });
  return { spool, drops };
}

/** Numbers that no difference makes small, so that a few frames fill a segment. */
function createFrames(series = 500): (count: number) => Frame[] {
  const make = createFrameMaker();
  let made = 0;
  return (count) =>
    Array.from({ length: count }, () => {
      made += 1;
      const samples = Array.from({ length: series }, (_, index) => ({
        metric: `level_${index}`,
        value: Math.sin(made * 1000 + index),
      }));
      return make(startMilliseconds + made * 1000, samples);
    });
}

async function readAll(spool: Spool, atOnce = 7): Promise<number[]> {
  const sequences: number[] = [];
  while (spool.frames > 0) {
    const frames = await spool.take(atOnce);
    sequences.push(...frames.map(({ sequence }) => sequence));
    await spool.settle();
  }
  return sequences;
}

const numbers = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

describe("the spool", () => {
  it("gives back every frame in order and whole, and leaves no file behind", async () => {
    const folder = makeFolder();
    const { spool, drops } = open(folder);
    const frames = createFrames()(60);
    for (const frame of frames) spool.append(frame);
    const [first] = await spool.take(1);
    expect(first?.values).toEqual(frames[0]?.values);
    expect(first?.schema.series.length).toBe(500);
    spool.rewind();
    expect(await readAll(spool)).toEqual(numbers(1, 60));
    expect(drops).toEqual({});
    await spool.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  it("hands out again what wasn't settled, and only that", async () => {
    const { spool } = open(makeFolder());
    for (const frame of createFrames()(10)) spool.append(frame);
    await spool.take(4);
    await spool.settle();
    await spool.take(3);
    spool.rewind();
    expect(spool.frames).toBe(6);
    expect(await readAll(spool)).toEqual(numbers(5, 10));
    await spool.close();
  });

  it("drops the oldest beyond its bytes, and counts exactly those", async () => {
    const folder = makeFolder();
    const maximumBytes = 256 * 1024;
    const { spool, drops } = open(folder, maximumBytes);
    for (const frame of createFrames()(200)) spool.append(frame);
    expect(spool.bytes).toBeLessThanOrEqual(maximumBytes);
    const dropped = drops["spool_full"] ?? 0;
    expect(dropped).toBeGreaterThan(50);
    expect(await readAll(spool)).toEqual(numbers(dropped + 1, 200));
    await spool.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  it("has after a restart what it held, and goes on behind it", async () => {
    const folder = makeFolder();
    const make = createFrames();
    const before = open(folder).spool;
    for (const frame of make(30)) before.append(frame);
    await before.close();
    const { spool, drops } = open(folder);
    expect(spool.frames).toBe(30);
    for (const frame of make(5)) spool.append(frame);
    expect(await readAll(spool)).toEqual(numbers(1, 35));
    expect(drops).toEqual({});
    await spool.close();
  });

  it("uses what can be read of a segment that a crash cut off", async () => {
    const folder = makeFolder();
    const before = open(folder).spool;
    for (const frame of createFrames()(20)) before.append(frame);
    await new Promise((resolve) => setTimeout(resolve, 400));
    // As a crash leaves it: still open, its last message torn.
    const [name = ""] = readdirSync(folder);
    expect(name).toMatch(/\.open$/);
    truncateSync(join(folder, name), statSync(join(folder, name)).size - 10);
    const { spool, drops } = open(folder);
    expect(spool.frames).toBe(19);
    expect(await readAll(spool)).toEqual(numbers(1, 19));
    expect(drops).toEqual({});
    await spool.close();
  });

  it("counts what a damaged segment lost, and goes on with the next", async () => {
    const folder = makeFolder();
    const before = open(folder).spool;
    for (const frame of createFrames()(200)) before.append(frame);
    await before.close();
    const [oldest = ""] = readdirSync(folder).toSorted();
    truncateSync(join(folder, oldest), statSync(join(folder, oldest)).size - 10);
    const { spool, drops } = open(folder);
    const read = await readAll(spool);
    expect(drops).toEqual({ unreadable: 1 });
    expect(read).toHaveLength(199);
    expect(read.at(-1)).toBe(200);
    await spool.close();
  });

  it("counts what a full disk lost, keeps what was written before, and writes again when there is room", async ({
    skip,
  }) => {
    const mountPoint = join(makeFolder(), "small");
    const filesystem = mountSmallFilesystem(mountPoint);
    skip(filesystem === null, "this user may not mount a filesystem");
    if (!filesystem) return;
    onTestFinished(() => filesystem.unmount());
    const { spool, drops } = open(mountPoint, 100 * 1024 * 1024);
    const make = createFrames();
    for (const frame of make(40)) spool.append(frame);
    await new Promise((resolve) => setTimeout(resolve, 500));
    for (const frame of make(300)) spool.append(frame);
    await new Promise((resolve) => setTimeout(resolve, 800));
    const dropped = drops["disk_full"] ?? 0;
    expect(dropped).toBeGreaterThan(50);
    const read = await readAll(spool);
    for (const frame of make(10)) spool.append(frame);
    read.push(...(await readAll(spool)));
    expect(drops).toEqual({ disk_full: dropped });
    expect(read).toHaveLength(350 - dropped);
    expect(read.slice(0, 40)).toEqual(numbers(1, 40));
    expect(read.slice(-10)).toEqual(numbers(341, 350));
    expect(new Set(read).size).toBe(read.length);
    await spool.close();
  });
});
