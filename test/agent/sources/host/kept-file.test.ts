import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  createFileShare,
  openKeptFile,
  readText,
} from "../../../../agent/sources/host/kept-file.ts";
import { createFakeClock } from "../../../kit/fake-clock.ts";
import { makeFolder } from "../../../kit/folder.ts";

function textOf(file: { readonly bytes: Buffer; readonly length: number }): string {
  return file.bytes.toString("latin1", 0, file.length);
}

test("reads a file anew each time, longer or shorter than before", () => {
  const path = join(makeFolder(), "file");
  writeFileSync(path, "one");
  const file = openKeptFile(path, { initialBytes: 4 });
  expect(file).not.toBeNull();
  file?.read();
  expect(file && textOf(file)).toBe("one");
  writeFileSync(path, "x".repeat(100_000));
  file?.read();
  expect(file && textOf(file)).toBe("x".repeat(100_000));
  writeFileSync(path, "2");
  file?.read();
  expect(file && textOf(file)).toBe("2");
  file?.close();
});

test("is null for a path that isn't there", () => {
  const folder = makeFolder();
  writeFileSync(join(folder, "file"), "");
  expect(openKeptFile(join(folder, "none"))).toBeNull();
  expect(openKeptFile(join(folder, "file", "below"))).toBeNull();
});

test("refuses a file over its bound, and says which", () => {
  const path = join(makeFolder(), "file");
  writeFileSync(path, "x".repeat(2000));
  const file = openKeptFile(path, { initialBytes: 100, maximumBytes: 1000 });
  expect(() => file?.read()).toThrow(`${path} is larger than 1000 bytes`);
  expect(file?.length).toBe(0);
  file?.close();
});

test("names the path and the system's reason when it can't be read", () => {
  const folder = join(makeFolder(), "folder");
  mkdirSync(folder);
  const file = openKeptFile(folder);
  expect(() => file?.read()).toThrow(
    expect.objectContaining({
      code: "PATH_UNREADABLE",
      message: `${folder} can't be read: EISDIR`,
    }),
  );
  file?.close();
});

test.skipIf(process.getuid?.() === 0)("names the path that this user may not open", () => {
  const path = join(makeFolder(), "secret");
  writeFileSync(path, "");
  chmodSync(path, 0);
  expect(() => openKeptFile(path)).toThrow(`${path} can't be read: EACCES`);
  expect(() => readText(path)).toThrow(`${path} can't be read: EACCES`);
});

test("two readers of a shared file see the same moment, and a later one sees the next", async () => {
  const path = join(makeFolder(), "file");
  writeFileSync(path, "one");
  const clock = createFakeClock();
  const share = createFileShare();
  const first = share.open(path, clock);
  const second = share.open(path, clock);
  first?.read();
  writeFileSync(path, "two");
  second?.read();
  expect(second && textOf(second)).toBe("one");
  await clock.advance(1000);
  first?.read();
  first?.close();
  second?.read();
  expect(second && textOf(second)).toBe("two");
  second?.close();
});
