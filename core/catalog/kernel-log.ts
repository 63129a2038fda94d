/** What the kernel and its drivers log: faults by kind, and what was missed of the log. */
import { defineMetric } from "./metric.ts";

/** `critical`: hands are needed before the part is used again; `warning`: somebody should look; `info`: it was put right. */
export const kernelSeverities = ["info", "warning", "critical"] as const;
export type KernelSeverity = (typeof kernelSeverities)[number];

export const kernelEvents = defineMetric({
  name: "warpwatch_kernel_events_total",
  kind: "counter",
  help: "Faults that the kernel or a driver logged since the agent started, by kind; starts at 0 for every kind.",
  labels: ["kind", "severity"],
});
export const kernelLastEvent = defineMetric({
  name: "warpwatch_kernel_last_event_timestamp_seconds",
  kind: "gauge",
  unit: "seconds",
  help: "When the kernel or a driver last logged such a fault in this boot, in Unix seconds.",
  labels: ["kind", "severity"],
});
export const kernelLostRecords = defineMetric({
  name: "warpwatch_kernel_log_lost_records_total",
  kind: "counter",
  help: "Records of the kernel log that were written over before the agent read them.",
});
export const kernelRepeatedEvents = defineMetric({
  name: "warpwatch_kernel_repeated_events_total",
  kind: "counter",
  help: "Faults that were counted but not reported one by one, as the same was reported less than 3 minutes before.",
});
