/** Volumes that span devices, under node_exporter's names: Btrfs, software arrays and multipath devices, as /sys has them. */
import { defineMetric, type Metric, type Unit } from "./metric.ts";

export const arrayRaidDisks = defineMetric({
  name: "node_md_raid_disks",
  kind: "gauge",
  help: "Disks of each software array when it is whole, as /sys has it.",
  labels: ["device"],
  compatibilityOnly: true,
});
export const arrayDegradedDisks = defineMetric({
  name: "node_md_degraded",
  kind: "gauge",
  help: "Disks that each software array lacks.",
  labels: ["device"],
  compatibilityOnly: true,
});

export const btrfsInfo = defineMetric({
  name: "node_btrfs_info",
  kind: "info",
  help: "The label of each Btrfs filesystem.",
  labels: ["uuid", "label"],
  compatibilityOnly: true,
});
export const btrfsReserveSize = defineBtrfs(
  "node_btrfs_global_rsv_size_bytes",
  "gauge",
  "bytes",
  "Bytes that each Btrfs filesystem sets aside for its own work.",
);
export const btrfsCommits = defineBtrfs(
  "node_btrfs_commits_total",
  "counter",
  "none",
  "Commits of each Btrfs filesystem since it was mounted.",
);
export const btrfsCommitSeconds = defineBtrfs(
  "node_btrfs_commit_seconds_total",
  "counter",
  "seconds",
  "Seconds that all commits of each Btrfs filesystem took.",
);
export const btrfsLastCommit = defineBtrfs(
  "node_btrfs_last_commit_seconds",
  "gauge",
  "seconds",
  "Seconds that the last commit of each Btrfs filesystem took.",
);
export const btrfsLongestCommit = defineBtrfs(
  "node_btrfs_max_commit_seconds",
  "gauge",
  "seconds",
  "Seconds that the longest commit of each Btrfs filesystem took.",
);
export const btrfsReserved = defineMetric({
  name: "node_btrfs_reserved_bytes",
  kind: "gauge",
  unit: "bytes",
  help: "Bytes of each kind of block group that are promised and not written yet.",
  labels: ["uuid", "block_group_type"],
  compatibilityOnly: true,
});
export const btrfsUsed = defineBlockGroup(
  "node_btrfs_used_bytes",
  "bytes",
  "Bytes used by kind of block group and by layout.",
);
export const btrfsSize = defineBlockGroup(
  "node_btrfs_size_bytes",
  "bytes",
  "Bytes given to each kind of block group and layout.",
);
export const btrfsAllocationRatio = defineBlockGroup(
  "node_btrfs_allocation_ratio",
  "ratio",
  "Ratio of the bytes a layout takes on devices to the bytes it holds.",
);
export const btrfsDeviceSize = defineMetric({
  name: "node_btrfs_device_size_bytes",
  kind: "gauge",
  unit: "bytes",
  help: "Size of each device of a Btrfs filesystem in bytes.",
  labels: ["uuid", "device", "btrfs_dev_uuid"],
  compatibilityOnly: true,
});
export const btrfsDeviceUnused = defineMetric({
  name: "node_btrfs_device_unused_bytes",
  kind: "gauge",
  unit: "bytes",
  help: "Bytes of each device of a Btrfs filesystem that are given to nothing yet.",
  labels: ["uuid", "device", "btrfs_dev_uuid"],
  compatibilityOnly: true,
});
export const btrfsDeviceErrors = defineMetric({
  name: "node_btrfs_device_errors_total",
  kind: "counter",
  help: "Errors of each device of a Btrfs filesystem by kind: write, read, flush, corruption, generation.",
  labels: ["uuid", "type", "device", "btrfs_dev_uuid"],
  compatibilityOnly: true,
});

export const multipathInfo = defineMetric({
  name: "node_dmmultipath_device_info",
  kind: "info",
  help: "Names of each device that has several paths.",
  labels: ["device", "sysfs_name", "uuid"],
  compatibilityOnly: true,
});
export const multipathActive = defineMultipath(
  "node_dmmultipath_device_active",
  "none",
  "1 for each multipath device that takes requests, 0 while it is suspended.",
);
export const multipathSize = defineMultipath(
  "node_dmmultipath_device_size_bytes",
  "bytes",
  "Size of each multipath device in bytes.",
);
export const multipathPaths = defineMultipath(
  "node_dmmultipath_device_paths",
  "none",
  "Paths of each multipath device.",
);
export const multipathPathsActive = defineMultipath(
  "node_dmmultipath_device_paths_active",
  "none",
  "Paths of each multipath device that work.",
);
export const multipathPathsFailed = defineMultipath(
  "node_dmmultipath_device_paths_failed",
  "none",
  "Paths of each multipath device that don't work.",
);
export const multipathPathState = defineMetric({
  name: "node_dmmultipath_path_state",
  kind: "gauge",
  help: "1 for the state that each path of a multipath device is in, as its driver tells it.",
  labels: ["device", "path", "state"],
  compatibilityOnly: true,
});

function defineBtrfs(
  name: string,
  kind: "counter" | "gauge",
  unit: Unit,
  help: string,
): Metric<"uuid"> {
  return defineMetric({ name, kind, unit, help, labels: ["uuid"], compatibilityOnly: true });
}

function defineBlockGroup(
  name: string,
  unit: Unit,
  help: string,
): Metric<"uuid" | "block_group_type" | "mode"> {
  return defineMetric({
    name,
    kind: "gauge",
    unit,
    help,
    labels: ["uuid", "block_group_type", "mode"],
    compatibilityOnly: true,
  });
}

function defineMultipath(name: string, unit: Unit, help: string): Metric<"device" | "sysfs_name"> {
  return defineMetric({
    name,
    kind: "gauge",
    unit,
    help,
    labels: ["device", "sysfs_name"],
    compatibilityOnly: true,
  });
}
