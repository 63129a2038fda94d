import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { createFakeClock } from "../../kit/fake-clock.ts";
import { makeFolder } from "../../kit/folder.ts";
import {
  ask,
  dayMilliseconds,
  frameAt,
  journalSamples,
  levelSchema,
  metricValue,
  openHistory,
  originOf,
  parquetSamples,
  repeatedSamples,
  startMilliseconds as start,
  storedBytes,
  storedSamples,
  type TestHistory,
} from "./kit.ts";

const hour = 3_600_000;
const schema = levelSchema(originOf("node-1"), [0, 1]);

test("compacts what was written before the current hour, and leaves the rest in the journal", async () => {
  const folder = makeFolder();
  const clock = createFakeClock(start + hour / 2);
  const history = openHistory(folder, { clock });
  void history.append(frameAt(schema, 1, clock.now(), [1, 2]));
  expect(await history.compact()).toEqual({ batches: 0, rows: 0, bytes: 0 });
  await clock.advance(hour);
  void history.append(frameAt(schema, 2, clock.now(), [3, 4]));
  expect(await history.compact()).toMatchObject({ batches: 1, rows: 2 });
  expect(new Set((await parquetSamples(folder)).map(({ value }) => value))).toEqual(
    new Set([1, 2]),
  );
  expect(journalSamples(folder).map(({ value }) => value)).toEqual([3, 4]);
  await history.close();
});

test("writes one sorted file per day of the samples, late ones included, for any tool to read", async () => {
  const folder = makeFolder();
  const history = openHistory(folder);
  const other = levelSchema(originOf("node-0"), [0, 1]);
  for (let second = -3; second < 3; second += 1)
    for (const [index, one] of [schema, other].entries())
      void history.append(frameAt(one, second + 10, start + second * 1000, [second, index]));
  void history.append(frameAt(schema, 1, start - dayMilliseconds, [Number.NaN, -0]));
  await history.compact({ all: true });
  const days = readdirSync(folder).filter((name) => name.startsWith("day="));
  expect(days.toSorted()).toEqual(["day=2026-01-09", "day=2026-01-10"]);
  const files = history.files();
  expect(files.map(({ day, rows }) => [day, rows])).toEqual([
    ["2026-01-09", 14],
    ["2026-01-10", 12],
  ]);
  const samples = await parquetSamples(folder);
  const newest = samples.filter(({ milliseconds }) => milliseconds >= start);
  const inOrder = newest.toSorted(
    (one, two) => one.labels.localeCompare(two.labels) || one.milliseconds - two.milliseconds,
  );
  expect(newest).toEqual(inOrder);
  const late = samples.filter(({ milliseconds }) => milliseconds === start - dayMilliseconds);
  expect(late.map(({ value }) => value)).toEqual([Number.NaN, -0]);
  await history.close();
});

test("splits a long journal into batches and loses nothing between them", async () => {
  const folder = makeFolder();
  const history = openHistory(folder, { bounds: { batchSamples: 1000 } });
  for (let sequence = 1; sequence <= 1500; sequence += 1)
    void history.append(frameAt(schema, sequence, start + sequence * 1000, [sequence, null]));
  expect(await history.compact({ all: true })).toMatchObject({ batches: 4, rows: 1500 });
  const samples = await storedSamples(folder);
  expect(samples).toHaveLength(1500);
  expect(repeatedSamples(samples)).toEqual([]);
  await history.close();
});

test.each([0, 30, 150, 300])(
  "keeps everything when its child is killed after %i ms, and makes it up with the next run",
  async (milliseconds) => {
    const folder = makeFolder();
    const children = createFate(milliseconds);
    const history = openHistory(folder, { spawn: children.spawn });
    append(history, 200);
    await expect(history.compact({ all: true })).rejects.toMatchObject({ code: "HISTORY_FAILED" });
    expect(journalSamples(folder)).toHaveLength(400);
    expect(readdirSync(join(folder, ".scratch"))).toEqual([]);
    children.spare();
    expect(await history.query(ask(start + 100_000))).toHaveLength(2);
    await history.compact({ all: true });
    expect(await parquetSamples(folder)).toHaveLength(400);
    const counted = await metricValue(
      history.metrics,
      'warpwatch_history_compactions_total{outcome="failure"}',
    );
    expect(counted).toBe(1);
    await history.close();
  },
);

test("says that a query failed when its child is killed, and answers the next", async () => {
  const folder = makeFolder();
  const children = createFate(0);
  children.spare();
  const history = openHistory(folder, { spawn: children.spawn });
  append(history, 10);
  await history.compact({ all: true });
  children.doom();
  await expect(history.query(ask(start + 5000))).rejects.toMatchObject({
    code: "HISTORY_FAILED",
    message: "history's child process was killed by SIGKILL",
  });
  children.spare();
  expect(await history.query(ask(start + 5000))).toHaveLength(2);
  await history.close();
});

test("kills a child that takes too long", async () => {
  const history = openHistory(makeFolder(), {
    bounds: { compactMilliseconds: 1 },
    clock: { ...createFakeClock(start), after: (_, callback) => soon(callback) },
  });
  append(history, 10);
  await expect(history.compact({ all: true })).rejects.toThrow("took over 0.001 s");
  await history.close();
});

test("removes at its start what a crash left unfinished, and nothing else", async () => {
  const folder = makeFolder();
  const first = openHistory(folder);
  append(first, 10);
  await first.compact({ all: true });
  append(first, 10, 11);
  await first.close();
  const orphan = join(folder, "day=2026-01-11", "left.parquet");
  mkdirSync(join(folder, "day=2026-01-11"));
  mkdirSync(join(folder, ".scratch", "left"), { recursive: true });
  writeFileSync(orphan, "PAR1");
  writeFileSync(join(folder, "notes.txt"), "a user's");
  const second = openHistory(folder);
  expect([existsSync(orphan), existsSync(join(folder, ".scratch"))]).toEqual([false, false]);
  expect(existsSync(join(folder, "notes.txt"))).toBe(true);
  expect(await storedSamples(folder)).toHaveLength(40);
  await second.close();
});

test("tells of a file that somebody removed, and answers with what is left", async () => {
  const folder = makeFolder();
  const history = openHistory(folder);
  append(history, 10);
  await history.compact({ all: true });
  for (const { file } of history.files()) rmSync(join(folder, file));
  history.retain();
  expect(await history.query(ask(start + 5000))).toEqual([]);
  const lost = 'warpwatch_history_expired_bytes_total{reason="lost"}';
  expect(await metricValue(history.metrics, lost)).toBeGreaterThan(0);
  await history.close();
});

test("removes whole days that are older than what is kept, and old chains of the journal", async () => {
  const folder = makeFolder();
  const clock = createFakeClock(start);
  const history = openHistory(folder, { clock, retentionMilliseconds: 2 * dayMilliseconds });
  for (let day = 0; day < 4; day += 1) {
    void history.append(frameAt(schema, day + 1, clock.now(), [day, day]));
    if (day < 3) await history.compact({ all: true });
    history.retain();
    await clock.advance(dayMilliseconds);
  }
  history.retain();
  const days = (await storedSamples(folder)).map(
    ({ milliseconds }) => (milliseconds - start) / dayMilliseconds,
  );
  expect(days.toSorted((one, other) => one - other)).toEqual([2, 2, 3, 3]);
  await clock.advance(10 * dayMilliseconds);
  expect(history.retain()).toMatchObject({ files: 1, chains: 1 });
  expect(await storedSamples(folder)).toEqual([]);
  await history.close();
});

test("removes the oldest files until everything that is kept fits its bytes", async () => {
  const folder = makeFolder();
  const clock = createFakeClock(start);
  // SQLite's write-ahead log alone is 4 MB.
  const maximumBytes = 8_000_000;
  const history = openHistory(folder, { clock, maximumBytes });
  const wide = levelSchema(originOf("node-1"), [...Array(1000).keys()]);
  const names: string[] = [];
  for (let day = 0; day < 12; day += 1) {
    for (let minute = 0; minute < 120; minute += 1) {
      const values = wide.series.map((_, slot) => Math.sin(day * 1e6 + minute * 1e3 + slot));
      const sequence = day * 120 + minute + 1;
      const frame = frameAt(wide, sequence, clock.now() + minute * 60_000, values);
      const stored = history.append(frame);
      if (minute % 12 === 0) await settle(stored);
      expect(storedBytes(folder)).toBeLessThanOrEqual(maximumBytes);
    }
    await history.compact({ all: true });
    expect(storedBytes(folder)).toBeLessThanOrEqual(maximumBytes);
    names.push(...history.files().map(({ file }) => file));
    await clock.advance(dayMilliseconds);
  }
  history.retain();
  expect(storedBytes(folder)).toBeLessThanOrEqual(maximumBytes);
  const left = history.files().map(({ file }) => file);
  expect(left.length).toBeGreaterThan(1);
  expect(left).toEqual([...new Set(names)].slice(-left.length));
  const gone = 'warpwatch_history_expired_bytes_total{reason="size"}';
  expect(await metricValue(history.metrics, gone)).toBeGreaterThan(0);
  await history.close();

  /** A group is committed when its time has come. */
  async function settle(stored: Promise<void>): Promise<void> {
    await clock.advance(100);
    await stored;
  }
}, 120_000);

function append(history: TestHistory, frames: number, first = 1): void {
  for (let sequence = first; sequence < first + frames; sequence += 1)
    void history.append(
      frameAt(schema, sequence, start + sequence * 1000, [sequence, sequence * 1.5]),
    );
}

/** Starts processes and, unless they are spared, kills each after the given time. */
function createFate(milliseconds: number) {
  let spared = false;
  return {
    spare: () => void (spared = true),
    doom: () => void (spared = false),
    spawn: (command: string, args: readonly string[], options: SpawnOptions): ChildProcess => {
      const child = spawn(command, args, options);
      if (!spared) void delay(milliseconds).then(() => child.kill("SIGKILL"));
      return child;
    },
  };
}

function soon(callback: () => void): { cancel(): void } {
  const timer = setTimeout(callback, 5);
  return { cancel: () => clearTimeout(timer) };
}
