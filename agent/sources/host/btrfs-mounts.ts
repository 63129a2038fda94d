/** The devices of mounted Btrfs filesystems by number, which /sys doesn't tell: asked of each through the slow-kernel probe. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { HostPaths } from "../../../core/kit/env.ts";
import type { BtrfsDevice, BtrfsQuestion } from "../../probes/btrfs-devices.ts";
import type { Probe } from "../../probes/probe.ts";
import { readFact } from "./kept-file.ts";
import { parseMounts, type Mount } from "./mounts.ts";

/** By the name of the filesystem's folder in /sys; nothing for one that isn't mounted here or doesn't answer. */
export type BtrfsDevices = ReadonlyMap<string, readonly BtrfsDevice[]>;

const timeoutMilliseconds = 5000;

export async function askDevices(paths: HostPaths, probe: Probe): Promise<BtrfsDevices> {
  const folder = join(paths.sysfs, "fs/btrfs");
  const mounts = mountsOf(paths);
  const asked = namesIn(folder)
    .filter((name) => name.includes("-"))
    .map(async (name): Promise<[string, readonly BtrfsDevice[]]> => {
      const own = join(folder, name);
      const devices = namesIn(join(own, "devices"));
      // Of one that is on one device /sys tells enough, and the probe costs memory.
      if (devices.length < 2) return [name, []];
      const mapped = devices.map((device) => readFact(join(own, "devices", device, "dm/name")));
      const names = new Set([...devices, ...mapped]);
      const mount = mounts.find(({ device }) => names.has(basename(device)));
      const ids = namesIn(join(own, "devinfo")).map(Number).filter(Number.isSafeInteger);
      return [name, mount && ids.length > 0 ? await ask(probe, mount, ids) : []];
    });
  return new Map(await Promise.all(asked));
}

/** One that doesn't answer is told as far as /sys tells it. */
async function ask(probe: Probe, mount: Mount, ids: readonly number[]): Promise<BtrfsDevice[]> {
  const question: BtrfsQuestion = { path: mount.path, ids };
  try {
    return (await probe.ask(
      "btrfs-devices",
      mount.mountPoint,
      question,
      timeoutMilliseconds,
    )) as BtrfsDevice[];
  } catch {
    return [];
  }
}

function mountsOf({ procfs, rootfs }: HostPaths): Mount[] {
  const table = readTable(join(procfs, "1/mounts")) || readTable(join(procfs, "mounts"));
  return parseMounts(table, rootfs, {
    keepsMountPoint: () => true,
    keepsType: (type) => type === "btrfs",
  });
}

function readTable(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
