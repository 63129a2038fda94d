/** NVMe controllers, arrays and tapes, under node_exporter's names: /sys/class/nvme, /proc/mdstat, /sys/class/scsi_tape. */
import { defineFamily, defineMetric } from "./metric.ts";

export const nvmeInfo = defineMetric({
  name: "node_nvme_info",
  kind: "info",
  help: "Model, serial number, firmware and state of each NVMe controller.",
  labels: ["device", "firmware_revision", "model", "serial", "state", "cntlid"],
  sampling: "steady",
  compatibilityOnly: true,
});
export const nvmeNamespaceInfo = defineMetric({
  name: "node_nvme_namespace_info",
  kind: "info",
  help: "The namespaces of each NVMe controller and how they can be reached.",
  labels: ["device", "nsid", "ana_state"],
  sampling: "steady",
  compatibilityOnly: true,
});
/** Keys: `capacity_bytes`, `size_bytes`, `used_bytes`, `logical_block_size_bytes`. */
export const nvmeNamespace = defineFamily({
  pattern: "node_nvme_namespace_{key}",
  kind: "gauge",
  unit: "bytes",
  help: "{key} of each NVMe namespace, in bytes.",
  labels: ["device", "nsid"],
  maximumKeys: 10,
  sampling: "steady",
  compatibilityOnly: true,
});
export const arrayState = defineMetric({
  name: "node_md_state",
  kind: "gauge",
  help: "1 for the state that each software array is in, 0 for the others.",
  labels: ["device", "state"],
  compatibilityOnly: true,
});
export const arrayDisks = defineMetric({
  name: "node_md_disks",
  kind: "gauge",
  help: "Disks of each software array by state.",
  labels: ["device", "state"],
  compatibilityOnly: true,
});
export const arrayDisksRequired = defineMetric({
  name: "node_md_disks_required",
  kind: "gauge",
  help: "Disks that each software array is made for.",
  labels: ["device"],
  compatibilityOnly: true,
});
export const arrayBlocks = defineMetric({
  name: "node_md_blocks",
  kind: "gauge",
  help: "Blocks of each software array.",
  labels: ["device"],
  compatibilityOnly: true,
});
export const arrayBlocksSynced = defineMetric({
  name: "node_md_blocks_synced",
  kind: "gauge",
  help: "Blocks of each software array that are in step, or were checked in the run under way.",
  labels: ["device"],
  compatibilityOnly: true,
});
export const tape = defineFamily({
  pattern: "node_tape_{key}",
  kind: "counter",
  help: "{key} of each tape drive since it was found.",
  labels: ["device"],
  maximumKeys: 20,
  compatibilityOnly: true,
});
