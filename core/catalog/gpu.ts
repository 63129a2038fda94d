/** What a GPU does and what it costs: load, memory, clocks, heat, power, links; names and units of `DCGM_FI_*` are dcgm-exporter's. */
import { dcgmLabelNames, gpuLabelNames } from "./gpu-labels.ts";
import { defineMetric, type MetricKind, type Unit } from "./metric.ts";

export const utilization = dcgm(
  "DCGM_FI_DEV_GPU_UTIL",
  "gauge",
  "percent",
  "Share of the driver's last sample period in which a kernel ran on the GPU, in percent; says nothing of how much of the chip it filled.",
);
export const memoryCopyUtilization = dcgm(
  "DCGM_FI_DEV_MEM_COPY_UTIL",
  "gauge",
  "percent",
  "Share of the driver's last sample period in which GPU memory was read or written, in percent.",
);
export const encoderUtilization = compatible(
  "DCGM_FI_DEV_ENC_UTIL",
  "gauge",
  "percent",
  "Share of time in which the video encoder was busy, in percent.",
);
export const decoderUtilization = compatible(
  "DCGM_FI_DEV_DEC_UTIL",
  "gauge",
  "percent",
  "Share of time in which the video decoder was busy, in percent.",
);
export const smClock = dcgm(
  "DCGM_FI_DEV_SM_CLOCK",
  "gauge",
  "megahertz",
  "Clock of the streaming multiprocessors in MHz.",
);
export const memoryClock = dcgm(
  "DCGM_FI_DEV_MEM_CLOCK",
  "gauge",
  "megahertz",
  "Clock of the GPU's memory in MHz.",
);
export const temperature = dcgm(
  "DCGM_FI_DEV_GPU_TEMP",
  "gauge",
  "celsius",
  "Temperature of the GPU's die in degrees Celsius.",
);
export const memoryTemperature = dcgm(
  "DCGM_FI_DEV_MEMORY_TEMP",
  "gauge",
  "celsius",
  "Temperature of the GPU's memory in degrees Celsius.",
);
export const powerUsage = dcgm(
  "DCGM_FI_DEV_POWER_USAGE",
  "gauge",
  "watts",
  "Power that the GPU board draws, in watts.",
);
export const energyConsumption = dcgm(
  "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION",
  "counter",
  "millijoules",
  "Energy that the GPU has drawn since the driver was loaded, in millijoules.",
);
export const memoryFree = dcgm(
  "DCGM_FI_DEV_FB_FREE",
  "gauge",
  "mebibytes",
  "GPU memory that is free, in MiB.",
);
export const memoryUsed = dcgm(
  "DCGM_FI_DEV_FB_USED",
  "gauge",
  "mebibytes",
  "GPU memory that is allocated, in MiB.",
);
export const memoryReserved = dcgm(
  "DCGM_FI_DEV_FB_RESERVED",
  "gauge",
  "mebibytes",
  "GPU memory that the driver and firmware keep for themselves, in MiB.",
);
export const pcieReplays = dcgm(
  "DCGM_FI_DEV_PCIE_REPLAY_COUNTER",
  "counter",
  "none",
  "PCIe packets that had to be sent again since the driver was loaded.",
);
export const nvlinkBandwidth = dcgm(
  "DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL",
  "counter",
  "kibibytes",
  "Data over all NVLinks of the GPU, both ways, in KiB.",
);

export const graphicsEngineActive = dcgm(
  "DCGM_FI_PROF_GR_ENGINE_ACTIVE",
  "gauge",
  "ratio",
  "Ratio of time in which the compute or graphics pipe was busy.",
);
export const smActive = dcgm(
  "DCGM_FI_PROF_SM_ACTIVE",
  "gauge",
  "ratio",
  "Ratio of cycles in which a multiprocessor had at least one warp, averaged over all of them.",
);
export const tensorActive = dcgm(
  "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",
  "gauge",
  "ratio",
  "Ratio of cycles in which a tensor pipe was busy.",
);
export const dramActive = dcgm(
  "DCGM_FI_PROF_DRAM_ACTIVE",
  "gauge",
  "ratio",
  "Ratio of cycles in which GPU memory was sending or receiving.",
);
export const pcieTransmitBytes = dcgm(
  "DCGM_FI_PROF_PCIE_TX_BYTES",
  "gauge",
  "bytes_per_second",
  "What the GPU sends over PCIe, headers and payload, in bytes per second.",
);
export const pcieReceiveBytes = dcgm(
  "DCGM_FI_PROF_PCIE_RX_BYTES",
  "gauge",
  "bytes_per_second",
  "What the GPU receives over PCIe, headers and payload, in bytes per second.",
);

export const info = defineMetric({
  name: "warpwatch_gpu_info",
  kind: "info",
  help: "The GPU's model, serial number, driver and VBIOS as labels; always 1.",
  labels: [...gpuLabelNames, "pci_bus_id", "model", "serial", "driver_version", "vbios_version"],
});
export const powerLimit = warpwatch(
  "warpwatch_gpu_power_limit_watts",
  "watts",
  "Power limit that the driver enforces on the GPU, in watts.",
);
export const temperatureMargin = warpwatch(
  "warpwatch_gpu_temperature_limit_margin_celsius",
  "celsius",
  "Degrees Celsius that are left before the GPU slows itself down; 0 is at the limit.",
);
export const fan = warpwatch(
  "warpwatch_gpu_fan_ratio",
  "ratio",
  "Fan speed the GPU asks for, as a ratio of the fan's maximum.",
);
export const performanceState = warpwatch(
  "warpwatch_gpu_performance_state",
  "none",
  "Performance state: 0 is the fastest, 15 the slowest.",
);
export const pcieWidth = warpwatch(
  "warpwatch_gpu_pcie_link_width",
  "none",
  "PCIe lanes in use; may fall while the GPU rests.",
);
export const pcieWidthMaximum = warpwatch(
  "warpwatch_gpu_pcie_link_width_max",
  "none",
  "PCIe lanes that this GPU and its slot can use.",
);
export const pcieGeneration = warpwatch(
  "warpwatch_gpu_pcie_link_generation",
  "none",
  "PCIe generation in use; falls while the GPU rests.",
);
export const pcieGenerationMaximum = warpwatch(
  "warpwatch_gpu_pcie_link_generation_max",
  "none",
  "PCIe generation that this GPU and its slot can use.",
);
export const migEnabled = warpwatch(
  "warpwatch_gpu_mig_enabled",
  "none",
  "1 while the GPU is split into MIG instances; utilisation of the whole is then absent.",
);

function dcgm(name: string, kind: MetricKind, unit: Unit, help: string) {
  return defineMetric({ name, kind, unit, help, labels: dcgmLabelNames });
}

function compatible(name: string, kind: MetricKind, unit: Unit, help: string) {
  return defineMetric({ name, kind, unit, help, labels: dcgmLabelNames, compatibilityOnly: true });
}

function warpwatch(name: string, unit: Unit, help: string) {
  return defineMetric({ name, kind: "gauge", unit, help, labels: gpuLabelNames });
}
