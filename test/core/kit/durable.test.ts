import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createFile, makeFolder, syncFolder } from "../../../core/kit/durable.ts";
import { makeFolder as makeTestFolder } from "../../kit/folder.ts";

test("makes a folder with all that is missing above it, for its owner only", () => {
  const folder = join(makeTestFolder(), "one/two/three");
  makeFolder(folder, 0o700);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  makeFolder(folder, 0o700);
  expect(readdirSync(join(folder, ".."))).toEqual(["three"]);
});

test("makes a file once, leaves nothing beside it, and doesn't touch one that is there", () => {
  const folder = makeTestFolder();
  const file = join(folder, "token");
  createFile(file, "first", 0o600);
  expect(() => createFile(file, "second", 0o600)).toThrow(
    expect.objectContaining({ code: "EEXIST" }),
  );
  expect(readFileSync(file, "utf8")).toBe("first");
  expect(readdirSync(folder)).toEqual(["token"]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test("says so when the folder is not there", () => {
  const folder = makeTestFolder();
  mkdirSync(join(folder, "here"));
  syncFolder(join(folder, "here"));
  expect(() => syncFolder(join(folder, "gone"))).toThrow(
    expect.objectContaining({ code: "ENOENT" }),
  );
});
