/** Block devices from /proc/diskstats, by the kernel's admin-guide/iostats: numbers, name, then 11, 15 or 17 counts. */
import { join } from "node:path";
import * as disk from "../../../core/catalog/disk.ts";
import type { Device } from "../../../core/catalog/device.ts";
import type { Metric } from "../../../core/catalog/metric.ts";
import type { HostPaths } from "../../../core/kit/env.ts";
import type { SlotRegistrar } from "../../../core/wire/slots.ts";
import { absent, type Source } from "../source.ts";
import { declareIdentity, readUdev, type FactSlot } from "./block-device.ts";
import { partOf } from "./device.ts";
import type { FileShare } from "./kept-file.ts";
import { decodeName, type LinePlanner } from "./line-table.ts";
import { createTableReader } from "./table-reader.ts";
import { missing } from "./missing.ts";
import type { HostOptions, NameFilter } from "./options.ts";

/** The kernel counts in these whatever the device's own sectors are. */
const bytesPerSector = 512;
const secondsPerMillisecond = 0.001;

/** In the order of the columns, each with what turns the kernel's number into the metric's unit. */
const columns: readonly (readonly [Metric<"device">, number])[] = [
  [disk.readsCompleted, 1],
  [disk.readsMerged, 1],
  [disk.readBytes, bytesPerSector],
  [disk.readSeconds, secondsPerMillisecond],
  [disk.writesCompleted, 1],
  [disk.writesMerged, 1],
  [disk.writtenBytes, bytesPerSector],
  [disk.writeSeconds, secondsPerMillisecond],
  [disk.ioNow, 1],
  [disk.ioSeconds, secondsPerMillisecond],
  [disk.ioSecondsWeighted, secondsPerMillisecond],
  [disk.discardsCompleted, 1],
  [disk.discardsMerged, 1],
  [disk.discardedSectors, 1],
  [disk.discardSeconds, secondsPerMillisecond],
  [disk.flushRequests, 1],
  [disk.flushSeconds, secondsPerMillisecond],
];
const multipliers = columns.map(([, multiplier]) => multiplier);
const linePattern = /^[ \t]*(\d+)[ \t]+(\d+)[ \t]+(\S+)[ \t]+/;

export function createDiskstatsSource(
  share: FileShare,
  { keepsDevice }: HostOptions["diskstats"],
): Source {
  return {
    name: "diskstats",
    metrics: Object.values(disk),
    sampling: "fast",
    open({ env, host }) {
      const path = join(env.paths.procfs, "diskstats");
      const file = share.open(path, env.clock);
      if (!file) return absent(missing("block", env.paths, path));
      let facts: FactSlot[] = [];
      return createTableReader(file, {
        plan(slots) {
          facts = [];
          return planDisks(slots, { paths: env.paths, host, facts, keepsDevice });
        },
        finish(column) {
          for (const [slot, value] of facts) column[slot] = value;
        },
      });
    },
  };
}

function planDisks(
  slots: SlotRegistrar,
  {
    paths,
    host,
    facts,
    keepsDevice,
  }: {
    readonly paths: HostPaths;
    readonly host: Device;
    readonly facts: FactSlot[];
    readonly keepsDevice: NameFilter;
  },
): LinePlanner {
  return (line) => {
    const match = linePattern.exec(line);
    if (!match) return null;
    const [key, major = "", minor = "", name = ""] = match;
    const device = decodeName(name);
    if (!keepsDevice(device)) return { keyBytes: key.length, slots: [] };
    const udev = readUdev(paths, major, minor);
    const part = partOf(host, "drive", device, udev("ID_MODEL"));
    facts.push(...declareIdentity(slots, part, udev, { device, major, minor }, paths));
    const present = line.slice(key.length).trim().split(/\s+/).length;
    return {
      keyBytes: key.length,
      slots: columns.slice(0, present).map(([metric]) => slots.slot(metric, { device }, part)),
      multipliers,
    };
  };
}
