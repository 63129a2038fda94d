/** Mounted filesystems, under node_exporter's names: statfs(2) of each mount point. */
import { defineMetric } from "./metric.ts";

const labels = ["device", "mountpoint", "fstype"] as const;

export const size = defineMetric({
  name: "node_filesystem_size_bytes",
  kind: "gauge",
  unit: "bytes",
  help: "Size of the filesystem in bytes.",
  labels,
});
export const free = defineMetric({
  name: "node_filesystem_free_bytes",
  kind: "gauge",
  unit: "bytes",
  help: "Bytes free, those reserved for root among them.",
  labels,
});
export const available = defineMetric({
  name: "node_filesystem_avail_bytes",
  kind: "gauge",
  unit: "bytes",
  help: "Bytes free to users other than root.",
  labels,
});
export const files = defineMetric({
  name: "node_filesystem_files",
  kind: "gauge",
  help: "Inodes that the filesystem can have; 0 where it has no such limit.",
  labels,
});
export const filesFree = defineMetric({
  name: "node_filesystem_files_free",
  kind: "gauge",
  help: "Inodes that are free.",
  labels,
});
export const readOnly = defineMetric({
  name: "node_filesystem_readonly",
  kind: "gauge",
  help: "1 where the mount is read-only, as a kernel leaves it after a disk error.",
  labels,
});
export const deviceError = defineMetric({
  name: "node_filesystem_device_error",
  kind: "gauge",
  help: "1 where the filesystem could not be asked: statfs failed, didn't return in time, or wasn't tried because others hang.",
  labels,
});
export const mountInfo = defineMetric({
  name: "node_filesystem_mount_info",
  kind: "info",
  help: "The device numbers behind each mount point.",
  labels: ["device", "major", "minor", "mountpoint"],
  sampling: "steady",
  compatibilityOnly: true,
});
