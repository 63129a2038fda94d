/** PCI devices, under node_exporter's names: /sys/bus/pci/devices, as the kernel's ABI document sysfs-bus-pci has it. */
import { defineMetric, type Metric } from "./metric.ts";

const place = ["segment", "bus", "device", "function"] as const;
type Place = (typeof place)[number];

export const pciInfo = defineMetric({
  name: "node_pcidevice_info",
  kind: "info",
  help: "Make and class of each PCI device, and the bridge that it hangs on.",
  labels: [
    ...place,
    "parent_segment",
    "parent_bus",
    "parent_device",
    "parent_function",
    "class_id",
    "vendor_id",
    "device_id",
    "subsystem_vendor_id",
    "subsystem_device_id",
    "revision",
  ],
  sampling: "steady",
  compatibilityOnly: true,
});
export const pciLinkTransfersMaximum = definePci(
  "node_pcidevice_max_link_transfers_per_second",
  "Transfers per second that each PCI device's link can reach, -1 where it has none.",
);
export const pciLinkWidthMaximum = definePci(
  "node_pcidevice_max_link_width",
  "Lanes that each PCI device's link can have, -1 where it has none.",
);
export const pciLinkTransfers = definePci(
  "node_pcidevice_current_link_transfers_per_second",
  "Transfers per second that each PCI device's link runs at, -1 where it has none.",
);
export const pciLinkWidth = definePci(
  "node_pcidevice_current_link_width",
  "Lanes that each PCI device's link runs with, -1 where it has none.",
);
export const pciColdAllowed = definePci(
  "node_pcidevice_d3cold_allowed",
  "1 where the kernel may take a PCI device's power away, 0 otherwise.",
);
export const pciFunctionsProbed = definePci(
  "node_pcidevice_sriov_drivers_autoprobe",
  "1 where drivers take a PCI device's virtual functions by themselves, 0 otherwise.",
);
export const pciFunctions = definePci(
  "node_pcidevice_sriov_numvfs",
  "Virtual functions that each PCI device has now.",
);
export const pciFunctionsMaximum = definePci(
  "node_pcidevice_sriov_totalvfs",
  "Virtual functions that each PCI device can have.",
);
export const pciFunctionVectors = definePci(
  "node_pcidevice_sriov_vf_total_msix",
  "Interrupt vectors that each PCI device has for its virtual functions.",
);
export const pciNumaNode = definePci(
  "node_pcidevice_numa_node",
  "The NUMA node that each PCI device is near to.",
);
export const pciPowerState = defineMetric({
  name: "node_pcidevice_power_state",
  kind: "gauge",
  help: "1 for the power state that each PCI device is in, 0 for the others.",
  labels: [...place, "state"],
  sampling: "steady",
  compatibilityOnly: true,
});

function definePci(name: string, help: string): Metric<Place> {
  return defineMetric({
    name,
    kind: "gauge",
    help,
    labels: place,
    sampling: "steady",
    compatibilityOnly: true,
  });
}
