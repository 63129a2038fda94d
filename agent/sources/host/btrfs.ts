/** Btrfs filesystems from /sys/fs/btrfs/<uuid>, as the kernel's fs/btrfs/sysfs.c shows them. */
import { basename, join } from "node:path";
import * as volumes from "../../../core/catalog/volumes.ts";
import type { HostPaths } from "../../../core/kit/env.ts";
import type { SlotRegistrar } from "../../../core/wire/slots.ts";
import type { Source } from "../source.ts";
import type { BtrfsDevice } from "../../probes/btrfs-devices.ts";
import { readUdev } from "./block-device.ts";
import { askDevices, type BtrfsDevices } from "./btrfs-mounts.ts";
import { readFact } from "./kept-file.ts";
import type { LinePlanner } from "./line-table.ts";
import { openListedReader, type Listing } from "./listed-reader.ts";

/** Sizes that the devices themselves tell, and the slots that they go to. */
interface DeviceSizes {
  readonly name: string;
  readonly id: number;
  readonly total: number;
  readonly unused: number;
}

type DeviceLabels = Readonly<Record<"device" | "btrfs_dev_uuid", string>>;

/** How often devices are asked. */
const askMilliseconds = 15_000;
const bytesPerSector = 512;
const millisecondsPerSecond = 1000;
const groupTypes = ["data", "metadata", "system"];
/** Copies that a layout keeps; with parity it depends on how many devices there are. */
const copies: Readonly<Record<string, number>> = {
  single: 1,
  raid0: 1,
  dup: 2,
  raid1: 2,
  raid10: 2,
  raid1c3: 3,
  raid1c4: 4,
};
const parityDevices: Readonly<Record<string, number>> = { raid5: 1, raid6: 2 };
/** Line of commit_stats → what it is, and by how much it is divided. */
const commitLines = {
  commits: [volumes.btrfsCommits, 1],
  last_commit_ms: [volumes.btrfsLastCommit, millisecondsPerSecond],
  max_commit_ms: [volumes.btrfsLongestCommit, millisecondsPerSecond],
  total_commit_ms: [volumes.btrfsCommitSeconds, millisecondsPerSecond],
} as const;

export const btrfsSource: Source = {
  name: "btrfs",
  metrics: [
    volumes.btrfsInfo,
    volumes.btrfsReserveSize,
    volumes.btrfsReserved,
    volumes.btrfsUsed,
    volumes.btrfsSize,
    volumes.btrfsAllocationRatio,
    volumes.btrfsDeviceSize,
    volumes.btrfsDeviceUnused,
    volumes.btrfsDeviceErrors,
    ...Object.values(commitLines).map(([metric]) => metric),
  ],
  sampling: "fast",
  async open({ env, probes }) {
    const folder = join(env.paths.sysfs, "fs/btrfs");
    const ask = (): Promise<BtrfsDevices> => askDevices(env.paths, probes.slowKernel);
    let devices = await ask();
    let askedAt = env.clock.monotonic();
    const reader = openListedReader({
      clock: env.clock,
      absent: `no filesystem is under ${folder}: none of Btrfs is mounted`,
      list(listing) {
        // Beside the filesystems there is a folder of what the module can do.
        for (const name of listing.folder(folder, /-/))
          listFilesystem(listing, join(folder, name), name, env.paths, devices.get(name) ?? []);
      },
    });
    if ("absent" in reader) return reader;
    let sizes: readonly DeviceSizes[] = [];
    return {
      register(slots) {
        reader.register(slots);
        sizes = [...devices].flatMap(([name, list]) =>
          list.map((device) => declareSizes(slots, uuidOf(join(folder, name), name), name, device)),
        );
      },
      async read(column, signal) {
        if (env.clock.monotonic() - askedAt >= askMilliseconds) {
          askedAt = env.clock.monotonic();
          const before = identitiesOf(devices);
          devices = await ask();
          if (identitiesOf(devices) !== before) return "changed";
        }
        for (const { name, id, total, unused } of sizes) {
          const device = devices.get(name)?.find((one) => one.id === id);
          if (!device) continue;
          column[total] = device.totalBytes;
          column[unused] = device.totalBytes - device.usedBytes;
        }
        return reader.read(column, signal);
      },
      close: () => reader.close(),
    };
  },
};

function uuidOf(folder: string, name: string): string {
  return readFact(join(folder, "metadata_uuid")) || name;
}

function identitiesOf(devices: BtrfsDevices): string {
  return [...devices]
    .flatMap(([name, list]) => list.map(({ id, uuid, path }) => [name, id, uuid, path].join(" ")))
    .join("\n");
}

function labelsOf({ path, uuid }: BtrfsDevice): DeviceLabels {
  return { device: basename(path), btrfs_dev_uuid: uuid };
}

function declareSizes(
  slots: SlotRegistrar,
  uuid: string,
  name: string,
  device: BtrfsDevice,
): DeviceSizes {
  const labels = { uuid, ...labelsOf(device) };
  return {
    name,
    id: device.id,
    total: slots.slot(volumes.btrfsDeviceSize, labels),
    unused: slots.slot(volumes.btrfsDeviceUnused, labels),
  };
}

function listFilesystem(
  listing: Listing,
  folder: string,
  name: string,
  paths: HostPaths,
  numbered: readonly BtrfsDevice[],
): void {
  const uuid = uuidOf(folder, name);
  const allocation = join(folder, "allocation");
  const devices = listing.folder(join(folder, "devices"));
  listing.fact(volumes.btrfsInfo, { uuid, label: listing.text(join(folder, "label")) });
  listing.value(join(allocation, "global_rsv_size"), volumes.btrfsReserveSize, { uuid });
  listing.table(join(folder, "commit_stats"), (slots) => planCommits(slots, uuid));
  for (const type of groupTypes)
    listGroups(listing, join(allocation, type), { uuid, block_group_type: type }, devices.length);
  const known = devices.map((device) => ({
    device,
    btrfs_dev_uuid: deviceUuid(listing, folder, device, paths),
  }));
  for (const device of numbered.length === 0 ? known : [])
    listing.value(
      join(folder, "devices", device.device, "size"),
      volumes.btrfsDeviceSize,
      { uuid, ...device },
      { multiplier: bytesPerSector },
    );
  const ids = listing.folder(join(folder, "devinfo"), /^\d+$/);
  for (const id of ids) {
    const answer = numbered.find((one) => String(one.id) === id);
    // Without an answer nobody says which device has which number, unless there is only one.
    const [only] = ids.length === 1 && known.length === 1 ? known : [];
    const device = (answer && labelsOf(answer)) ??
      only ?? { device: `devid ${id}`, btrfs_dev_uuid: "" };
    listing.table(join(folder, "devinfo", id, "error_stats"), (slots) =>
      planErrors(slots, { uuid, ...device }),
    );
  }
}

function listGroups(
  listing: Listing,
  folder: string,
  labels: { readonly uuid: string; readonly block_group_type: string },
  devices: number,
): void {
  listing.value(join(folder, "bytes_reserved"), volumes.btrfsReserved, labels);
  for (const mode of listing.folder(folder, /^(single|dup|raid\w+)$/)) {
    const own = { ...labels, mode };
    listing.value(join(folder, mode, "used_bytes"), volumes.btrfsUsed, own);
    listing.value(join(folder, mode, "total_bytes"), volumes.btrfsSize, own);
    const ratio = ratioOf(mode, devices);
    if (Number.isFinite(ratio)) listing.fact(volumes.btrfsAllocationRatio, own, ratio);
  }
}

function ratioOf(mode: string, devices: number): number {
  const parity = parityDevices[mode];
  return parity === undefined ? (copies[mode] ?? Number.NaN) : devices / (devices - parity);
}

/** As udev found it in the device's own superblock; empty where udev doesn't run or can't be seen. */
function deviceUuid(listing: Listing, folder: string, device: string, paths: HostPaths): string {
  const [major, minor] = listing.text(join(folder, "devices", device, "dev")).split(":");
  return major && minor ? readUdev(paths, major, minor)("ID_FS_UUID_SUB") : "";
}

function planCommits(slots: SlotRegistrar, uuid: string): LinePlanner {
  return (line) => {
    const key = /^(\w+) /.exec(line)?.[1] ?? "";
    if (!isCommitLine(key)) return null;
    const [metric, divisor] = commitLines[key];
    return { keyBytes: key.length + 1, slots: [slots.slot(metric, { uuid })], divisor };
  };
}

function isCommitLine(key: string): key is keyof typeof commitLines {
  return Object.hasOwn(commitLines, key);
}

/** `write_errs 0`, a kind per line. */
function planErrors(
  slots: SlotRegistrar,
  labels: DeviceLabels & { readonly uuid: string },
): LinePlanner {
  return (line) => {
    const [head, type] = /^(write|read|flush|corruption|generation)_errs /.exec(line) ?? [];
    if (head === undefined || type === undefined) return null;
    const slot = slots.slot(volumes.btrfsDeviceErrors, { ...labels, type });
    return { keyBytes: head.length, slots: [slot] };
  };
}
