/** The state folder and its token are their owner's alone. */
import { chmodSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  prepareStateFolder,
  readLocalToken,
  readTokenFile,
} from "../../../core/kit/state-folder.ts";
import { makeFolder } from "../../kit/folder.ts";

function modeOf(path: string): number {
  return lstatSync(path).mode & 0o777;
}

test("a folder is made for its owner only, whatever the umask", () => {
  const before = process.umask(0);
  try {
    const folder = join(makeFolder(), "a/b");
    prepareStateFolder(folder);
    const { file } = readLocalToken(folder);
    expect([modeOf(folder), modeOf(file)]).toEqual([0o700, 0o600]);
  } finally {
    process.umask(before);
  }
});

test("a folder that can't be made where it is wanted is refused at once", () => {
  expect(() => prepareStateFolder("/proc/warpwatch/state")).toThrow(
    "/proc/warpwatch/state can't be used (ENOENT)",
  );
});

test("an empty folder that others could enter is closed to them, and so is one used before", () => {
  const folder = makeFolder();
  chmodSync(folder, 0o777);
  prepareStateFolder(folder);
  expect(modeOf(folder)).toBe(0o700);
  readLocalToken(folder);
  chmodSync(folder, 0o755);
  prepareStateFolder(folder);
  expect(modeOf(folder)).toBe(0o700);
});

test("a folder that holds other files and is open to others is left as it is and refused", () => {
  const folder = makeFolder();
  writeFileSync(join(folder, "passwd"), "");
  chmodSync(folder, 0o755);
  expect(() => prepareStateFolder(folder)).toThrow(/choose a folder of its own/);
  expect(modeOf(folder)).toBe(0o755);
});

test("a link to the folder serves: systemd makes one", () => {
  const folder = makeFolder();
  mkdirSync(join(folder, "private"), { mode: 0o700 });
  symlinkSync(join(folder, "private"), join(folder, "link"));
  expect(() => prepareStateFolder(join(folder, "link"))).not.toThrow();
});

test("a token is made once and read from then on", () => {
  const folder = makeFolder();
  const first = readLocalToken(folder);
  const second = readLocalToken(folder);
  expect([first.created, second.created]).toEqual([true, false]);
  expect(second.token).toBe(first.token);
  expect(first.token).toMatch(/^[\w-]{43}$/);
  expect(readFileSync(first.file, "utf8").trim()).toBe(first.token);
});

test("two folders never share a token", () => {
  expect(readLocalToken(makeFolder()).token).not.toBe(readLocalToken(makeFolder()).token);
});

test.each([
  [
    "a token that others can read",
    (file: string) => writeFileSync(file, "x".repeat(43), { mode: 0o644 }),
    /other users/,
  ],
  [
    "an empty token",
    (file: string) => writeFileSync(file, "", { mode: 0o600 }),
    /doesn't hold a token/,
  ],
  [
    "a short token",
    (file: string) => writeFileSync(file, "abc", { mode: 0o600 }),
    /doesn't hold a token/,
  ],
  ["a link", (file: string) => symlinkSync("/etc/hostname", file), /not a plain file/],
  ["a folder", (file: string) => mkdirSync(file), /not a plain file/],
])("%s is refused with one sentence", (_name, prepare, sentence) => {
  const folder = makeFolder();
  prepare(join(folder, "token"));
  expect(() => readLocalToken(folder)).toThrow(sentence);
});

test("a folder that is a file, or can't be made, is refused with one sentence", () => {
  const file = join(makeFolder(), "file");
  writeFileSync(file, "");
  expect(() => prepareStateFolder(file)).toThrow(/is not a folder/);
  expect(() => prepareStateFolder(join(file, "below"))).toThrow(/can't be used \(ENOTDIR\)/);
});

test("a token that somebody else keeps is read through the links of a mounted secret", () => {
  const folder = makeFolder();
  const token = "a".repeat(40);
  writeFileSync(join(folder, "data"), `${token}\n`, { mode: 0o440 });
  symlinkSync("data", join(folder, "token"));
  expect(readTokenFile(join(folder, "token"))).toMatchObject({ token, created: false });
});

test("a token that everybody may read, that is missing or that is none is refused", () => {
  const file = join(makeFolder(), "token");
  expect(() => readTokenFile(file)).toThrow(/can't be read/);
  writeFileSync(file, "a".repeat(40));
  chmodSync(file, 0o644);
  expect(() => readTokenFile(file)).toThrow(/by other users/);
  chmodSync(file, 0o640);
  expect(readTokenFile(file).token).toBe("a".repeat(40));
  writeFileSync(file, "short");
  expect(() => readTokenFile(file)).toThrow(/doesn't hold a token/);
});
