/** Block caches and what grew out of them, under node_exporter's names: /sys/fs/bcache and /sys/fs/bcachefs. */
import { defineFamily, defineMetric, type Metric, type Unit } from "./metric.ts";

/** Keys are node_exporter's names for files of /sys/fs/bcache/<uuid> and its folder internal. */
export const bcacheSet = defineFamily({
  pattern: "node_bcache_{key}",
  kind: "gauge",
  help: "{key} of each set of bcache.",
  labels: ["uuid"],
  maximumKeys: 20,
  compatibilityOnly: true,
});
export const bcacheBypassed = defineBacking(
  "node_bcache_bypassed_bytes_total",
  "Bytes read and written past the cache by backing device.",
);
export const bcacheHits = defineBacking(
  "node_bcache_cache_hits_total",
  "Requests that bcache answered by backing device.",
);
export const bcacheMisses = defineBacking(
  "node_bcache_cache_misses_total",
  "Requests that bcache could not answer by backing device.",
);
export const bcacheBypassHits = defineBacking(
  "node_bcache_cache_bypass_hits_total",
  "Requests meant to pass the cache that were in it by backing device.",
);
export const bcacheBypassMisses = defineBacking(
  "node_bcache_cache_bypass_misses_total",
  "Requests meant to pass the cache that were not in it by backing device.",
);
export const bcacheCollisions = defineBacking(
  "node_bcache_cache_miss_collisions_total",
  "Times data was there already when a miss brought it by backing device.",
);
export const bcacheReadaheads = defineBacking(
  "node_bcache_cache_readaheads_total",
  "Times bcache read ahead by backing device; the kernel counts them no longer.",
);
export const bcacheDirty = defineBacking(
  "node_bcache_dirty_data_bytes",
  "Bytes in the cache that a backing device lacks.",
);
export const bcacheDirtyTarget = defineBacking(
  "node_bcache_dirty_target_bytes",
  "Bytes in the cache that a backing device may lack before it is written to faster.",
);
export const bcacheWritebackRate = defineBacking(
  "node_bcache_writeback_rate",
  "Bytes per second written back to each backing device.",
);
export const bcacheProportionalTerm = defineBacking(
  "node_bcache_writeback_rate_proportional_term",
  "The part of the writeback rate that follows the distance to the target.",
);
export const bcacheIntegralTerm = defineBacking(
  "node_bcache_writeback_rate_integral_term",
  "The part of the writeback rate that follows how long the distance lasted.",
);
export const bcacheRateChange = defineBacking(
  "node_bcache_writeback_change",
  "By how much the writeback rate of each backing device was last changed.",
);
export const bcacheErrors = defineCache(
  "node_bcache_io_errors",
  "Errors of each cache device, which fade with time.",
);
export const bcacheMetadataWritten = defineCache(
  "node_bcache_metadata_written_bytes_total",
  "Bytes written to each cache device that aren't data.",
);
export const bcacheWritten = defineCache(
  "node_bcache_written_bytes_total",
  "Bytes of data written to each cache device.",
);

export const bcacheUnused = defineCache(
  "node_bcache_priority_stats_unused_percent",
  "Percent of each cache device that holds nothing.",
);
export const bcacheMetadata = defineCache(
  "node_bcache_priority_stats_metadata_percent",
  "Percent of each cache device that bcache uses for itself.",
);

/** Keys are the filesystem's counters, `btree_node_read_total`. */
export const bcachefsCounter = defineFamily({
  pattern: "node_bcachefs_{key}",
  kind: "counter",
  help: "{key} of each bcachefs filesystem since it was made.",
  labels: ["uuid"],
  maximumKeys: 500,
  sampling: "steady",
  compatibilityOnly: true,
});
export const bcachefsInfo = defineMetric({
  name: "node_bcachefs_info",
  kind: "info",
  help: "The bcachefs filesystems that are mounted.",
  labels: ["uuid"],
  sampling: "steady",
  compatibilityOnly: true,
});
export const bcachefsCacheSize = defineMetric({
  name: "node_bcachefs_btree_cache_size_bytes",
  kind: "gauge",
  unit: "bytes",
  help: "Bytes of memory that each bcachefs filesystem keeps its trees in.",
  labels: ["uuid"],
  sampling: "steady",
  compatibilityOnly: true,
});
export const bcachefsCompressed = defineMetric({
  name: "node_bcachefs_compression_compressed_bytes",
  kind: "gauge",
  unit: "bytes",
  help: "Bytes that compressed data takes, by algorithm.",
  labels: ["uuid", "algorithm"],
  sampling: "steady",
  compatibilityOnly: true,
});
export const bcachefsUncompressed = defineMetric({
  name: "node_bcachefs_compression_uncompressed_bytes",
  kind: "gauge",
  unit: "bytes",
  help: "Bytes that compressed data holds, by algorithm.",
  labels: ["uuid", "algorithm"],
  sampling: "steady",
  compatibilityOnly: true,
});
export const bcachefsErrors = defineMetric({
  name: "node_bcachefs_errors_total",
  kind: "counter",
  help: "Errors that each bcachefs filesystem found in itself, by kind.",
  labels: ["uuid", "error_type"],
  sampling: "steady",
  compatibilityOnly: true,
});
export const bcachefsTreeWrites = defineMetric({
  name: "node_bcachefs_btree_writes_total",
  kind: "counter",
  help: "Writes of tree nodes by what caused them.",
  labels: ["uuid", "type"],
  sampling: "steady",
  compatibilityOnly: true,
});
export const bcachefsTreeWriteSize = defineMetric({
  name: "node_bcachefs_btree_write_average_size_bytes",
  kind: "gauge",
  unit: "bytes",
  help: "Mean size of the writes of tree nodes in bytes, by what caused them.",
  labels: ["uuid", "type"],
  sampling: "steady",
  compatibilityOnly: true,
});
export const bcachefsDeviceInfo = defineMetric({
  name: "node_bcachefs_device_info",
  kind: "info",
  help: "Label and state of each device of a bcachefs filesystem.",
  labels: ["uuid", "device", "label", "state"],
  sampling: "steady",
  compatibilityOnly: true,
});
export const bcachefsBucketSize = defineMember(
  "node_bcachefs_device_bucket_size_bytes",
  "bytes",
  "Size of a bucket of each device of a bcachefs filesystem in bytes.",
);
export const bcachefsBuckets = defineMember(
  "node_bcachefs_device_buckets",
  "none",
  "Buckets of each device of a bcachefs filesystem.",
);
export const bcachefsDurability = defineMember(
  "node_bcachefs_device_durability",
  "none",
  "Copies that one on this device of a bcachefs filesystem counts for.",
);
export const bcachefsTraffic = defineMetric({
  name: "node_bcachefs_device_io_done_bytes_total",
  kind: "counter",
  unit: "bytes",
  help: "Bytes read and written on each device of a bcachefs filesystem, by kind of data.",
  labels: ["uuid", "device", "operation", "data_type"],
  sampling: "steady",
  compatibilityOnly: true,
});
export const bcachefsDeviceErrors = defineMetric({
  name: "node_bcachefs_device_io_errors_total",
  kind: "counter",
  help: "Errors of each device since its bcachefs filesystem was made, by kind.",
  labels: ["uuid", "device", "type"],
  sampling: "steady",
  compatibilityOnly: true,
});

function defineBacking(name: string, help: string): Metric<"uuid" | "backing_device"> {
  return defineMetric({
    name,
    kind: name.endsWith("_total") ? "counter" : "gauge",
    unit: unitOf(name),
    help,
    labels: ["uuid", "backing_device"],
    compatibilityOnly: true,
  });
}

function defineCache(name: string, help: string): Metric<"uuid" | "cache_device"> {
  return defineMetric({
    name,
    kind: name.endsWith("_total") ? "counter" : "gauge",
    unit: unitOf(name),
    help,
    labels: ["uuid", "cache_device"],
    compatibilityOnly: true,
  });
}

function defineMember(name: string, unit: Unit, help: string): Metric<"uuid" | "device"> {
  return defineMetric({
    name,
    kind: "gauge",
    unit,
    help,
    labels: ["uuid", "device"],
    sampling: "steady",
    compatibilityOnly: true,
  });
}

function unitOf(name: string): Unit {
  if (name.endsWith("_percent")) return "percent";
  return /_bytes(_total)?$/.test(name) ? "bytes" : "none";
}
