import { expect, onTestFinished, test } from "vitest";
import { openDatabase, type Database } from "../../../collector/state/database.ts";
import { createReferences } from "../../../collector/state/references.ts";
import { makeFolder } from "../../kit/folder.ts";
import { makeOlderState } from "../../kit/older-state.ts";

function open(folder: string): Database {
  const database = openDatabase(folder);
  onTestFinished(() => database.close());
  return database;
}

test("keeps ten thousand of a notifier, and the newest of them", () => {
  const database = open(makeFolder());
  const references = createReferences(database);
  const key = (index: number): { notifier: string; key: string } => ({
    notifier: "slack",
    key: String(index),
  });
  const other = { notifier: "chat", key: "0" };
  database.transaction(() => {
    references.keep(other, "first");
    for (let index = 0; index < 10_002; index += 1) references.keep(key(index), `ts ${index}`);
  });
  expect([0, 1, 2, 10_001].map((index) => references.find(key(index)))).toEqual([
    "",
    "",
    "ts 2",
    "ts 10001",
  ]);
  expect(references.find(other)).toBe("first");
});

test("a state file from before there were references is taken on", () => {
  const folder = makeFolder();
  makeOlderState(folder, 1).close();
  const key = { notifier: "slack", key: "a" };
  const references = createReferences(open(folder));
  references.keep(key, "thread");
  expect(references.find(key)).toBe("thread");
  references.forget(key);
  expect(references.find(key)).toBe("");
});
