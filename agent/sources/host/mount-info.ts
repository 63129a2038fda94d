/** Which device numbers are behind mount points, from /proc/1/mountinfo as proc(5) has it: beside the source `filesystem`. */
import { join } from "node:path";
import { mountInfo } from "../../../core/catalog/filesystem.ts";
import type { HostPaths } from "../../../core/kit/env.ts";
import { absent, type Source } from "../source.ts";
import { createFactsReader } from "./facts.ts";
import { openKeptFile, type KeptFile } from "./kept-file.ts";
import { parseMounts } from "./mounts.ts";
import type { HostOptions } from "./options.ts";

/** Identifier, parent, numbers, root, mount point, options, some tags, a dash, type, source, options of the superblock. */
const linePattern = /^\d+ \d+ (\d+:\d+) \S+ (\S+) (\S+) .*?- (\S+) (\S+) /;

interface MountFacts {
  readonly device: string;
  readonly mountpoint: string;
  readonly major: string;
  readonly minor: string;
}

export function createMountInfoSource(options: HostOptions["filesystem"]): Source {
  return {
    name: "mount_info",
    metrics: [mountInfo],
    sampling: "steady",
    open({ env }) {
      const table = openTable(env.paths);
      if (!table)
        return absent(`neither 1/mountinfo nor self/mountinfo is under ${env.paths.procfs}`);
      const gather = (): MountFacts[] => {
        table.read();
        return parseTable(
          table.bytes.toString("latin1", 0, table.length),
          env.paths.rootfs,
          options,
        );
      };
      const reader = createFactsReader({
        gather,
        declare: (facts, slots) => facts.map((one) => [slots.slot(mountInfo, one), 1] as const),
      });
      return { ...reader, close: () => table.close() };
    },
  };
}

/** Process 1 sees the host's mounts even where this process doesn't; it may be hidden (hidepid) or not ours to read. */
function openTable({ procfs }: HostPaths): KeptFile | null {
  try {
    const table = openKeptFile(join(procfs, "1/mountinfo"), { initialBytes: 16_384 });
    if (table) return table;
  } catch {
    // The table of this process's own namespace is the next best, and says so itself when it can't be read.
  }
  return openKeptFile(join(procfs, "self/mountinfo"), { initialBytes: 16_384 });
}

/** The lines as /proc/mounts would have them decide which mounts are told, once with the devices and once with their numbers. */
function parseTable(
  text: string,
  rootfs: string,
  options: HostOptions["filesystem"],
): MountFacts[] {
  const lines = text.split("\n").flatMap((line) => {
    const [, numbers = "", point = "", flags = "", type = "", device = ""] =
      linePattern.exec(line) ?? [];
    return point === "" ? [] : [{ numbers, device, rest: `${point} ${type} ${flags} 0 0` }];
  });
  const parse = (first: (line: (typeof lines)[number]) => string): ReturnType<typeof parseMounts> =>
    parseMounts(lines.map((line) => `${first(line)} ${line.rest}`).join("\n"), rootfs, options);
  const numbered = parse(({ numbers }) => numbers);
  return parse(({ device }) => device).map(({ device, mountPoint }, place) => {
    const [major = "", minor = ""] = numbered[place]?.device.split(":") ?? [];
    return { device, mountpoint: mountPoint, major, minor };
  });
}
