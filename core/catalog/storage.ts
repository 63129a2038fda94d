/** Metrics of the disk that the collector's state lies on: what becomes of alerts when it is full. */
import { defineMetric } from "./metric.ts";

export const stateDiskFull = defineMetric({
  name: "warpwatch_state_disk_full",
  kind: "gauge",
  help: "1 while the disk of alerts and notifications was full and its reserve is given back, 2 while they are in memory only, otherwise 0.",
});
export const stateUnsaved = defineMetric({
  name: "warpwatch_state_unsaved_transactions_total",
  kind: "counter",
  help: "Changes of alerts and notifications that were in memory only when they were acted upon, because the disk couldn't be written.",
});
export const stateDamaged = defineMetric({
  name: "warpwatch_state_damaged_rows_total",
  kind: "counter",
  help: "Rows of alerts and of what the fleet learned that were damaged on disk and are left out.",
});
