/** Software arrays from /proc/mdstat, as the kernel's drivers/md/md.c prints them: a line for the array, one for its blocks, one for a run under way. */
import { join } from "node:path";
import * as drives from "../../../core/catalog/drives.ts";
import { absent, type Source } from "../source.ts";
import { openKeptFile } from "./kept-file.ts";
import { createSampleReader, type AddSample } from "./sample-reader.ts";
import { missing } from "./missing.ts";

interface SoftwareArray {
  readonly device: string;
  readonly state: string;
  readonly active: number;
  readonly required: number;
  readonly failed: number;
  readonly spare: number;
  readonly blocks: number;
  readonly synced: number;
}

/** The states that node_exporter tells; a reshape is none of them. */
const states = ["active", "inactive", "recovering", "resync", "check"];

export const mdadmSource: Source = {
  name: "mdadm",
  metrics: [
    drives.arrayState,
    drives.arrayDisks,
    drives.arrayDisksRequired,
    drives.arrayBlocks,
    drives.arrayBlocksSynced,
  ],
  sampling: "fast",
  open({ env }) {
    const path = join(env.paths.procfs, "mdstat");
    const file = openKeptFile(path);
    if (!file) return absent(missing("mdadm", env.paths, path));
    return createSampleReader(
      (add) => {
        file.read();
        for (const array of parseArrays(file.bytes.toString("utf8", 0, file.length)))
          addArray(add, array);
      },
      () => file.close(),
    );
  },
};

function addArray(add: AddSample, array: SoftwareArray): void {
  const { device } = array;
  for (const state of states)
    add(drives.arrayState, { device, state }, array.state === state ? 1 : 0);
  add(drives.arrayDisks, { device, state: "active" }, array.active);
  add(drives.arrayDisks, { device, state: "failed" }, array.failed);
  add(drives.arrayDisks, { device, state: "spare" }, array.spare);
  add(drives.arrayDisksRequired, { device }, array.required);
  add(drives.arrayBlocks, { device }, array.blocks);
  add(drives.arrayBlocksSynced, { device }, array.synced);
}

export function parseArrays(text: string): SoftwareArray[] {
  const lines = text.split("\n");
  return lines.flatMap((line, index) => {
    const match = /^(\S+) : (\S+)/.exec(line);
    if (!match?.[1] || match[1] === "Personalities") return [];
    // What belongs to an array is indented.
    const rest: string[] = [];
    for (let at = index + 1; /^\s+\S/.test(lines[at] ?? ""); at += 1) rest.push(lines[at] ?? "");
    return [describeArray(line, match[1], match[2] ?? "", rest)];
  });
}

function describeArray(
  line: string,
  device: string,
  told: string,
  rest: readonly string[],
): SoftwareArray {
  const blocks = Number(/^\s*(\d+) blocks/.exec(rest[0] ?? "")?.[1] ?? Number.NaN);
  const run = rest.slice(1).find((one) => /recovery|reshape|resync|check/.test(one));
  const done = Number(/\((\d+)\/\d+\)/.exec(run ?? "")?.[1] ?? 0);
  return {
    device,
    state: run === undefined ? told : stateOfRun(run),
    ...countDisks(line, rest[0] ?? ""),
    failed: countOf(line, "(F)"),
    spare: countOf(line, "(S)"),
    blocks,
    synced: run === undefined ? blocks : done,
  };
}

/** `[4/3]`: made for four, three work. Arrays without redundancy don't say it: all that are listed work. */
function countDisks(line: string, status: string): { required: number; active: number } {
  if (/\b(raid0|linear)\b/.test(line)) {
    const disks = countOf(line, "[");
    return { required: disks, active: disks };
  }
  const match = /\[(\d+)\/(\d+)\]/.exec(status);
  return { required: Number(match?.[1] ?? 0), active: Number(match?.[2] ?? 0) };
}

function stateOfRun(line: string): string {
  if (line.includes("recovery")) return "recovering";
  if (line.includes("reshape")) return "reshaping";
  return line.includes("check") ? "check" : "resync";
}

function countOf(text: string, part: string): number {
  return text.split(part).length - 1;
}
