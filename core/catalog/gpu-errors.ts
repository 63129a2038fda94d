/** How a GPU fails: ECC, retired memory, throttling, XIDs, NVLink errors, loss; names and units of `DCGM_FI_*` are dcgm-exporter's. */
import { dcgmLabelNames, gpuLabelNames } from "./gpu-labels.ts";
import { defineMetric, type MetricKind, type Unit } from "./metric.ts";

/** Why a GPU runs slower than it could; the names are nvidia-smi's `clocks_event_reasons.*`. */
export const throttleReasons = [
  "gpu_idle",
  "applications_clocks_setting",
  "sw_power_cap",
  "hw_slowdown",
  "hw_thermal_slowdown",
  "hw_power_brake_slowdown",
  "sw_thermal_slowdown",
  "sync_boost",
] as const;
export type ThrottleReason = (typeof throttleReasons)[number];

/** What the driver wants done with the GPU before it is used again. */
export const recoveryActions = [
  "none",
  "reset",
  "reboot",
  "drain_p2p",
  "drain_and_reset",
  "recover_imex_domain",
] as const;
export type RecoveryAction = (typeof recoveryActions)[number];

/** How many spare rows a memory bank has left. */
export const remapAvailabilities = ["max", "high", "partial", "low", "none"] as const;
export type RemapAvailability = (typeof remapAvailabilities)[number];

export const eccSingleBitVolatile = counter(
  "DCGM_FI_DEV_ECC_SBE_VOL_TOTAL",
  "Memory errors that ECC corrected since the driver was loaded.",
);
export const eccDoubleBitVolatile = counter(
  "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL",
  "Memory errors that ECC could not correct since the driver was loaded.",
);
export const eccSingleBitAggregate = counter(
  "DCGM_FI_DEV_ECC_SBE_AGG_TOTAL",
  "Memory errors that ECC corrected over the GPU's life.",
);
export const eccDoubleBitAggregate = counter(
  "DCGM_FI_DEV_ECC_DBE_AGG_TOTAL",
  "Memory errors that ECC could not correct over the GPU's life.",
);
export const retiredSingleBit = compatible(
  "DCGM_FI_DEV_RETIRED_SBE",
  "none",
  "Memory pages retired for repeated corrected errors; chips before Ampere.",
);
export const retiredDoubleBit = compatible(
  "DCGM_FI_DEV_RETIRED_DBE",
  "none",
  "Memory pages retired for an uncorrectable error; chips before Ampere.",
);
export const retiredPending = compatible(
  "DCGM_FI_DEV_RETIRED_PENDING",
  "none",
  "Memory pages that will be retired at the next restart; where the driver only says yes or no, 1 is yes.",
);
export const remappedUncorrectable = counter(
  "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS",
  "Memory rows replaced by spares after an uncorrectable error.",
);
export const remappedCorrectable = counter(
  "DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS",
  "Memory rows replaced by spares after corrected errors.",
);
export const remapFailure = dcgm(
  "DCGM_FI_DEV_ROW_REMAP_FAILURE",
  "gauge",
  "none",
  "1 when a memory row could not be replaced by a spare: the GPU is due for return.",
);
export const powerViolation = compatible(
  "DCGM_FI_DEV_POWER_VIOLATION",
  "nanoseconds",
  "Nanoseconds in which the power limit held the clocks down.",
);
export const thermalViolation = compatible(
  "DCGM_FI_DEV_THERMAL_VIOLATION",
  "nanoseconds",
  "Nanoseconds in which heat held the clocks down.",
);
export const syncBoostViolation = compatible(
  "DCGM_FI_DEV_SYNC_BOOST_VIOLATION",
  "nanoseconds",
  "Nanoseconds in which a slower GPU of the same sync-boost group held the clocks down.",
);
/** Its value is the code; `err_code` repeats it and `err_msg` says it in words, as dcgm-exporter does. */
export const lastXid = defineMetric({
  name: "DCGM_FI_DEV_XID_ERRORS",
  kind: "gauge",
  help: "Code of the last XID the driver reported for the GPU; 0 when there was none since the agent started.",
  labels: [...dcgmLabelNames, "err_code", "err_msg"],
  compatibilityOnly: true,
});

export const xidEvents = defineMetric({
  name: "warpwatch_gpu_xid_events_total",
  kind: "counter",
  help: "XIDs the driver reported for the GPU since the agent started, by what has to be done about them; starts at 0 for every action.",
  labels: [...gpuLabelNames, "action"],
});
export const xidLastEvent = defineMetric({
  name: "warpwatch_gpu_xid_last_event_timestamp_seconds",
  kind: "gauge",
  unit: "seconds",
  help: "When the driver last reported this XID for the GPU, in Unix seconds.",
  labels: [...gpuLabelNames, "xid", "action"],
});
export const lost = defineMetric({
  name: "warpwatch_gpu_lost",
  kind: "gauge",
  help: "1 while a GPU that was seen since the agent started no longer answers or is no longer listed.",
  labels: gpuLabelNames,
});
export const throttleActive = defineMetric({
  name: "warpwatch_gpu_throttle_active",
  kind: "gauge",
  help: "1 while this reason holds the GPU's clocks down; several can hold at once, and gpu_idle is no fault.",
  labels: [...gpuLabelNames, "reason"],
});
export const throttleSeconds = defineMetric({
  name: "warpwatch_gpu_throttle_seconds_total",
  kind: "counter",
  unit: "seconds",
  help: "Seconds in which this reason held the GPU's clocks down, as the driver counts them.",
  labels: [...gpuLabelNames, "reason"],
});
export const remapPending = defineMetric({
  name: "warpwatch_gpu_row_remap_pending",
  kind: "gauge",
  help: "1 while a memory row waits to be replaced: done at the next reset of the GPU.",
  labels: gpuLabelNames,
});
export const remapBanks = defineMetric({
  name: "warpwatch_gpu_row_remap_banks",
  kind: "gauge",
  help: "Memory banks by how many spare rows they have left: max, high, partial, low or none.",
  labels: [...gpuLabelNames, "state"],
});
export const sramThresholdExceeded = defineMetric({
  name: "warpwatch_gpu_sram_ecc_threshold_exceeded",
  kind: "gauge",
  help: "1 when the GPU's on-chip memory had more uncorrectable errors than NVIDIA tolerates: the GPU is due for return.",
  labels: gpuLabelNames,
});
export const recoveryAction = defineMetric({
  name: "warpwatch_gpu_recovery_action",
  kind: "gauge",
  help: "1 for the action that the driver wants taken before the GPU is used again, 0 for the others.",
  labels: [...gpuLabelNames, "action"],
});
export const nvlinkErrors = defineMetric({
  name: "warpwatch_gpu_nvlink_errors_total",
  kind: "counter",
  help: "Errors of one NVLink since the driver was loaded, by kind: crc, replay or recovery.",
  labels: [...gpuLabelNames, "link", "kind"],
});

function counter(name: string, help: string) {
  return dcgm(name, "counter", "none", help);
}

function dcgm(name: string, kind: MetricKind, unit: Unit, help: string) {
  return defineMetric({ name, kind, unit, help, labels: dcgmLabelNames });
}

/** Counters that others' boards read; ours read the series of ours that says the same for every reason or chip. */
function compatible(name: string, unit: Unit, help: string) {
  return defineMetric({
    name,
    kind: "counter",
    unit,
    help,
    labels: dcgmLabelNames,
    compatibilityOnly: true,
  });
}
