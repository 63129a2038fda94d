/** Control groups of the containers and jobs that hold GPUs: the kernel's admin-guide/cgroup-v2 and cgroup-v1 documents. */
import { defineMetric, type Metric, type MetricKind, type Unit } from "./metric.ts";

function cgroupMetric(name: string, kind: MetricKind, unit: Unit, help: string): Metric<"cgroup"> {
  return defineMetric({
    name: `warpwatch_cgroup_${name}`,
    kind,
    unit,
    help,
    labels: ["cgroup"],
    sampling: "steady",
  });
}

export const info = defineMetric({
  name: "warpwatch_cgroup_info",
  kind: "info",
  help: "Whose the control group is, as far as its path tells: pod, container, Slurm job.",
  labels: ["cgroup", "pod_uid", "container_id", "job_id"],
  sampling: "steady",
});
export const leftOut = defineMetric({
  name: "warpwatch_cgroups_left_out",
  kind: "gauge",
  help: "Control groups with GPU processes that are over the bound and aren't read.",
  sampling: "steady",
});
export const processesUnreadable = defineMetric({
  name: "warpwatch_cgroup_processes_unreadable",
  kind: "gauge",
  help: "Processes whose open files may not be looked at: whether they hold a GPU isn't known.",
  sampling: "steady",
});

export const cpuSeconds = cgroupMetric(
  "cpu_seconds_total",
  "counter",
  "seconds",
  "Processor time used, in seconds.",
);
export const cpuUserSeconds = cgroupMetric(
  "cpu_user_seconds_total",
  "counter",
  "seconds",
  "Processor time used by programs themselves, in seconds.",
);
export const cpuSystemSeconds = cgroupMetric(
  "cpu_system_seconds_total",
  "counter",
  "seconds",
  "Processor time used by the kernel for the group, in seconds.",
);
export const cpuPeriods = cgroupMetric(
  "cpu_periods_total",
  "counter",
  "none",
  "Periods of the processor quota in which the group wanted to run.",
);
export const cpuThrottledPeriods = cgroupMetric(
  "cpu_throttled_periods_total",
  "counter",
  "none",
  "Periods in which the group used up its processor quota and was stopped.",
);
export const cpuThrottledSeconds = cgroupMetric(
  "cpu_throttled_seconds_total",
  "counter",
  "seconds",
  "Seconds that tasks were stopped for want of processor quota.",
);
export const memoryUsed = cgroupMetric(
  "memory_used_bytes",
  "gauge",
  "bytes",
  "Bytes of memory charged to the group, page cache included.",
);
export const memoryLimit = cgroupMetric(
  "memory_limit_bytes",
  "gauge",
  "bytes",
  "Bytes of memory that the group may have; absent where it has no limit.",
);
export const memoryPeak = cgroupMetric(
  "memory_peak_bytes",
  "gauge",
  "bytes",
  "Most bytes of memory that were ever charged to the group.",
);
export const memoryAnonymous = cgroupMetric(
  "memory_anonymous_bytes",
  "gauge",
  "bytes",
  "Bytes of memory that no file stands behind.",
);
export const memoryFile = cgroupMetric(
  "memory_file_bytes",
  "gauge",
  "bytes",
  "Bytes of page cache, shared memory included.",
);
export const memoryLimitEvents = cgroupMetric(
  "memory_limit_events_total",
  "counter",
  "none",
  "Times that the group reached its memory limit.",
);
export const memoryKills = cgroupMetric(
  "memory_kills_total",
  "counter",
  "none",
  "Processes of the group that the kernel killed for want of memory.",
);
export const readBytes = cgroupMetric(
  "io_read_bytes_total",
  "counter",
  "bytes",
  "Bytes that the group read from block devices.",
);
export const writtenBytes = cgroupMetric(
  "io_written_bytes_total",
  "counter",
  "bytes",
  "Bytes that the group wrote to block devices.",
);
export const reads = cgroupMetric(
  "io_reads_total",
  "counter",
  "none",
  "Reads of block devices by the group.",
);
export const writes = cgroupMetric(
  "io_writes_total",
  "counter",
  "none",
  "Writes to block devices by the group.",
);
export const tasks = cgroupMetric("tasks", "gauge", "none", "Tasks in the group now.");
export const taskLimit = cgroupMetric(
  "tasks_limit",
  "gauge",
  "none",
  "Tasks that the group may have; absent where it has no limit.",
);
export const cpuWaiting = cgroupMetric(
  "cpu_waiting_seconds_total",
  "counter",
  "seconds",
  "Seconds in which at least one task of the group waited for a processor.",
);
export const cpuStalled = cgroupMetric(
  "cpu_stalled_seconds_total",
  "counter",
  "seconds",
  "Seconds in which every task of the group that had work waited for a processor.",
);
export const memoryWaiting = cgroupMetric(
  "memory_waiting_seconds_total",
  "counter",
  "seconds",
  "Seconds in which at least one task of the group waited for memory.",
);
export const memoryStalled = cgroupMetric(
  "memory_stalled_seconds_total",
  "counter",
  "seconds",
  "Seconds in which every task of the group that had work waited for memory.",
);
export const ioWaiting = cgroupMetric(
  "io_waiting_seconds_total",
  "counter",
  "seconds",
  "Seconds in which at least one task of the group waited for I/O.",
);
export const ioStalled = cgroupMetric(
  "io_stalled_seconds_total",
  "counter",
  "seconds",
  "Seconds in which every task of the group that had work waited for I/O.",
);
