import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createSpool } from "../../../../collector/history/remote-write/spool.ts";
import { makeFolder } from "../../../kit/folder.ts";

test("over its bound the oldest batches go, counted by their samples", () => {
  const folder = makeFolder();
  const spool = createSpool(folder, 1000);
  expect(spool.add(Buffer.alloc(400, 1), 10)).toBe(0);
  expect(spool.add(Buffer.alloc(400, 2), 20)).toBe(0);
  expect(spool.add(Buffer.alloc(900, 3), 30)).toBe(30);
  expect(spool.bytes).toBe(900);
  expect(spool.first).toMatchObject({ samples: 30, bytes: 900 });
  expect(readdirSync(folder)).toEqual([
    expect.stringMatching(/^000000000003-[0-9a-f]{8}-30\.batch$/),
    "refused",
  ]);
});

test("what a former run left comes first, and numbers go on behind it", () => {
  const folder = makeFolder();
  createSpool(folder, 1000).add(Buffer.from("old"), 1);
  const spool = createSpool(folder, 1000);
  spool.add(Buffer.from("new"), 2);
  const first = spool.first;
  if (!first) throw new Error("nothing waits");
  expect(spool.read(first)?.toString()).toBe("old");
  spool.remove(first);
  expect(spool.first?.samples).toBe(2);
  expect(spool.bytes).toBe(3);
});

test("a batch that was damaged on disk isn't sent", () => {
  const folder = makeFolder();
  const spool = createSpool(folder, 1000);
  spool.add(Buffer.from("samples"), 1);
  const { first } = spool;
  if (!first) throw new Error("nothing waits");
  writeFileSync(join(folder, first.name), "sampleS");
  expect(spool.read(first)).toBeNull();
});

test("a folder that can't be used is told in one sentence, and what was half written goes", () => {
  const folder = makeFolder();
  writeFileSync(join(folder, "file"), "");
  expect(() => createSpool(join(folder, "file"), 1000)).toThrow(/file can't be used \(E/);
  writeFileSync(join(folder, "000000000001-5.batch.part"), "half");
  expect(createSpool(folder, 1000).first).toBeNull();
  expect(readdirSync(folder).toSorted()).toEqual(["file", "refused"]);
});

test("a few of the refused batches are kept", () => {
  const folder = makeFolder();
  const spool = createSpool(folder, 1000);
  for (let time = 0; time < 50; time += 1) spool.bury(Buffer.from(String(time)), time);
  const kept = readdirSync(join(folder, "refused")).toSorted();
  expect(kept).toHaveLength(32);
  expect(kept.at(-1)).toContain("00-00-00-049Z");
});
