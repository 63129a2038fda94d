/** Processes, control groups, interrupts and kernel settings, under node_exporter's names: what its optional families tell. */
import { defineFamily, defineMetric } from "./metric.ts";

export const interruptsByLine = defineMetric({
  name: "node_interrupts_total",
  kind: "counter",
  help: "Interrupts that each processor took, by line or kind, with the controller and the devices behind it.",
  labels: ["cpu", "type", "info", "devices"],
  sampling: "steady",
  compatibilityOnly: true,
});
export const softInterrupts = defineMetric({
  name: "node_softirqs_functions_total",
  kind: "counter",
  help: "Deferred interrupt work that each processor did, by kind.",
  labels: ["cpu", "type"],
  compatibilityOnly: true,
});

export const softInterruptTotals = defineMetric({
  name: "node_softirqs_total",
  kind: "counter",
  help: "Deferred interrupt work that all processors did, by kind.",
  labels: ["vector"],
  compatibilityOnly: true,
});

export const controlGroups = defineMetric({
  name: "node_cgroups_cgroups",
  kind: "gauge",
  help: "Control groups that each controller has.",
  labels: ["subsys_name"],
  compatibilityOnly: true,
});
export const controllerEnabled = defineMetric({
  name: "node_cgroups_enabled",
  kind: "gauge",
  help: "1 for each controller of control groups that is switched on, 0 otherwise.",
  labels: ["subsys_name"],
  compatibilityOnly: true,
});

export const processStates = defineMetric({
  name: "node_processes_state",
  kind: "gauge",
  help: "Processes by the state that the kernel gives their first thread.",
  labels: ["state"],
  sampling: "steady",
  compatibilityOnly: true,
});
export const processIds = defineMetric({
  name: "node_processes_pids",
  kind: "gauge",
  help: "Processes there are.",
  sampling: "steady",
  compatibilityOnly: true,
});
export const processIdsMaximum = defineMetric({
  name: "node_processes_max_processes",
  kind: "gauge",
  help: "The highest number that a process may have: the limit of processes.",
  sampling: "steady",
  compatibilityOnly: true,
});
export const threads = defineMetric({
  name: "node_processes_threads",
  kind: "gauge",
  help: "Threads there are.",
  sampling: "steady",
  compatibilityOnly: true,
});
export const threadsMaximum = defineMetric({
  name: "node_processes_max_threads",
  kind: "gauge",
  help: "Threads that there may be.",
  sampling: "steady",
  compatibilityOnly: true,
});
export const threadStates = defineMetric({
  name: "node_processes_threads_state",
  kind: "gauge",
  help: "Threads by the state that the kernel gives them.",
  labels: ["thread_state"],
  sampling: "steady",
  compatibilityOnly: true,
});

/** Keys are names of settings; the index is empty where a setting is one number. */
export const kernelSetting = defineFamily({
  pattern: "node_sysctl_{key}",
  kind: "gauge",
  help: "The kernel setting {key}, as it was asked for by --collector.sysctl.include.",
  labels: ["index"],
  sampling: "steady",
  maximumKeys: 500,
  compatibilityOnly: true,
});
export const kernelSettingInfo = defineMetric({
  name: "node_sysctl_info",
  kind: "info",
  help: "Kernel settings that are words, as they were asked for by --collector.sysctl.include-info.",
  labels: ["name", "value", "index"],
  sampling: "steady",
  compatibilityOnly: true,
});

export const processorInfo = defineMetric({
  name: "node_cpu_info",
  kind: "info",
  help: "Make, model, microcode and place of each processor.",
  labels: [
    "package",
    "core",
    "cpu",
    "vendor",
    "family",
    "model",
    "model_name",
    "microcode",
    "stepping",
    "cachesize",
  ],
  sampling: "inventory",
  compatibilityOnly: true,
});
export const processorFlag = defineMetric({
  name: "node_cpu_flag_info",
  kind: "info",
  help: "What the first processor can do, as far as --collector.cpu.info.flags-include asks.",
  labels: ["flag"],
  sampling: "inventory",
  compatibilityOnly: true,
});
export const processorBug = defineMetric({
  name: "node_cpu_bug_info",
  kind: "info",
  help: "Faults of the first processor that the kernel knows, as far as --collector.cpu.info.bugs-include asks.",
  labels: ["bug"],
  sampling: "inventory",
  compatibilityOnly: true,
});
