/** The kernel's tables and scheduler, under node_exporter's names: open files, entropy, run queues, hung tasks, SELinux. */
import { defineMetric } from "./metric.ts";

export const filesAllocated = defineMetric({
  name: "node_filefd_allocated",
  kind: "gauge",
  help: "Files open in the whole machine.",
  compatibilityOnly: true,
});
export const filesMaximum = defineMetric({
  name: "node_filefd_maximum",
  kind: "gauge",
  help: "Files that may be open in the whole machine.",
  compatibilityOnly: true,
});
export const entropyAvailable = defineMetric({
  name: "node_entropy_available_bits",
  kind: "gauge",
  help: "Entropy that the kernel's random numbers rest on, in bits; constant since Linux 5.18.",
  compatibilityOnly: true,
});
export const entropyPoolSize = defineMetric({
  name: "node_entropy_pool_size_bits",
  kind: "gauge",
  help: "Entropy that the kernel can hold, in bits.",
  compatibilityOnly: true,
});
export const runningSeconds = defineMetric({
  name: "node_schedstat_running_seconds_total",
  kind: "counter",
  unit: "seconds",
  help: "Seconds each processor has run tasks.",
  labels: ["cpu"],
  compatibilityOnly: true,
});
export const waitingSeconds = defineMetric({
  name: "node_schedstat_waiting_seconds_total",
  kind: "counter",
  unit: "seconds",
  help: "Seconds that tasks waited for each processor while they could run.",
  labels: ["cpu"],
  compatibilityOnly: true,
});
export const timeslices = defineMetric({
  name: "node_schedstat_timeslices_total",
  kind: "counter",
  help: "Turns that each processor gave to tasks.",
  labels: ["cpu"],
  compatibilityOnly: true,
});
export const hungTasks = defineMetric({
  name: "node_kernel_hung_tasks_total",
  kind: "counter",
  help: "Tasks that the kernel has found waiting for longer than kernel.hung_task_timeout_secs.",
  compatibilityOnly: true,
});
export const selinuxEnabled = defineMetric({
  name: "node_selinux_enabled",
  kind: "gauge",
  help: "1 where SELinux guards the machine, 0 otherwise.",
  compatibilityOnly: true,
});
export const selinuxConfigMode = defineMetric({
  name: "node_selinux_config_mode",
  kind: "gauge",
  help: "The mode SELinux starts in: 1 enforcing, 0 permissive, -1 disabled.",
  compatibilityOnly: true,
});
export const selinuxCurrentMode = defineMetric({
  name: "node_selinux_current_mode",
  kind: "gauge",
  help: "The mode SELinux is in: 1 enforcing, 0 permissive.",
  compatibilityOnly: true,
});
