/** Block caches from /sys/fs/bcache/<uuid>, as the kernel's admin-guide/bcache document has it. */
import { join } from "node:path";
import * as bcache from "../../../core/catalog/bcache.ts";
import type { FamilyForm } from "../../../core/catalog/metric.ts";
import type { Source } from "../source.ts";
import type { HostOptions } from "./options.ts";
import { openListedReader, type Listing } from "./listed-reader.ts";
import { parseShortenedByBcache } from "./shortened-number.ts";

/** File → name of each set's values, and what the number is. */
const setFiles: readonly (readonly [string, string, FamilyForm?, number?])[] = [
  ["average_key_size", "average_key_size_sectors"],
  ["btree_cache_size", "btree_cache_size_bytes", { unit: "bytes" }],
  ["cache_available_percent", "cache_available_percent", { unit: "percent" }],
  ["congested", "congested"],
  ["root_usage_percent", "root_usage_percent", { unit: "percent" }],
  ["tree_depth", "tree_depth"],
  ["internal/active_journal_entries", "active_journal_entries"],
  ["internal/btree_nodes", "btree_nodes"],
  [
    "internal/btree_read_average_duration_us",
    "btree_read_average_duration_seconds",
    { unit: "seconds" },
    1e6,
  ],
  ["internal/cache_read_races", "cache_read_races_total", { kind: "counter" }],
];
const backingFiles = [
  ["dirty_data", bcache.bcacheDirty],
  ["stats_total/bypassed", bcache.bcacheBypassed],
  ["stats_total/cache_hits", bcache.bcacheHits],
  ["stats_total/cache_misses", bcache.bcacheMisses],
  ["stats_total/cache_bypass_hits", bcache.bcacheBypassHits],
  ["stats_total/cache_bypass_misses", bcache.bcacheBypassMisses],
  ["stats_total/cache_miss_collisions", bcache.bcacheCollisions],
  ["stats_total/cache_readaheads", bcache.bcacheReadaheads],
] as const;
/** Lines of the file writeback_rate_debug. */
const writebackLines = [
  ["target", bcache.bcacheDirtyTarget],
  ["rate", bcache.bcacheWritebackRate],
  ["proportional", bcache.bcacheProportionalTerm],
  ["integral", bcache.bcacheIntegralTerm],
  ["change", bcache.bcacheRateChange],
] as const;
const cacheFiles = [
  ["io_errors", bcache.bcacheErrors],
  ["metadata_written", bcache.bcacheMetadataWritten],
  ["written", bcache.bcacheWritten],
] as const;

/** Lines of the file priority_stats, for which the kernel sorts all its buckets. */
const priorityLines = [
  ["Unused", bcache.bcacheUnused],
  ["Metadata", bcache.bcacheMetadata],
] as const;

export function createBcacheSource(options: HostOptions["bcache"]): Source {
  return {
    name: "bcache",
    metrics: [
      bcache.bcacheSet,
      ...[...backingFiles, ...writebackLines].map(([, metric]) => metric),
      ...[...cacheFiles, ...priorityLines].map(([, metric]) => metric),
    ],
    sampling: "fast",
    open({ env }) {
      const folder = join(env.paths.sysfs, "fs/bcache");
      return openListedReader({
        clock: env.clock,
        absent: `no cache is under ${folder}: the module bcache isn't loaded, or has none`,
        list(listing) {
          for (const uuid of listing.folder(folder, /-/))
            listSet(listing, join(folder, uuid), uuid, options);
        },
      });
    },
  };
}

function listSet(
  listing: Listing,
  folder: string,
  uuid: string,
  { priorityStatistics }: HostOptions["bcache"],
): void {
  for (const [file, key, form, divisor = 1] of setFiles)
    listing.value(
      join(folder, file),
      bcache.bcacheSet.metric(key, form),
      { uuid },
      { parse: parseShortenedByBcache, divisor },
    );
  for (const device of listing.folder(folder, /^bdev\d/)) {
    const labels = { uuid, backing_device: device };
    for (const [file, metric] of backingFiles)
      listing.value(join(folder, device, file), metric, labels, { parse: parseShortenedByBcache });
    for (const [line, metric] of writebackLines)
      listing.value(join(folder, device, "writeback_rate_debug"), metric, labels, {
        parse: (text) => parseShortenedByBcache(wordBehind(line, text)),
      });
  }
  for (const device of listing.folder(folder, /^cache\d/)) {
    const labels = { uuid, cache_device: device };
    for (const [file, metric] of cacheFiles)
      listing.value(join(folder, device, file), metric, labels, { parse: parseShortenedByBcache });
    for (const [line, metric] of priorityStatistics ? priorityLines : [])
      listing.value(join(folder, device, "priority_stats"), metric, labels, {
        parse: (text) => Number(/^(\d+)%$/.exec(wordBehind(line, text))?.[1] ?? Number.NaN),
        settled: true,
      });
  }
}

/** `rate:   512.0k/sec` */
function wordBehind(key: string, text: string): string {
  return new RegExp(`^${key}:\\s*([^\\s/]+)`, "m").exec(text)?.[1] ?? "";
}
