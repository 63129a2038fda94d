/** Block devices, under node_exporter's names: /proc/diskstats, as the kernel's admin-guide/iostats document has it, and udev. */
import { defineMetric } from "./metric.ts";

export const readsCompleted = defineMetric({
  name: "node_disk_reads_completed_total",
  kind: "counter",
  help: "Reads completed.",
  labels: ["device"],
});
export const readsMerged = defineMetric({
  name: "node_disk_reads_merged_total",
  kind: "counter",
  help: "Reads merged with a neighbour before they were queued.",
  labels: ["device"],
  compatibilityOnly: true,
});
export const readBytes = defineMetric({
  name: "node_disk_read_bytes_total",
  kind: "counter",
  unit: "bytes",
  help: "Bytes read.",
  labels: ["device"],
});
export const readSeconds = defineMetric({
  name: "node_disk_read_time_seconds_total",
  kind: "counter",
  unit: "seconds",
  help: "Seconds that all reads took together.",
  labels: ["device"],
});
export const writesCompleted = defineMetric({
  name: "node_disk_writes_completed_total",
  kind: "counter",
  help: "Writes completed.",
  labels: ["device"],
});
export const writesMerged = defineMetric({
  name: "node_disk_writes_merged_total",
  kind: "counter",
  help: "Writes merged with a neighbour before they were queued.",
  labels: ["device"],
  compatibilityOnly: true,
});
export const writtenBytes = defineMetric({
  name: "node_disk_written_bytes_total",
  kind: "counter",
  unit: "bytes",
  help: "Bytes written.",
  labels: ["device"],
});
export const writeSeconds = defineMetric({
  name: "node_disk_write_time_seconds_total",
  kind: "counter",
  unit: "seconds",
  help: "Seconds that all writes took together.",
  labels: ["device"],
});
export const ioNow = defineMetric({
  name: "node_disk_io_now",
  kind: "gauge",
  help: "Requests in flight now.",
  labels: ["device"],
  compatibilityOnly: true,
});
export const ioSeconds = defineMetric({
  name: "node_disk_io_time_seconds_total",
  kind: "counter",
  unit: "seconds",
  help: "Seconds in which at least one request was in flight.",
  labels: ["device"],
});
export const ioSecondsWeighted = defineMetric({
  name: "node_disk_io_time_weighted_seconds_total",
  kind: "counter",
  unit: "seconds",
  help: "Seconds in flight summed over all requests: its rate is the mean queue length.",
  labels: ["device"],
  compatibilityOnly: true,
});
export const discardsCompleted = defineMetric({
  name: "node_disk_discards_completed_total",
  kind: "counter",
  help: "Discards completed.",
  labels: ["device"],
  compatibilityOnly: true,
});
export const discardsMerged = defineMetric({
  name: "node_disk_discards_merged_total",
  kind: "counter",
  help: "Discards merged with a neighbour before they were queued.",
  labels: ["device"],
  compatibilityOnly: true,
});
export const discardedSectors = defineMetric({
  name: "node_disk_discarded_sectors_total",
  kind: "counter",
  help: "Sectors of 512 bytes discarded.",
  labels: ["device"],
  compatibilityOnly: true,
});
export const discardSeconds = defineMetric({
  name: "node_disk_discard_time_seconds_total",
  kind: "counter",
  unit: "seconds",
  help: "Seconds that all discards took together.",
  labels: ["device"],
  compatibilityOnly: true,
});
export const flushRequests = defineMetric({
  name: "node_disk_flush_requests_total",
  kind: "counter",
  help: "Flushes of the drive's write cache completed.",
  labels: ["device"],
  compatibilityOnly: true,
});
export const flushSeconds = defineMetric({
  name: "node_disk_flush_requests_time_seconds_total",
  kind: "counter",
  unit: "seconds",
  help: "Seconds that all flushes of the drive's write cache took together.",
  labels: ["device"],
  compatibilityOnly: true,
});
export const diskInfo = defineMetric({
  name: "node_disk_info",
  kind: "info",
  help: "Identity of the block device: number, path, world-wide name, model, serial, firmware, whether it rotates.",
  labels: ["device", "major", "minor", "path", "wwn", "model", "serial", "revision", "rotational"],
});
export const diskFilesystemInfo = defineMetric({
  name: "node_disk_filesystem_info",
  kind: "info",
  help: "The filesystem that udev found on the block device.",
  labels: ["device", "type", "usage", "uuid", "version"],
  compatibilityOnly: true,
});
export const deviceMapperInfo = defineMetric({
  name: "node_disk_device_mapper_info",
  kind: "info",
  help: "What the device mapper calls the block device.",
  labels: ["device", "name", "uuid", "vg_name", "lv_name", "lv_layer"],
  compatibilityOnly: true,
});
export const ataWriteCache = defineMetric({
  name: "node_disk_ata_write_cache",
  kind: "gauge",
  help: "Whether the ATA disk has a write cache.",
  labels: ["device"],
  compatibilityOnly: true,
});
export const ataWriteCacheEnabled = defineMetric({
  name: "node_disk_ata_write_cache_enabled",
  kind: "gauge",
  help: "Whether the write cache of the ATA disk is in use.",
  labels: ["device"],
  compatibilityOnly: true,
});
export const ataRotationRate = defineMetric({
  name: "node_disk_ata_rotation_rate_rpm",
  kind: "gauge",
  help: "How fast the ATA disk turns, in revolutions a minute; 0 for one without platters.",
  labels: ["device"],
  compatibilityOnly: true,
});
