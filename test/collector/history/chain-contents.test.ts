import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import type { Schema } from "../../../core/wire/frame.ts";
import { makeFolder } from "../../kit/folder.ts";
import {
  ask,
  frameAt,
  levelSchema,
  metricValue,
  openHistory,
  originOf,
  parquetSamples,
  repeatedSamples,
  startMilliseconds as start,
  storedSamples,
  type TestHistory,
} from "./kit.ts";

const schemas = ["node-1", "node-2"].map((node) => levelSchema(originOf(node), [0, 1]));
/** More than a chain holds, so that each origin has one that has ended and one that goes on. */
const framesEach = 300;

/** Commits of a few frames each, of both origins in turns. */
async function fill(history: TestHistory, from: number, to: number): Promise<void> {
  for (let sequence = from; sequence <= to; sequence += 1) {
    for (const schema of schemas)
      void history.append(frameAt(schema, sequence, start + sequence * 1000, [sequence, 0.5]));
    if (sequence % 7 === 0) history.retain();
  }
  history.retain();
}

async function filledFolder(): Promise<string> {
  const folder = makeFolder();
  const history = openHistory(folder);
  await fill(history, 1, framesEach);
  await history.close();
  return folder;
}

function change(folder: string, sql: string): void {
  const sqlite = new DatabaseSync(join(folder, "journal.db"));
  sqlite.exec(sql);
  sqlite.close();
}

function countRows(folder: string, table: string): number {
  const sqlite = new DatabaseSync(join(folder, "journal.db"), { readOnly: true });
  const row = sqlite.prepare(`SELECT COUNT(*) AS rows FROM ${table}`).get();
  sqlite.close();
  return Number(row?.["rows"]);
}

/** Opens it as the next collector would, goes on, and makes files of everything. */
async function goOnAndCompact(folder: string): Promise<TestHistory> {
  const history = openHistory(folder);
  await fill(history, framesEach - 5, framesEach + 10);
  const [newest] = await history.query(ask(start + framesEach * 1000, 1000, 11, { gpu: "0" }));
  expect(newest?.points.at(-1)?.[1]).toBe(framesEach + 10);
  await history.compact({ all: true });
  return history;
}

async function expectEverything(folder: string): Promise<void> {
  const samples = await storedSamples(folder);
  expect(samples).toHaveLength((framesEach + 10) * 4);
  expect(repeatedSamples(samples)).toEqual([]);
  expect(countRows(folder, "frame")).toBe(0);
}

test("goes on where it was after a restart, keeps what is sent again once, and frees all that became files", async () => {
  const folder = await filledFolder();
  expect(countRows(folder, "contents")).toBe(2);
  expect(countRows(folder, "listing")).toBeGreaterThan(framesEach / 7);
  await (await goOnAndCompact(folder)).close();
  await expectEverything(folder);
  expect(countRows(folder, "contents") + countRows(folder, "listing")).toBe(0);
});

test("reads the journal of an earlier version, which had an index instead", async () => {
  const folder = await filledFolder();
  change(
    folder,
    `DROP TABLE contents; DROP TABLE listing; ALTER TABLE feature_day DROP COLUMN checksum;
     CREATE INDEX frame_by_chain ON frame (chain, sequence, oldest, newest, bytes);
     PRAGMA user_version = 5`,
  );
  await (await goOnAndCompact(folder)).close();
  await expectEverything(folder);
});

test.each([
  ["of the chains that go on", "UPDATE listing SET body = zeroblob(length(body)) WHERE rowid = 1"],
  ["of the chains that ended", "UPDATE contents SET body = zeroblob(length(body))"],
  ["of all chains", "DELETE FROM contents; DELETE FROM listing"],
])("finds the frames %s when what says where they are is damaged", async (_, sql) => {
  const folder = await filledFolder();
  change(folder, sql);
  await (await goOnAndCompact(folder)).close();
  await expectEverything(folder);
});

test("knows what it has of a chain with holes, as it grows, after a restart and once it is sealed", async () => {
  const folder = makeFolder();
  const [schema] = schemas as [Schema];
  let history = openHistory(folder);
  const sendAll = async (): Promise<void> => {
    const waiting = [1, 2, 5, 6, 9].map((sequence) =>
      history.append(frameAt(schema, sequence, start + sequence * 1000, [sequence, 0])),
    );
    history.retain();
    await Promise.all(waiting);
  };
  for (let run = 0; run < 3; run += 1) {
    await sendAll();
    expect(countRows(folder, "frame")).toBe(5);
    await history.close();
    history = openHistory(folder);
  }
  await history.compact({ all: true });
  await sendAll();
  expect(countRows(folder, "frame")).toBe(0);
  void history.append(frameAt(schema, 7, start + 7000, [7, 0]));
  history.retain();
  expect(countRows(folder, "frame")).toBe(1);
  await history.close();
});

test("tells of a frame that is gone, and keeps those before it", async () => {
  const folder = await filledFolder();
  change(folder, "DELETE FROM frame WHERE chain = 1 AND sequence = 200");
  const history = openHistory(folder);
  await history.compact({ all: true });
  const damaged = 'warpwatch_history_damaged_total{reason="frame"}';
  expect(await metricValue(history.metrics, damaged)).toBe(41);
  await history.close();
  expect(await parquetSamples(folder)).toHaveLength(framesEach * 4 - 41 * 2);
});
