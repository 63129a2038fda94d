/** What can become of a file of /proc or /sys: texts that no kernel should print, and things that stand where the file stood. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import type { Random } from "../kit/random.ts";

export interface Fault {
  readonly name: string;
  /** Puts it in the file's place; the file is there and holds `content`. */
  apply(path: string, content: Buffer, random: Random): void;
}

/** A new text, written in place: what has the file open sees it too. */
function text(name: string, change: (content: string, random: Random) => string): Fault {
  return {
    name,
    apply: (path, content, random) =>
      writeFileSync(path, Buffer.from(change(content.toString("latin1"), random), "latin1")),
  };
}

/** Something else in the place of the file. */
function place(name: string, put: (path: string) => void): Fault {
  return {
    name,
    apply(path) {
      rmSync(path);
      put(path);
    },
  };
}

function shuffle<Item>(items: readonly Item[], random: Random): Item[] {
  const left = [...items];
  return items.flatMap(() => left.splice(random.below(left.length), 1));
}

const everyNumber = /\d+/g;
const lineOf = (content: string, random: Random): string => {
  const lines = content.split("\n");
  return lines[random.below(lines.length)] ?? "";
};

export const faults: readonly Fault[] = [
  text("says nothing", () => ""),
  text("is cut off", (content, random) => content.slice(0, random.below(content.length))),
  text("lacks its last line feed", (content) => content.trimEnd()),
  text("goes on for a megabyte", (content) => content.repeat(1 + 1_000_000 / (content.length + 1))),
  text("has one line of a megabyte", (content, random) => {
    const line = lineOf(content, random);
    return content + `${line} `.repeat(1 + 1_000_000 / (line.length + 1));
  }),
  text("is larger than any bound", (content) => content + "x".repeat(9_000_000)),
  text("holds NUL bytes", (content, random) => {
    const at = random.below(content.length + 1);
    return `${content.slice(0, at)}\0\0\0${content.slice(at)}`;
  }),
  text("is binary", (_, random) =>
    Array.from({ length: 600 }, () => String.fromCharCode(random.below(256))).join(""),
  ),
  text("has numbers beyond 64 bits", (content) =>
    content.replaceAll(everyNumber, "99999999999999999999999999"),
  ),
  text("has numbers beyond a double", (content) =>
    content.replaceAll(everyNumber, `1${"0".repeat(400)}`),
  ),
  text("has the largest numbers", (content) =>
    content.replaceAll(everyNumber, "18446744073709551615"),
  ),
  text("has negative numbers", (content) => content.replaceAll(everyNumber, "-7")),
  text("has words for numbers", (content, random) =>
    content.replaceAll(
      everyNumber,
      () => ["NaN", "inf", "-Inf", "0x", "1e999"][random.below(5)] ?? "",
    ),
  ),
  text("has its lines in another order", (content, random) =>
    shuffle(content.split("\n"), random).join("\n"),
  ),
  text("has every line twice", (content) =>
    content
      .split("\n")
      .flatMap((line) => [line, line])
      .join("\n"),
  ),
  text("has its words in another order", (content, random) =>
    content
      .split("\n")
      .map((line) => shuffle(line.split(" "), random).join(" "))
      .join("\n"),
  ),
  text("has other ends of lines", (content) => content.replaceAll("\n", "\r\n")),
  text("has no blanks", (content) => content.replaceAll(/[ \t]+/g, "")),
  text("has quotes and backslashes", (content) => content.replaceAll(/[A-Za-z]/g, '"\\')),
  place("is gone", () => {}),
  place("is a folder", (path) => mkdirSync(path)),
  place("is a link to itself", (path) => symlinkSync(basename(path), path)),
  place("is a link to its folder", (path) => symlinkSync(".", path)),
  place("is a link to nowhere", (path) => symlinkSync("nowhere", path)),
  place("is a pipe that nobody writes to", (path) => void spawnSync("mkfifo", [path])),
  // Reading a process's memory at its start fails with EIO, as a device that doesn't answer does.
  place("fails to be read", (path) => symlinkSync("/proc/self/mem", path)),
  { name: "may not be read", apply: (path) => chmodSync(path, 0) },
];

/** The kernel's checks of permission are for others than root: runs this as nobody, where the process is root. */
export async function asNobody<Result>(run: () => Promise<Result>): Promise<Result> {
  if (process.geteuid?.() !== 0) return run();
  process.seteuid?.(65_534);
  try {
    return await run();
  } finally {
    process.seteuid?.(0);
  }
}
