/** Processors and the scheduler, under node_exporter's names: /proc/stat and /proc/loadavg, as proc(5) tells them. */
import { defineMetric } from "./metric.ts";

export const cpuSeconds = defineMetric({
  name: "node_cpu_seconds_total",
  openTelemetryName: "system.cpu.time",
  kind: "counter",
  unit: "seconds",
  help: "Seconds each processor has spent in each mode since boot.",
  labels: ["cpu", "mode"],
});
export const cpuGuestSeconds = defineMetric({
  name: "node_cpu_guest_seconds_total",
  kind: "counter",
  unit: "seconds",
  help: "Seconds each processor has run virtual machines' guests, by mode; they are counted in user and nice too.",
  labels: ["cpu", "mode"],
  compatibilityOnly: true,
});
export const load1 = defineMetric({
  name: "node_load1",
  kind: "gauge",
  help: "Tasks running or waiting uninterruptibly, averaged over 1 minute.",
});
export const load5 = defineMetric({
  name: "node_load5",
  kind: "gauge",
  help: "Tasks running or waiting uninterruptibly, averaged over 5 minutes.",
  compatibilityOnly: true,
});
export const load15 = defineMetric({
  name: "node_load15",
  kind: "gauge",
  help: "Tasks running or waiting uninterruptibly, averaged over 15 minutes.",
  compatibilityOnly: true,
});
export const contextSwitches = defineMetric({
  name: "node_context_switches_total",
  kind: "counter",
  help: "Context switches of all processors since boot.",
  compatibilityOnly: true,
});
export const interrupts = defineMetric({
  name: "node_intr_total",
  kind: "counter",
  help: "Interrupts serviced by all processors since boot.",
  compatibilityOnly: true,
});
export const forks = defineMetric({
  name: "node_forks_total",
  openTelemetryName: "system.process.created",
  kind: "counter",
  help: "Processes and threads created since boot.",
  compatibilityOnly: true,
});
export const processesRunning = defineMetric({
  name: "node_procs_running",
  kind: "gauge",
  help: "Tasks that run or could run now.",
  compatibilityOnly: true,
});
export const processesBlocked = defineMetric({
  name: "node_procs_blocked",
  kind: "gauge",
  help: "Tasks that wait for I/O now.",
  compatibilityOnly: true,
});
