/** PCI Express devices that matter to a GPU server: errors, links and where they hang. Kernel ABI documents sysfs-bus-pci and sysfs-bus-pci-devices-aer_stats. */
import { defineMetric } from "./metric.ts";

export const errors = defineMetric({
  name: "warpwatch_pci_aer_errors_total",
  kind: "counter",
  help: "Advanced error reporting: errors of all types that the device reported, by class (correctable, nonfatal, fatal).",
  labels: ["device", "kind", "error_class"],
  sampling: "steady",
});
export const errorsByType = defineMetric({
  name: "warpwatch_pci_aer_errors_by_type_total",
  kind: "counter",
  help: "Advanced error reporting: errors of one type (BadTLP, Timeout …); a type is there once the device has reported one.",
  labels: ["device", "kind", "error_class", "error"],
  sampling: "steady",
});
export const linkWidth = defineMetric({
  name: "warpwatch_pci_link_lanes",
  kind: "gauge",
  help: "Lanes of the device's link now.",
  labels: ["device", "kind"],
  sampling: "steady",
});
export const linkWidthMaximum = defineMetric({
  name: "warpwatch_pci_link_lanes_max",
  kind: "gauge",
  help: "Lanes that the device and the port above it both have.",
  labels: ["device", "kind"],
  sampling: "steady",
});
export const linkSpeed = defineMetric({
  name: "warpwatch_pci_link_transfers_per_second",
  kind: "gauge",
  help: "Transfers per second on each lane of the device's link now: an idle device may lower it to save power.",
  labels: ["device", "kind"],
  sampling: "steady",
});
export const linkSpeedMaximum = defineMetric({
  name: "warpwatch_pci_link_transfers_per_second_max",
  kind: "gauge",
  help: "Transfers per second on each lane that the device and the port above it can both do.",
  labels: ["device", "kind"],
  sampling: "steady",
});
export const locality = defineMetric({
  name: "warpwatch_pci_locality_info",
  kind: "info",
  help: "Where the device hangs: its names, its memory node, the processors near it and the port above it.",
  labels: ["device", "kind", "name", "numa_node", "cpus", "parent"],
  sampling: "steady",
});
export const gpuNicPath = defineMetric({
  name: "warpwatch_gpu_nic_locality_info",
  kind: "info",
  help: "The narrowest thing that a GPU and a network adapter share: a PCI Express switch, a host bridge or a memory node.",
  labels: ["device", "nic", "name", "scope"],
  sampling: "steady",
});
export const devicesLeftOut = defineMetric({
  name: "warpwatch_pci_devices_left_out",
  kind: "gauge",
  help: "Devices of the watched classes and bridges above them that are over the bound and aren't read.",
  sampling: "steady",
});
