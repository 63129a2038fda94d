/** Old days become a row a minute: what a query says of them, what a reader of the files finds, and what a crash leaves. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { expect, test } from "vitest";
import { createFakeClock } from "../../kit/fake-clock.ts";
import { makeFolder } from "../../kit/folder.ts";
import {
  ask,
  dayMilliseconds,
  frameAt,
  levelSchema,
  metricValue,
  openHistory,
  originOf,
  parquetSamples,
  startMilliseconds as start,
  storedBytes,
} from "./kit.ts";

const schema = levelSchema(originOf("node-1"), [0, 1]);
const minute = 60_000;

/** Ten minutes at one sample a second: GPU 0 counts the seconds, GPU 1 is there for the first 90 s only. */
async function makeDay(folder: string) {
  const clock = createFakeClock(start);
  const history = openHistory(folder, { clock });
  for (let second = 0; second < 600; second += 1)
    void history.append(
      frameAt(schema, second + 1, start + second * 1000, [second, second < 90 ? 7 : null]),
    );
  await history.compact({ all: true });
  return { clock, history };
}

interface Row {
  readonly milliseconds: number;
  readonly value: number | null;
  readonly minimum: number;
  readonly maximum: number;
  readonly mean: number;
  readonly samples: number;
}

async function rowsOf(folder: string, gpu: number): Promise<Row[]> {
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  const result = await connection.runAndReadAll(
    `SELECT epoch_ms(time)::DOUBLE, value, minimum, maximum, mean, samples::DOUBLE
     FROM read_parquet('${join(folder, "day=*", "*.parquet")}')
     WHERE labels ->> 'gpu' = '${gpu}' ORDER BY time`,
  );
  connection.closeSync();
  return result.getRows().map((row) => {
    const [milliseconds, value, minimum, maximum, mean, samples] = row;
    return {
      milliseconds: Number(milliseconds),
      value: value === null ? null : Number(value),
      minimum: Number(minimum),
      maximum: Number(maximum),
      mean: Number(mean),
      samples: Number(samples),
    };
  });
}

test("a day stays as it was read until it is older than raw samples are kept", async () => {
  const folder = makeFolder();
  const { clock, history } = await makeDay(folder);
  await clock.advance(2 * dayMilliseconds - minute);
  expect(await history.rollUp()).toEqual({ files: 0, rowsBefore: 0, rowsAfter: 0 });
  await clock.advance(minute);
  const rolled = await history.rollUp();
  expect(rolled).toMatchObject({ files: 1, rowsAfter: 12 });
  expect(history.files()).toMatchObject([{ rows: 12, resolutionMilliseconds: minute }]);
  // A second run finds nothing to do.
  expect(await history.rollUp()).toMatchObject({ files: 0 });
  expect(
    await metricValue(history.metrics, 'warpwatch_history_roll_ups_total{outcome="success"}'),
  ).toBe(1);
  await history.close();
});

test("each minute has its newest sample, its least, its greatest, their mean and their number", async () => {
  const folder = makeFolder();
  const { clock, history } = await makeDay(folder);
  await clock.advance(2 * dayMilliseconds);
  await history.rollUp();
  await clock.advance(minute);
  const rows = await rowsOf(folder, 0);
  expect(rows).toHaveLength(10);
  expect(rows[3]).toEqual({
    milliseconds: start + 239_000,
    value: 239,
    minimum: 180,
    maximum: 239,
    mean: 209.5,
    samples: 60,
  });
  // GPU 1 ended in its second minute: 30 samples and the mark of its end.
  expect(await rowsOf(folder, 1)).toMatchObject([
    { milliseconds: start + 59_000, value: 7, samples: 60 },
    { milliseconds: start + 90_000, value: null, samples: 30 },
  ]);
  await history.close();
});

test("a query across the boundary sees minutes of the old day and seconds of the new", async () => {
  const folder = makeFolder();
  const { clock, history } = await makeDay(folder);
  await clock.advance(2 * dayMilliseconds);
  const today = clock.now();
  for (let second = 0; second < 120; second += 1)
    void history.append(frameAt(schema, 1000 + second, today + second * 1000, [second, null]));
  await history.compact({ all: true });
  await history.rollUp();
  const [old] = await history.query(ask(start + 119_000, minute, 3, { gpu: "0" }));
  expect(old?.points.map(([, value]) => value)).toEqual([119, 179, 239]);
  const [between] = await history.query(
    ask(start + 599_000, 2 * dayMilliseconds + 60_000 - 599_000, 2, { gpu: "0" }),
  );
  expect(between?.points.map(([, value]) => value)).toEqual([599, 60]);
  const [fresh] = await history.query(ask(today + 10_000, 1000, 3, { gpu: "0" }));
  expect(fresh?.points.map(([, value]) => value)).toEqual([10, 11, 12]);
  // What ended stays ended.
  expect(await history.query(ask(start + 200_000, 1000, 1, { gpu: "1" }))).toEqual([]);
  await history.close();
});

test("the files that were replaced go once no query can be reading them, and after a crash at the next start", async () => {
  const folder = makeFolder();
  const { clock, history } = await makeDay(folder);
  const [raw] = history.files();
  await clock.advance(2 * dayMilliseconds);
  await history.rollUp();
  expect(existsSync(join(folder, raw?.file ?? ""))).toBe(true);
  await clock.advance(minute);
  expect(existsSync(join(folder, raw?.file ?? ""))).toBe(false);
  await history.close();

  // A crash before that leaves the file without a row in the list.
  const left = join(folder, "day=2026-01-10", "left.parquet");
  writeFileSync(left, "PAR1");
  const again = openHistory(folder, { clock });
  expect(existsSync(left)).toBe(false);
  expect(await again.query(ask(start + 599_000, 1000, 1, { gpu: "0" }))).toHaveLength(1);
  await again.close();
});

test("a roll-up that fails changes nothing and is tried again", async () => {
  const folder = makeFolder();
  const { clock, history } = await makeDay(folder);
  const [raw] = history.files();
  const path = join(folder, raw?.file ?? "");
  const samples = await parquetSamples(folder);
  await history.close();
  await clock.advance(2 * dayMilliseconds);
  const broken = openHistory(folder, { clock, bounds: { memoryMebibytes: 1 } });
  await expect(broken.rollUp()).rejects.toThrow(/history's child process/);
  expect(existsSync(path)).toBe(true);
  expect(await parquetSamples(folder)).toEqual(samples);
  await broken.close();
  const mended = openHistory(folder, { clock });
  expect(await mended.rollUp()).toMatchObject({ files: 1, rowsBefore: raw?.rows });
  await mended.close();
});

test("six days of four frames an hour stay within the bytes they may have", async () => {
  const folder = makeFolder();
  const clock = createFakeClock(start);
  const maximumBytes = 6_000_000;
  const history = openHistory(folder, { clock, maximumBytes });
  const wide = levelSchema(originOf("node-1"), [...Array(1000).keys()]);
  let sequence = 0;
  for (let day = 0; day < 6; day += 1) {
    for (let quarter = 0; quarter < 96; quarter += 1) {
      sequence += 1;
      const values = wide.series.map((_, slot) => Math.sin(sequence * 1000 + slot));
      void history.append(frameAt(wide, sequence, clock.now(), values));
      await clock.advance(15 * minute);
      if (quarter % 8 === 0) expect(storedBytes(folder)).toBeLessThanOrEqual(maximumBytes);
    }
    for (const step of [() => history.compact({ all: true }), () => history.rollUp()]) {
      await step();
      expect(storedBytes(folder)).toBeLessThanOrEqual(maximumBytes);
    }
    history.retain();
  }
  expect(history.files().some((file) => file.resolutionMilliseconds > 0)).toBe(true);
  await history.close();
}, 120_000);
