/** What NVIDIA's driver tells of a GPU beyond load and heat: engines, limits, memory by place, repairs, links, fabric. */
import { dcgmLabelNames, gpuLabelNames } from "./gpu-labels.ts";
import { defineMetric, type MetricKind, type SamplingClass, type Unit } from "./metric.ts";

/** Why an NVLink fabric isn't healthy. */
export const fabricProblems = [
  "degraded_bandwidth",
  "route_recovery",
  "route_unhealthy",
  "access_timeout_recovery",
  "incorrect_configuration",
] as const;

/** How far a GPU is with joining its NVLink fabric. */
export const fabricStates = ["not_supported", "not_started", "in_progress", "completed"] as const;

export const fabricHealths = ["not_supported", "healthy", "unhealthy", "limited_capacity"] as const;

/** From which temperature on the GPU does what; by the driver's numbers. */
export const temperatureThresholds = [
  "shutdown",
  "slowdown",
  "memory_maximum",
  "gpu_maximum",
] as const;

export const videoClock = dcgm(
  "DCGM_FI_DEV_VIDEO_CLOCK",
  "fast",
  "megahertz",
  "Clock of the video engines in MHz.",
);
export const memoryTotal = dcgm(
  "DCGM_FI_DEV_FB_TOTAL",
  "fast",
  "mebibytes",
  "GPU memory there is, in MiB.",
);
export const bar1Total = dcgm(
  "DCGM_FI_DEV_BAR1_TOTAL",
  "fast",
  "mebibytes",
  "GPU memory that the host can map at a time, in MiB.",
);
export const bar1Used = dcgm(
  "DCGM_FI_DEV_BAR1_USED",
  "fast",
  "mebibytes",
  "GPU memory that the host has mapped, in MiB.",
);
export const powerUsageInstant = dcgm(
  "DCGM_FI_DEV_POWER_USAGE_INSTANT",
  "fast",
  "watts",
  "Power that the GPU board draws at this moment, not averaged, in watts.",
);
export const clockEventReasons = dcgm(
  "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS",
  "fast",
  "none",
  "Bits of the reasons that hold the clocks down; warpwatch_gpu_throttle_active has them by name.",
);
export const boardLimitViolation = violation(
  "DCGM_FI_DEV_BOARD_LIMIT_VIOLATION",
  "Nanoseconds in which a limit of the board held the clocks down.",
);
export const lowUtilizationViolation = violation(
  "DCGM_FI_DEV_LOW_UTIL_VIOLATION",
  "Nanoseconds in which the clocks were down since there was little to do.",
);
export const reliabilityViolation = violation(
  "DCGM_FI_DEV_RELIABILITY_VIOLATION",
  "Nanoseconds in which the voltage that keeps the chip reliable held the clocks down.",
);

export const smClockMaximum = dcgm(
  "DCGM_FI_DEV_MAX_SM_CLOCK",
  "steady",
  "megahertz",
  "Highest clock of the streaming multiprocessors in MHz.",
);
export const memoryClockMaximum = dcgm(
  "DCGM_FI_DEV_MAX_MEM_CLOCK",
  "steady",
  "megahertz",
  "Highest clock of the GPU's memory in MHz.",
);
export const videoClockMaximum = dcgm(
  "DCGM_FI_DEV_MAX_VIDEO_CLOCK",
  "steady",
  "megahertz",
  "Highest clock of the video engines in MHz.",
);
export const powerLimitSet = dcgm(
  "DCGM_FI_DEV_POWER_MGMT_LIMIT",
  "steady",
  "watts",
  "Power limit that somebody set, in watts.",
);
export const powerLimitMinimum = dcgm(
  "DCGM_FI_DEV_POWER_MGMT_LIMIT_MIN",
  "steady",
  "watts",
  "Lowest power limit that can be set, in watts.",
);
export const powerLimitMaximum = dcgm(
  "DCGM_FI_DEV_POWER_MGMT_LIMIT_MAX",
  "steady",
  "watts",
  "Highest power limit that can be set, in watts.",
);
export const powerLimitDefault = dcgm(
  "DCGM_FI_DEV_POWER_MGMT_LIMIT_DEF",
  "steady",
  "watts",
  "Power limit that the board comes with, in watts.",
);
export const eccCurrent = dcgm(
  "DCGM_FI_DEV_ECC_CURRENT",
  "steady",
  "none",
  "1 while memory errors are corrected by ECC.",
);
export const eccPending = dcgm(
  "DCGM_FI_DEV_ECC_PENDING",
  "steady",
  "none",
  "Whether ECC will be on after the next restart: 1 for on.",
);
export const persistenceMode = dcgm(
  "DCGM_FI_DEV_PERSISTENCE_MODE",
  "steady",
  "none",
  "1 while the driver stays loaded with no program at the GPU.",
);
export const computeMode = dcgm(
  "DCGM_FI_DEV_COMPUTE_MODE",
  "steady",
  "none",
  "How many programs may use the GPU: 0 any, 1 and 3 one at a time, 2 none.",
);
export const virtualGpuLicence = dcgm(
  "DCGM_FI_DEV_VGPU_LICENSE_STATUS",
  "steady",
  "none",
  "Whether a virtual GPU is licensed; 0 on a GPU that isn't virtual, absent on one whose licence can't be told.",
);
export const nvlinkFlitErrors = linkTotal(
  "DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL",
  "Checksum errors in flow control over all NVLinks of the GPU.",
);
export const nvlinkDataErrors = linkTotal(
  "DCGM_FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL",
  "Checksum errors in data over all NVLinks of the GPU.",
);
export const nvlinkReplays = linkTotal(
  "DCGM_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL",
  "Packets that had to be sent again over all NVLinks of the GPU.",
);
export const nvlinkRecoveries = linkTotal(
  "DCGM_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL",
  "Times that any NVLink of the GPU had to recover.",
);

export const firstLinkBandwidth = defineMetric({
  name: "DCGM_FI_DEV_NVLINK_BANDWIDTH_L0",
  kind: "counter",
  unit: "kibibytes",
  sampling: "steady",
  help: "Data over the GPU's first NVLink, both ways, in KiB; warpwatch_gpu_nvlink_bytes_total has every link.",
  labels: dcgmLabelNames,
  compatibilityOnly: true,
});

export const engineUtilization = ours(
  "warpwatch_gpu_engine_utilization_ratio",
  "gauge",
  "fast",
  "ratio",
  "Ratio of time in which an engine beside the main one was busy: jpeg or ofa (optical flow).",
  ["engine"],
);
export const modulePower = ours(
  "warpwatch_gpu_module_power_watts",
  "gauge",
  "fast",
  "watts",
  "Power that the module of GPU and processor draws, in watts; Grace only.",
);
export const pcieBytes = ours(
  "warpwatch_gpu_pcie_bytes_total",
  "counter",
  "fast",
  "bytes",
  "Bytes over PCIe by direction, as the GPU counts them; the counter may wrap.",
  ["direction"],
);
export const temperatureThreshold = ours(
  "warpwatch_gpu_temperature_threshold_celsius",
  "gauge",
  "steady",
  "celsius",
  "Degrees Celsius at which the GPU slows down or shuts itself off, by what happens.",
  ["kind"],
);
export const temperatureMarginThreshold = ours(
  "warpwatch_gpu_temperature_limit_margin_threshold_celsius",
  "gauge",
  "steady",
  "celsius",
  "The margin, in degrees Celsius, at which the GPU slows down or shuts itself off; negative is beyond the limit.",
  ["kind"],
);
export const eccErrors = ours(
  "warpwatch_gpu_ecc_errors_total",
  "counter",
  "steady",
  "none",
  "Memory errors by the memory they were in: corrected or uncorrected, since the driver was loaded or over the GPU's life.",
  ["location", "kind", "period"],
);
export const sramErrors = ours(
  "warpwatch_gpu_sram_uncorrectable_errors_total",
  "counter",
  "steady",
  "none",
  "Errors of on-chip memory over the GPU's life that could not be corrected, by the unit it serves.",
  ["location"],
);
export const repairPending = ours(
  "warpwatch_gpu_repair_pending",
  "gauge",
  "steady",
  "none",
  "1 while a memory channel or a processing cluster waits to be replaced by a spare: done at the next reset.",
  ["kind"],
);
export const unrepairableMemory = ours(
  "warpwatch_gpu_unrepairable_memory",
  "gauge",
  "steady",
  "none",
  "1 when the GPU has memory that no spare can stand in for.",
);
export const pcieErrors = ours(
  "warpwatch_gpu_pcie_errors_total",
  "counter",
  "steady",
  "none",
  "Errors that the GPU's end of the PCIe link counted, by kind.",
  ["kind"],
);
export const nvlinkActive = ours(
  "warpwatch_gpu_nvlink_active",
  "gauge",
  "steady",
  "none",
  "1 while the NVLink is up.",
  ["link"],
);
export const nvlinkVersion = ours(
  "warpwatch_gpu_nvlink_version",
  "gauge",
  "steady",
  "none",
  "NVLink generation that the link speaks, as the driver numbers it.",
  ["link"],
);
export const nvlinkSpeed = ours(
  "warpwatch_gpu_nvlink_speed_bytes_per_second",
  "gauge",
  "steady",
  "bytes_per_second",
  "Speed at which the NVLink runs, in bytes per second each way.",
  ["link"],
);
export const nvlinkBytes = ours(
  "warpwatch_gpu_nvlink_bytes_total",
  "counter",
  "steady",
  "bytes",
  "Bytes of data over one NVLink by direction.",
  ["link", "direction"],
);
export const nvlinkBlocks = ours(
  "warpwatch_gpu_nvlink_fec_blocks_total",
  "counter",
  "steady",
  "none",
  "Blocks received over one NVLink: clean, or corrected by forward error correction; the fifth generation and later.",
  ["link", "state"],
);
export const fabricState = ours(
  "warpwatch_gpu_fabric_state",
  "gauge",
  "steady",
  "none",
  "1 for how far the GPU is with joining its NVLink fabric, 0 for the other states.",
  ["state"],
);
export const fabricHealth = ours(
  "warpwatch_gpu_fabric_health",
  "gauge",
  "steady",
  "none",
  "1 for the health that the driver sees in the GPU's NVLink fabric, 0 for the others.",
  ["state"],
);
export const fabricProblem = ours(
  "warpwatch_gpu_fabric_problem",
  "gauge",
  "steady",
  "none",
  "1 while the NVLink fabric has this problem, as seen from the GPU.",
  ["kind"],
);
export const processes = ours(
  "warpwatch_gpu_processes",
  "gauge",
  "steady",
  "none",
  "Processes that have the GPU open: for computing, for graphics, or through MPS.",
  ["kind"],
);
export const instanceInfo = defineMetric({
  name: "warpwatch_gpu_instance_info",
  kind: "info",
  sampling: "fast",
  help: "A MIG instance of the GPU: its own UUID, number and profile as labels; always 1.",
  labels: [...gpuLabelNames, "GPU_I_ID", "GPU_I_PROFILE", "uuid"],
});
export const boardInfo = defineMetric({
  name: "warpwatch_gpu_board_info",
  kind: "info",
  sampling: "steady",
  help: "The GPU's board: its part number and the version of its information memory as labels; always 1.",
  labels: [...gpuLabelNames, "part_number", "inforom_version"],
});

function dcgm(name: string, sampling: SamplingClass, unit: Unit, help: string) {
  return defineMetric({
    name,
    sampling,
    unit,
    help,
    kind: "gauge",
    labels: dcgmLabelNames,
    compatibilityOnly: true,
  });
}

function violation(name: string, help: string) {
  return defineMetric({
    name,
    help,
    kind: "counter",
    unit: "nanoseconds",
    labels: dcgmLabelNames,
    compatibilityOnly: true,
  });
}

function linkTotal(name: string, help: string) {
  return defineMetric({
    name,
    help,
    kind: "counter",
    sampling: "steady",
    labels: dcgmLabelNames,
    compatibilityOnly: true,
  });
}

function ours<
  const Label extends "engine" | "direction" | "kind" | "location" | "period" | "link" | "state" =
    never,
>(
  name: string,
  kind: MetricKind,
  sampling: SamplingClass,
  unit: Unit,
  help: string,
  labels: readonly Label[] = [],
) {
  return defineMetric({ name, kind, sampling, unit, help, labels: [...gpuLabelNames, ...labels] });
}
