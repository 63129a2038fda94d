/** What filesystems count about themselves, under node_exporter's names: XFS, Btrfs, ZFS, bcache. */
import { defineFamily, defineMetric } from "./metric.ts";

export const xfs = defineFamily({
  pattern: "node_xfs_{key}",
  kind: "counter",
  help: "{key} of each XFS filesystem since it was mounted.",
  labels: ["device"],
  maximumKeys: 100,
  compatibilityOnly: true,
});
/** Keys are the module's file and counter: `arc_hits`, `zil_zil_commit_count`. */
export const zfs = defineFamily({
  pattern: "node_zfs_{key}",
  kind: "gauge",
  help: "{key} of the ZFS module's statistics.",
  maximumKeys: 1000,
  compatibilityOnly: true,
});
export const zfsDataset = defineFamily({
  pattern: "node_zfs_zpool_dataset_{key}",
  kind: "gauge",
  help: "{key} of each dataset of ZFS.",
  labels: ["zpool", "dataset"],
  maximumKeys: 50,
  compatibilityOnly: true,
});
export const zfsPool = defineFamily({
  pattern: "node_zfs_zpool_{key}",
  kind: "gauge",
  help: "{key} of each pool of ZFS.",
  labels: ["zpool"],
  maximumKeys: 50,
  compatibilityOnly: true,
});
export const zfsPoolState = defineMetric({
  name: "node_zfs_zpool_state",
  kind: "gauge",
  help: "1 for the state that each pool of ZFS is in, 0 for the others.",
  labels: ["zpool", "state"],
  compatibilityOnly: true,
});
