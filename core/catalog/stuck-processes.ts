/** Processes that don't run and can't be ended: zombies and those in uninterruptible sleep, from /proc/<pid>/stat of proc(5). */
import { defineMetric } from "./metric.ts";

export const stuckProcesses = defineMetric({
  name: "warpwatch_stuck_processes",
  kind: "gauge",
  help: "Processes by command that were zombies or in uninterruptible sleep at two looks or more; the commands beyond the bound together as other.",
  labels: ["command", "state"],
  sampling: "steady",
});
export const uninterruptibleSeconds = defineMetric({
  name: "warpwatch_process_uninterruptible_seconds",
  kind: "gauge",
  unit: "seconds",
  help: "How long a process of this command has been found in uninterruptible sleep at every look, in seconds; the longest of them.",
  labels: ["command"],
  sampling: "steady",
});
export const scanSeconds = defineMetric({
  name: "warpwatch_process_scan_seconds",
  kind: "gauge",
  unit: "seconds",
  help: "Seconds from the first to the last in the latest look at all processes: as old may the news of a stuck one be.",
  sampling: "steady",
});
