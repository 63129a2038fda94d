/** Memory and paging, under node_exporter's names: the open key spaces of /proc/meminfo and /proc/vmstat. */
import { defineFamily } from "./metric.ts";

/** A key with a kB figure gets the suffix `_bytes`; a bare count keeps its name. */
export const memory = defineFamily({
  pattern: "node_memory_{key}",
  kind: "gauge",
  help: "{key} as /proc/meminfo gives it; sizes in bytes.",
  maximumKeys: 500,
});
export const memoryStatistic = defineFamily({
  pattern: "node_vmstat_{key}",
  kind: "counter",
  help: "{key} as /proc/vmstat counts it since boot.",
  maximumKeys: 500,
});
