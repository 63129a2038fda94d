import { expect, test } from "vitest";
import { drive, openOutcome, type DrivenSource } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

const latency = sourceNamed("disk_latency");

/** Reads completed, their milliseconds, writes completed, theirs. */
function disk(name: string, counts: readonly [number, number, number, number]): string {
  const [reads, readMilliseconds, writes, writeMilliseconds] = counts;
  return `   8       0 ${name} ${reads} 7 900 ${readMilliseconds} ${writes} 8 950 ${writeMilliseconds} 0 60 90\n`;
}

async function histogram(driven: DrivenSource, direction: string): Promise<Record<string, number>> {
  const labels = `device="sda",direction="${direction}"`;
  return Object.fromEntries(
    [...(await driven.read())]
      .filter(([name]) => name.includes(labels))
      .map(([name, value]) => [
        /le="([^"]+)"/.exec(name)?.[1] ?? /_(sum|count)\{/.exec(name)?.[1] ?? name,
        value,
      ]),
  );
}

test("counts each request with the mean of those that ended between the same two readings", async () => {
  const driven = await drive(latency, { "proc/diskstats": disk("sda", [1000, 5000, 10, 20]) });
  const before = await histogram(driven, "read");
  expect(before["count"]).toBe(0);
  // 4 reads in 12 ms: 3 ms each. Then 2 in 1.4 s: 0.7 s each.
  driven.change({ "proc/diskstats": disk("sda", [1004, 5012, 10, 20]) });
  await driven.read();
  driven.change({ "proc/diskstats": disk("sda", [1006, 6412, 10, 20]) });
  const after = await histogram(driven, "read");
  expect(after).toEqual({
    "0.0001": 0,
    "0.0005": 0,
    "0.001": 0,
    "0.005": 4,
    "0.01": 4,
    "0.05": 4,
    "0.1": 4,
    "0.5": 4,
    "1": 6,
    "+Inf": 6,
    sum: expect.closeTo(0.012 + 1.4, 12),
    count: 6,
  });
  expect((await histogram(driven, "write"))["count"]).toBe(0);
});

test("goes on counting when another disk comes, and takes a disk that counts anew for new", async () => {
  const driven = await drive(latency, { "proc/diskstats": disk("sda", [100, 100, 0, 0]) });
  await driven.read();
  driven.change({ "proc/diskstats": disk("sda", [110, 120, 0, 0]) });
  expect((await histogram(driven, "read"))["count"]).toBe(10);
  driven.change({
    "proc/diskstats": disk("sda", [115, 130, 0, 0]) + disk("sdb", [1, 1, 1, 1]),
  });
  expect((await histogram(driven, "read"))["count"]).toBe(15);
  driven.change({ "proc/diskstats": disk("sda", [3, 3, 0, 0]) + disk("sdb", [1, 1, 1, 1]) });
  expect((await histogram(driven, "read"))["count"]).toBe(15);
});

test("isn't misled by the milliseconds' 32 bits", async () => {
  const driven = await drive(latency, {
    "proc/diskstats": disk("sda", [100, 2 ** 32 - 10, 0, 0]),
  });
  await driven.read();
  driven.change({ "proc/diskstats": disk("sda", [101, 10, 0, 0]) });
  expect((await histogram(driven, "read"))["sum"]).toBeCloseTo(0.02, 12);
});

test("is absent without the file, and says what to mount", async () => {
  expect(await openOutcome(latency, {})).toMatch(/mount it and say where with --path\.procfs/);
});
