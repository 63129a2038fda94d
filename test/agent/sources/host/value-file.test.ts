/** Files that hold one value: read in place and by another thread, through a descriptor that may be kept. */
import { readdirSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createValueFiles } from "../../../../agent/sources/host/value-file.ts";
import { makeFolder } from "../../../kit/folder.ts";

function makeFile(text: string): string {
  const path = join(makeFolder(), "temp1_input");
  writeFileSync(path, text);
  return path;
}

function isOpen(path: string): boolean {
  return readdirSync("/proc/self/fd").some((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`) === path;
    } catch {
      return false;
    }
  });
}

test.each([
  ["42000\n", 42_000],
  ["-1\n", -1],
  ["0x1f\n", 31],
  ["18446744073709551615\n", 2 ** 64],
  ["N/A\n", Number.NaN],
  ["", Number.NaN],
])("%j is the same number in place and apart", async (text, expected) => {
  const file = createValueFiles()(makeFile(text));
  expect(file.readNumber()).toBe(expected);
  expect(await file.readNumberApart()).toBe(expected);
  file.close();
});

test("what changed since is read anew through the kept descriptor", async () => {
  const path = makeFile("1\n");
  const file = createValueFiles()(path);
  expect(await file.readNumberApart()).toBe(1);
  writeFileSync(path, "2\n");
  expect(await file.readNumberApart()).toBe(2);
  expect(isOpen(path)).toBe(true);
  file.close();
  expect(isOpen(path)).toBe(false);
});

test("a descriptor that another thread reads is closed when the read came back, not before", async () => {
  const path = makeFile("7\n");
  const file = createValueFiles()(path);
  const reading = file.readNumberApart();
  file.close();
  expect(isOpen(path)).toBe(true);
  expect(await reading).toBe(7);
  expect(isOpen(path)).toBe(false);
});

test("past the bound a file is open only while it is read", async () => {
  const path = makeFile("7\n");
  const file = createValueFiles(0)(path);
  expect(await file.readNumberApart()).toBe(7);
  expect(isOpen(path)).toBe(false);
});

test("a file that isn't there is no number, apart as well", async () => {
  const file = createValueFiles()(join(makeFolder(), "none"));
  expect(file.readNumber()).toBeNaN();
  expect(await file.readNumberApart()).toBeNaN();
});
