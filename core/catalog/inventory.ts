/** What the machine is made of: facts that change when somebody opens it, or updates its firmware. */
import { defineMetric } from "./metric.ts";

const sampling = "inventory";

export const nodeInfo = defineMetric({
  name: "warpwatch_node_info",
  kind: "info",
  help: "The machine as its maker names it: system, main board and firmware; empty where the firmware says nothing.",
  labels: ["vendor", "model", "board", "bios_version", "bios_date", "virtual"],
  sampling,
});
export const processorInfo = defineMetric({
  name: "warpwatch_processor_info",
  kind: "info",
  help: "The machine's processors: their model, and how many sockets, cores and threads there are.",
  labels: ["model", "sockets", "cores", "threads"],
  sampling,
});
export const memoryModuleInfo = defineMetric({
  name: "warpwatch_memory_module_info",
  kind: "info",
  help: "A memory module by its slot; to be seen by root only.",
  labels: ["slot", "type", "vendor", "part", "speed"],
  sampling,
});
export const memoryModuleSize = defineMetric({
  name: "warpwatch_memory_module_size_bytes",
  kind: "gauge",
  unit: "bytes",
  help: "Size of a memory module, in bytes.",
  labels: ["slot"],
  sampling,
});
export const driveInfo = defineMetric({
  name: "warpwatch_drive_info",
  kind: "info",
  help: "A drive: its model, its firmware and how it is attached.",
  labels: ["device", "vendor", "model", "firmware", "type", "interface"],
  sampling,
});
export const nicInfo = defineMetric({
  name: "warpwatch_nic_info",
  kind: "info",
  help: "A network interface that is hardware: its driver, its kind and its speed in Mb/s.",
  labels: ["device", "driver", "type", "speed"],
  sampling,
});
