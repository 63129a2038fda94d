/** Memory by node, zone and slab, under node_exporter's names: /proc/buddyinfo, zoneinfo and slabinfo, /sys's nodes and KSM. */
import { defineFamily, defineMetric, type Metric } from "./metric.ts";

export const freeBlocks = defineMetric({
  name: "node_buddyinfo_blocks",
  kind: "gauge",
  help: "Free blocks of each zone by size: two to the power of the size, in pages.",
  labels: ["node", "zone", "size"],
  compatibilityOnly: true,
});
/** Keys are those of /sys/devices/system/node/node*\/meminfo, and with `_total` those of numastat. */
export const nodeMemory = defineFamily({
  pattern: "node_memory_numa_{key}",
  kind: "gauge",
  help: "{key} of each NUMA node; sizes in bytes, what ends in _total counts since boot.",
  labels: ["node"],
  maximumKeys: 200,
  compatibilityOnly: true,
});
/** Keys are `free_pages`-like gauges and `_total` counters of /proc/zoneinfo. */
export const zoneMemory = defineFamily({
  pattern: "node_zoneinfo_{key}",
  kind: "gauge",
  help: "{key} of each memory zone: its pages by state, its watermarks and where allocations found room.",
  labels: ["node", "zone"],
  maximumKeys: 100,
  compatibilityOnly: true,
});

export const slabActiveObjects = defineSlab(
  "node_slabinfo_active_objects",
  "Objects of each slab cache that are in use.",
);
export const slabObjects = defineSlab(
  "node_slabinfo_objects",
  "Objects of each slab cache that there is memory for, in use or not.",
);
export const slabObjectSize = defineSlab(
  "node_slabinfo_object_size_bytes",
  "Size of an object of each slab cache in bytes.",
  "bytes",
);
export const slabObjectsPerSlab = defineSlab(
  "node_slabinfo_objects_per_slab",
  "Objects that a slab of each cache has room for.",
);
export const slabPages = defineSlab(
  "node_slabinfo_pages_per_slab",
  "Memory pages that a slab of each cache takes.",
);

/** Keys are the files of /sys/kernel/mm/ksm. */
export const samePageMerging = defineFamily({
  pattern: "node_ksmd_{key}",
  kind: "gauge",
  help: "{key} of the kernel's merging of identical memory pages.",
  maximumKeys: 20,
  compatibilityOnly: true,
});

function defineSlab(name: string, help: string, unit: "none" | "bytes" = "none"): Metric<"slab"> {
  return defineMetric({
    name,
    kind: "gauge",
    unit,
    help,
    labels: ["slab"],
    sampling: "steady",
    compatibilityOnly: true,
  });
}
