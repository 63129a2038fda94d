/** Where each value that the probe reads through NVML goes: which metrics, with which labels, and in which unit. */
import * as details from "../../../core/catalog/gpu-details.ts";
import * as errors from "../../../core/catalog/gpu-errors.ts";
import * as gpu from "../../../core/catalog/gpu.ts";
import * as profiling from "../../../core/catalog/gpu-profiling.ts";
import type { DcgmLabel, GpuLabel } from "../../../core/catalog/gpu-labels.ts";
import type { Metric } from "../../../core/catalog/metric.ts";
import { eccLocations } from "../../probes/nvml/readings.ts";
import { withNeutralTwins } from "./neutral-twins.ts";
import { linkTargets, linkMetrics } from "./nvml-link-targets.ts";
import { constant, target, type Target } from "./nvml-target.ts";

const perMebibyte = 1 / 1_048_576;
const bytesPerMebibyte = 1_048_576;

/** Bits of the reasons, as nvml.h numbers them. */
const throttleBits: Readonly<Record<errors.ThrottleReason, number>> = {
  gpu_idle: 0x1,
  applications_clocks_setting: 0x2,
  sw_power_cap: 0x4,
  hw_slowdown: 0x8,
  sync_boost: 0x10,
  sw_thermal_slowdown: 0x20,
  hw_thermal_slowdown: 0x40,
  hw_power_brake_slowdown: 0x80,
};

/** Where the problem's two bits stand in the health mask, and what they hold while it is there. */
const fabricBits: Readonly<
  Record<(typeof details.fabricProblems)[number], readonly [shift: number, width: number]>
> = {
  degraded_bandwidth: [0, 2],
  route_recovery: [2, 2],
  route_unhealthy: [4, 2],
  access_timeout_recovery: [6, 2],
  incorrect_configuration: [8, 4],
};

const pcieErrorKinds = [
  "replay_rollovers",
  "l0_to_recovery",
  "correctable",
  "naks_received",
  "receiver_error",
  "bad_tlp",
  "naks_sent",
  "bad_dllp",
  "non_fatal",
  "fatal",
  "unsupported_request",
  "lcrc_error",
] as const;

const own: Readonly<Record<string, readonly Target[]>> = {
  ...load(),
  ...power(),
  ...heat(),
  ...throttling(),
  ...links(),
  ...memoryErrors(),
  ...fabric(),
  ...profile(),
};

/** With what all makes share. */
const byKey: typeof own = Object.fromEntries(
  Object.entries(own).map(([key, targets]) => [
    key,
    withNeutralTwins(targets, (target, { metric, extraLabels, convert }) => ({
      metric,
      extraLabels,
      convert: (value) => convert(target.convert(value)),
    })),
  ]),
);

/** Nothing for a key that is only of use in the probe, or new to this version. */
export function targetsOf(key: string): readonly Target[] {
  return byKey[key] ?? linkTargets(key);
}

/** What the values may become, once each. */
export const nvmlMetrics: readonly Metric[] = [
  ...new Set([
    ...Object.values(byKey).flatMap((all) => all.map(({ metric }) => metric)),
    ...linkMetrics,
  ]),
];

function load(): Record<string, Target[]> {
  return {
    "utilization.gpu": [target(gpu.utilization)],
    "utilization.memory": [target(gpu.memoryCopyUtilization)],
    "utilization.encoder": [target(gpu.encoderUtilization)],
    "utilization.decoder": [target(gpu.decoderUtilization)],
    "utilization.jpeg": [target(details.engineUtilization, { engine: "jpeg" }, 0.01)],
    "utilization.ofa": [target(details.engineUtilization, { engine: "ofa" }, 0.01)],
    "memory.total": [target(details.memoryTotal, {}, perMebibyte)],
    "memory.free": [target(gpu.memoryFree, {}, perMebibyte)],
    "memory.used": [target(gpu.memoryUsed, {}, perMebibyte)],
    "memory.reserved": [target(gpu.memoryReserved, {}, perMebibyte)],
    "bar1.total": [target(details.bar1Total, {}, perMebibyte)],
    "bar1.used": [target(details.bar1Used, {}, perMebibyte)],
    "clock.sm": [target(gpu.smClock)],
    "clock.memory": [target(gpu.memoryClock)],
    "clock.video": [target(details.videoClock)],
    "clock.sm.max": [target(details.smClockMaximum)],
    "clock.memory.max": [target(details.memoryClockMaximum)],
    "clock.video.max": [target(details.videoClockMaximum)],
    // 32 is "unknown".
    performance_state: [
      { ...target(gpu.performanceState), convert: (value) => (value > 15 ? Number.NaN : value) },
    ],
    persistence_mode: [target(details.persistenceMode)],
    compute_mode: [target(details.computeMode)],
    "mig.mode": [target(gpu.migEnabled)],
    // 2 is a virtual GPU, whose licence is told elsewhere; no other has one.
    virtualization_mode: [
      {
        ...target(details.virtualGpuLicence),
        convert: (mode) => (mode === 2 ? Number.NaN : 0),
      },
    ],
  };
}

/** The driver counts in thousandths. */
function power(): Record<string, Target[]> {
  return {
    "power.usage": [target(gpu.powerUsage, {}, 0.001)],
    "power.instant": [target(details.powerUsageInstant, {}, 0.001)],
    "power.module": [target(details.modulePower, {}, 0.001)],
    "power.limit.enforced": [target(gpu.powerLimit, {}, 0.001)],
    "power.limit.set": [target(details.powerLimitSet, {}, 0.001)],
    "power.limit.minimum": [target(details.powerLimitMinimum, {}, 0.001)],
    "power.limit.maximum": [target(details.powerLimitMaximum, {}, 0.001)],
    "power.limit.default": [target(details.powerLimitDefault, {}, 0.001)],
    energy: [target(gpu.energyConsumption)],
  };
}

function heat(): Record<string, Target[]> {
  const limits = details.temperatureThresholds.flatMap((kind): [string, Target[]][] => [
    [`temperature.threshold.${kind}`, [target(details.temperatureThreshold, { kind })]],
    [`temperature.limit.${kind}`, [target(details.temperatureMarginThreshold, { kind })]],
  ]);
  return {
    "temperature.gpu": [target(gpu.temperature)],
    "temperature.memory": [target(gpu.memoryTemperature)],
    "temperature.margin": [target(gpu.temperatureMargin)],
    fan: [target(gpu.fan, {}, 0.01)],
    ...Object.fromEntries(limits),
  };
}

function throttling(): Record<string, Target[]> {
  const counted = [
    "sw_thermal_slowdown",
    "hw_thermal_slowdown",
    "hw_power_brake_slowdown",
  ] as const;
  const seconds = (reason: errors.ThrottleReason): Target =>
    target(errors.throttleSeconds, { reason }, 1e-9);
  return {
    "throttle.reasons": [
      target(details.clockEventReasons),
      ...errors.throttleReasons.map((reason) => ({
        ...target(errors.throttleActive, { reason }),
        convert: (mask: number) => ((mask & throttleBits[reason]) === 0 ? 0 : 1),
      })),
    ],
    ...Object.fromEntries(counted.map((reason) => [`throttle.time.${reason}`, [seconds(reason)]])),
    "violation.power": [target(errors.powerViolation), seconds("sw_power_cap")],
    "violation.thermal": [target(errors.thermalViolation)],
    "violation.sync_boost": [target(errors.syncBoostViolation), seconds("sync_boost")],
    "violation.board_limit": [target(details.boardLimitViolation)],
    "violation.low_utilization": [target(details.lowUtilizationViolation)],
    "violation.reliability": [target(details.reliabilityViolation)],
  };
}

function links(): Record<string, Target[]> {
  const kinds = pcieErrorKinds.map((kind) => [
    `pcie.${kind}`,
    [target(details.pcieErrors, { kind })],
  ]);
  return {
    "pcie.generation": [target(gpu.pcieGeneration)],
    "pcie.generation.max": [target(gpu.pcieGenerationMaximum)],
    "pcie.width": [target(gpu.pcieWidth)],
    "pcie.width.max": [target(gpu.pcieWidthMaximum)],
    "pcie.replays": [target(gpu.pcieReplays)],
    "pcie.transmit_bytes": [target(details.pcieBytes, { direction: "transmit" })],
    "pcie.receive_bytes": [target(details.pcieBytes, { direction: "receive" })],
    ...(Object.fromEntries(kinds) as Record<string, Target[]>),
    "nvlink.crc_flit": [target(details.nvlinkFlitErrors)],
    "nvlink.crc_data": [target(details.nvlinkDataErrors)],
    "nvlink.replay": [target(details.nvlinkReplays)],
    "nvlink.recovery": [target(details.nvlinkRecoveries)],
    // The sum of both ways, as DCGM has it.
    "nvlink.transmit": [{ ...target(gpu.nvlinkBandwidth), adds: true }],
    "nvlink.receive": [{ ...target(gpu.nvlinkBandwidth), adds: true }],
  };
}

function memoryErrors(): Record<string, Target[]> {
  const byPlace = eccLocations.flatMap((location) =>
    ["corrected", "uncorrected"].flatMap((kind) =>
      ["volatile", "aggregate"].map((period): [string, Target[]] => [
        `ecc.${kind}.${period}.${location}`,
        [target(details.eccErrors, { location, kind, period })],
      ]),
    ),
  );
  const units = ["l2", "sm", "pcie", "mcu", "other"].map((location): [string, Target[]] => [
    `sram.bucket.${location}`,
    [target(details.sramErrors, { location })],
  ]);
  const banks = errors.remapAvailabilities.map((state): [string, Target[]] => [
    `remap.banks.${state}`,
    [target(errors.remapBanks, { state })],
  ]);
  return {
    "ecc.mode": [target(details.eccCurrent)],
    "ecc.pending": [target(details.eccPending)],
    "ecc.corrected.volatile": [target(errors.eccSingleBitVolatile)],
    "ecc.uncorrected.volatile": [target(errors.eccDoubleBitVolatile)],
    "ecc.corrected.aggregate": [target(errors.eccSingleBitAggregate)],
    "ecc.uncorrected.aggregate": [target(errors.eccDoubleBitAggregate)],
    "retired.single_bit": [target(errors.retiredSingleBit)],
    "retired.double_bit": [target(errors.retiredDoubleBit)],
    "retired.pending": [target(errors.retiredPending)],
    "remap.corrected": [target(errors.remappedCorrectable)],
    "remap.uncorrected": [target(errors.remappedUncorrectable)],
    "remap.pending": [target(errors.remapPending)],
    "remap.failure": [target(errors.remapFailure)],
    "sram.threshold_exceeded": [target(errors.sramThresholdExceeded)],
    "repair.channel": [target(details.repairPending, { kind: "channel" })],
    "repair.tpc": [target(details.repairPending, { kind: "tpc" })],
    unrepairable_memory: [target(details.unrepairableMemory)],
    recovery_action: errors.recoveryActions.map((action, number) => ({
      ...target(errors.recoveryAction, { action }),
      convert: constant(number),
    })),
    ...Object.fromEntries([...byPlace, ...units, ...banks]),
  };
}

function fabric(): Record<string, Target[]> {
  return {
    "fabric.state": details.fabricStates.map((state, number) => ({
      ...target(details.fabricState, { state }),
      convert: constant(number),
    })),
    "fabric.health": details.fabricHealths.map((state, number) => ({
      ...target(details.fabricHealth, { state }),
      convert: constant(number),
    })),
    "fabric.health_mask": details.fabricProblems.map((kind) => ({
      ...target(details.fabricProblem, { kind }),
      convert: (mask: number) => readProblem(mask, kind),
    })),
  };
}

/** 0 is "not supported". A problem's two bits say 1 for yes and 2 for no; a configuration is right at 1 and wrong above. */
function readProblem(mask: number, kind: (typeof details.fabricProblems)[number]): number {
  const [shift, width] = fabricBits[kind];
  const bits = (mask >> shift) & (2 ** width - 1);
  if (bits === 0) return Number.NaN;
  return kind === "incorrect_configuration" ? Number(bits > 1) : Number(bits === 1);
}

/** Percent become ratios, MiB a second bytes. */
function profile(): Record<string, Target[]> {
  const ratios: Readonly<Record<string, Metric<DcgmLabel> | Metric<GpuLabel>>> = {
    graphics: gpu.graphicsEngineActive,
    sm: gpu.smActive,
    sm_occupancy: profiling.smOccupancy,
    integer: profiling.integerActive,
    tensor: gpu.tensorActive,
    tensor_dfma: profiling.tensorDoubleActive,
    tensor_hmma: profiling.tensorHalfActive,
    tensor_imma: profiling.tensorIntegerActive,
    dram: gpu.dramActive,
    fp64: profiling.doubleActive,
    fp32: profiling.singleActive,
    fp16: profiling.halfActive,
  };
  const rates: typeof ratios = {
    pcie_transmit: gpu.pcieTransmitBytes,
    pcie_receive: gpu.pcieReceiveBytes,
    nvlink_transmit: profiling.nvlinkTransmitBytes,
    nvlink_receive: profiling.nvlinkReceiveBytes,
  };
  const scaled = (of: typeof ratios, factor: number): [string, Target[]][] =>
    Object.entries(of).map(([key, metric]) => [`gpm.${key}`, [target(metric, {}, factor)]]);
  return Object.fromEntries([...scaled(ratios, 0.01), ...scaled(rates, bytesPerMebibyte)]);
}
