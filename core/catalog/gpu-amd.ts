/** What AMD's own exporter tells of a GPU, under the names, labels and units of ROCm's device-metrics-exporter. */
import { defineFamily, defineMetric, type LabelValues, type Unit } from "./metric.ts";

const labels = [
  "gpu_id",
  "card_model",
  "gpu_partition_id",
  "gpu_compute_partition_type",
  "gpu_memory_partition_type",
  "serial_number",
  "hostname",
] as const;

export type AmdLabel = (typeof labels)[number];
export type AmdLabels = LabelValues<AmdLabel>;

export const nodes = defineMetric({
  name: "gpu_nodes_total",
  kind: "gauge",
  help: "AMD GPUs in the node.",
  labels: ["hostname"],
  compatibilityOnly: true,
});
export const packagePower = amd("gpu_package_power", "watts", "Power of the socket now, in watts.");
export const averagePackagePower = amd(
  "gpu_average_package_power",
  "watts",
  "Mean power of the socket, in watts.",
);
export const powerUsage = amd(
  "gpu_power_usage",
  "watts",
  "Power in watts, whichever of the two the GPU has.",
);
export const energyConsumed = amd(
  "gpu_energy_consumed",
  "none",
  "Energy that the GPU has drawn, in microjoules.",
);
export const edgeTemperature = amd(
  "gpu_edge_temperature",
  "celsius",
  "Temperature at the die's edge in degrees Celsius.",
);
export const junctionTemperature = amd(
  "gpu_junction_temperature",
  "celsius",
  "Temperature at the die's hottest place in degrees Celsius.",
);
export const memoryTemperature = amd(
  "gpu_memory_temperature",
  "celsius",
  "Temperature of an AMD GPU's memory in degrees Celsius.",
);
export const graphicsActivity = amd(
  "gpu_gfx_activity",
  "percent",
  "Share of time in which the graphics and compute engine was busy, in percent.",
);
export const memoryActivity = amd(
  "gpu_umc_activity",
  "percent",
  "Share of time in which the memory controller was busy, in percent.",
);
export const clock = defineMetric({
  name: "gpu_clock",
  kind: "gauge",
  unit: "megahertz",
  help: "Clock of a part of the GPU in MHz.",
  labels: ["clock_index", "clock_type", ...labels],
  compatibilityOnly: true,
});
export const pcieSpeed = amd("pcie_speed", "none", "Speed of the PCIe link in GT/s.");
export const pcieSpeedMaximum = amd(
  "pcie_max_speed",
  "none",
  "Highest speed of the PCIe link in GT/s.",
);
export const pcieReplays = amd("pcie_replay_count", "none", "Packets sent again over PCIe.");
export const pcieRecoveries = amd(
  "pcie_recovery_count",
  "none",
  "Times that the PCIe link left L0 for recovery.",
);
export const pcieRollovers = amd(
  "pcie_replay_rollover_count",
  "none",
  "Times that PCIe's replay count overflowed, and the link was trained anew.",
);
export const pcieNaksSent = amd(
  "pcie_nack_sent_count",
  "none",
  "PCIe packets that the GPU refused.",
);
export const pcieNaksReceived = amd(
  "pcie_nack_received_count",
  "none",
  "PCIe packets of the GPU that were refused.",
);
export const totalVram = memory("gpu_total_vram", "GPU memory in MiB.");
export const usedVram = memory("gpu_used_vram", "GPU memory that is taken, in MiB.");
export const freeVram = memory("gpu_free_vram", "GPU memory that is left, in MiB.");
export const totalVisibleVram = memory(
  "gpu_total_visible_vram",
  "GPU memory that the processor can reach, in MiB.",
);
export const usedVisibleVram = memory(
  "gpu_used_visible_vram",
  "GPU memory that the processor can reach and that is taken, in MiB.",
);
export const freeVisibleVram = memory(
  "gpu_free_visible_vram",
  "GPU memory that the processor can reach and that is left, in MiB.",
);
export const totalGtt = memory("gpu_total_gtt", "Host memory that the GPU may map, in MiB.");
export const usedGtt = memory("gpu_used_gtt", "Host memory that the GPU has mapped, in MiB.");
export const freeGtt = memory("gpu_free_gtt", "Host memory that the GPU may still map, in MiB.");

/** `correct_umc`, `uncorrect_gfx`, `deferred_total`: three kinds for each block that counts errors, and their sums. */
export const eccErrors = defineFamily({
  pattern: "gpu_ecc_{key}",
  kind: "gauge",
  help: "Errors of one block of the GPU, or of all of them, since the driver was loaded: {key}.",
  labels,
  maximumKeys: 200,
  compatibilityOnly: true,
});
/** `processor_hot`, `ppt`, `socket_thermal`, `vr_thermal`, `hbm_thermal`. */
export const violations = defineFamily({
  pattern: "gpu_violation_{key}_residency_accumulated",
  kind: "gauge",
  help: "The firmware's count of time in which the clocks were held down by {key}.",
  labels,
  maximumKeys: 8,
  compatibilityOnly: true,
});
export const linkReceived = link(
  "gpu_xgmi_link_rx",
  "Data read over one XGMI link, in KiB as the firmware counts it.",
);
export const linkTransmitted = link(
  "gpu_xgmi_link_tx",
  "Data written over one XGMI link, in KiB as the firmware counts it.",
);

/** The exporter has a gauge for everything, its counters too. */
function amd(name: string, unit: Unit, help: string) {
  return defineMetric({ name, kind: "gauge", unit, help, labels, compatibilityOnly: true });
}

function memory(name: string, help: string) {
  return amd(name, "mebibytes", help);
}

function link(name: string, help: string) {
  return defineMetric({
    name,
    kind: "gauge",
    unit: "kibibytes",
    help,
    labels: ["link_index", ...labels],
    compatibilityOnly: true,
  });
}
