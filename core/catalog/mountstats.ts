/** NFS mounts from /proc/<pid>/mountstats, under node_exporter's names. */
import { defineFamily, defineMetric } from "./metric.ts";

const shared = {
  kind: "counter",
  sampling: "steady",
  maximumKeys: 60,
  compatibilityOnly: true,
} as const;

export const mountpointInfo = defineMetric({
  name: "node_mountstats_nfs_mountpoint_info",
  kind: "info",
  help: "Where each NFS export is mounted.",
  labels: ["export", "protocol", "mountaddr", "mountpoint"],
  sampling: "steady",
  compatibilityOnly: true,
});
export const mountStatistic = defineFamily({
  ...shared,
  pattern: "node_mountstats_nfs_{key}",
  help: "{key} of each NFS mount since it was made.",
  labels: ["export", "protocol", "mountaddr"],
});
export const operationStatistic = defineFamily({
  ...shared,
  pattern: "node_mountstats_nfs_operations_{key}",
  help: "{key} of each operation of an NFS mount since it was made.",
  labels: ["export", "protocol", "mountaddr", "operation"],
});
export const transportStatistic = defineFamily({
  ...shared,
  pattern: "node_mountstats_nfs_transport_{key}",
  help: "{key} of each connection of an NFS mount.",
  labels: ["export", "protocol", "mountaddr", "transport"],
});
