/** What is read of a GPU by a call for each subject: which function, with what, and where in its answer each value stands. */
import type { NvmlFunction } from "./functions.ts";
import { layouts, type Layout, type NumberType } from "./layouts.ts";

/** `fast` is read in every round, `steady` every few seconds. */
export type ReadingGroup = "fast" | "steady";

export interface ValueAt {
  /** What the agent knows the value by. */
  readonly key: string;
  /** Which of the call's answers holds it. */
  readonly answer: number;
  readonly offset: number;
  readonly type: NumberType;
}

/** One way to read it. Numbers are passed as they are; for each layout the call gets bytes of that size to fill. */
export interface Attempt {
  readonly call: NvmlFunction;
  readonly passed: readonly (number | Layout)[];
  readonly values: readonly ValueAt[];
}

export interface Reading {
  readonly group: ReadingGroup;
  /** Best first: the first that this driver and GPU support is the one that is used. */
  readonly attempts: readonly Attempt[];
}

/** Names of `nvmlMemoryLocation_t`, by number. */
export const eccLocations = [
  "l1_cache",
  "l2_cache",
  "dram",
  "register_file",
  "texture_memory",
  "texture_shm",
  "cbu",
  "sram",
] as const;

const wordLayout: Layout = { bytes: 4, at: {} };
const longLayout: Layout = { bytes: 8, at: {} };

/** Memory, of a GPU or of a MIG instance. */
export const memoryReading: Reading = reading(
  "fast",
  structure("nvmlDeviceGetMemoryInfo_v2", layouts.memoryV2, "u64", {
    "memory.total": "total",
    "memory.free": "free",
    "memory.used": "used",
    "memory.reserved": "reserved",
  }),
  structure("nvmlDeviceGetMemoryInfo", layouts.memory, "u64", {
    "memory.total": "total",
    "memory.free": "free",
    "memory.used": "used",
  }),
);

export const readings: readonly Reading[] = [
  memoryReading,
  reading(
    "fast",
    structure("nvmlDeviceGetUtilizationRates", layouts.utilization, "u32", {
      "utilization.gpu": "gpu",
      "utilization.memory": "memory",
    }),
  ),
  engine("nvmlDeviceGetEncoderUtilization", "utilization.encoder"),
  engine("nvmlDeviceGetDecoderUtilization", "utilization.decoder"),
  engine("nvmlDeviceGetJpgUtilization", "utilization.jpeg"),
  engine("nvmlDeviceGetOfaUtilization", "utilization.ofa"),
  reading(
    "fast",
    structure("nvmlDeviceGetBAR1MemoryInfo", layouts.bar1Memory, "u64", {
      "bar1.total": "total",
      "bar1.used": "used",
    }),
  ),
  ...["graphics", "sm", "memory", "video"].flatMap((clock, type) => [
    reading("fast", word("nvmlDeviceGetClockInfo", `clock.${clock}`, [type])),
    reading("steady", word("nvmlDeviceGetMaxClockInfo", `clock.${clock}.max`, [type])),
  ]),
  reading("fast", word("nvmlDeviceGetPerformanceState", "performance_state")),
  reading(
    "fast",
    long("nvmlDeviceGetCurrentClocksEventReasons", "throttle.reasons"),
    long("nvmlDeviceGetCurrentClocksThrottleReasons", "throttle.reasons"),
  ),
  reading(
    "fast",
    word("nvmlDeviceGetTemperature", "temperature.gpu", [0]),
    structure("nvmlDeviceGetTemperatureV", layouts.temperature, "i32", {
      "temperature.gpu": "temperature",
    }),
  ),
  reading(
    "fast",
    structure("nvmlDeviceGetMarginTemperature", layouts.marginTemperature, "i32", {
      "temperature.margin": "margin",
    }),
  ),
  ...["shutdown", "slowdown", "memory_maximum", "gpu_maximum"].map((threshold, type) =>
    reading(
      "steady",
      word("nvmlDeviceGetTemperatureThreshold", `temperature.threshold.${threshold}`, [type]),
    ),
  ),
  reading("fast", word("nvmlDeviceGetPowerUsage", "power.usage")),
  reading("fast", word("nvmlDeviceGetEnforcedPowerLimit", "power.limit.enforced")),
  reading("steady", word("nvmlDeviceGetPowerManagementLimit", "power.limit.set")),
  reading("steady", {
    call: "nvmlDeviceGetPowerManagementLimitConstraints",
    passed: [wordLayout, wordLayout],
    values: [
      { key: "power.limit.minimum", answer: 0, offset: 0, type: "u32" },
      { key: "power.limit.maximum", answer: 1, offset: 0, type: "u32" },
    ],
  }),
  reading("fast", long("nvmlDeviceGetTotalEnergyConsumption", "energy")),
  reading("fast", word("nvmlDeviceGetFanSpeed_v2", "fan", [0])),
  reading("fast", word("nvmlDeviceGetCurrPcieLinkGeneration", "pcie.generation")),
  reading("fast", word("nvmlDeviceGetCurrPcieLinkWidth", "pcie.width")),
  reading("steady", word("nvmlDeviceGetMaxPcieLinkGeneration", "pcie.generation.max")),
  reading("steady", word("nvmlDeviceGetMaxPcieLinkWidth", "pcie.width.max")),
  reading("fast", word("nvmlDeviceGetPcieReplayCounter", "pcie.replays")),
  reading("steady", word("nvmlDeviceGetPersistenceMode", "persistence_mode")),
  reading("steady", word("nvmlDeviceGetComputeMode", "compute_mode")),
  reading("steady", word("nvmlDeviceGetVirtualizationMode", "virtualization_mode")),
  pair("fast", "nvmlDeviceGetMigMode", "mig.mode", "mig.pending"),
  pair("steady", "nvmlDeviceGetEccMode", "ecc.mode", "ecc.pending"),
  ...eccCounters(),
  reading(
    "steady",
    structure("nvmlDeviceGetRowRemapperHistogram", layouts.remapHistogram, "u32", {
      "remap.banks.max": "max",
      "remap.banks.high": "high",
      "remap.banks.partial": "partial",
      "remap.banks.low": "low",
      "remap.banks.none": "none",
    }),
  ),
  reading("steady", sramStatus()),
  reading(
    "steady",
    structure("nvmlDeviceGetRepairStatus", layouts.repairStatus, "u32", {
      "repair.channel": "channelRepairPending",
      "repair.tpc": "tpcRepairPending",
    }),
  ),
  reading("steady", word("nvmlDeviceGetUnrepairableMemoryFlag_v1", "unrepairable_memory")),
  reading("steady", fabric(layouts.fabricInfo), fabric(layouts.fabricInfoV2)),
];

function eccCounters(): Reading[] {
  return ["corrected", "uncorrected"].flatMap((kind, type) =>
    ["volatile", "aggregate"].flatMap((period, counter) =>
      eccLocations.map((location, place) =>
        reading(
          "steady",
          long("nvmlDeviceGetMemoryErrorCounter", `ecc.${kind}.${period}.${location}`, [
            type,
            counter,
            place,
          ]),
        ),
      ),
    ),
  );
}

function sramStatus(): Attempt {
  const counters = structure("nvmlDeviceGetSramEccErrorStatus", layouts.sramStatus, "u64", {
    "sram.aggregate.parity": "aggregateUncParity",
    "sram.aggregate.secded": "aggregateUncSecDed",
    "sram.volatile.parity": "volatileUncParity",
    "sram.volatile.secded": "volatileUncSecDed",
    "sram.bucket.l2": "bucketL2",
    "sram.bucket.sm": "bucketSm",
    "sram.bucket.pcie": "bucketPcie",
    "sram.bucket.mcu": "bucketMcu",
    "sram.bucket.other": "bucketOther",
  });
  const offset = layouts.sramStatus.at.thresholdExceeded;
  const threshold = { key: "sram.threshold_exceeded", answer: 0, offset, type: "u32" } as const;
  return { ...counters, values: [...counters.values, threshold] };
}

function fabric(layout: Layout): Attempt {
  const words = structure("nvmlDeviceGetGpuFabricInfoV", layout, "u32", {
    "fabric.status": "status",
    "fabric.clique": "cliqueId",
    "fabric.health_mask": "healthMask",
  });
  const bytes = ["state", "healthSummary"].flatMap((member): ValueAt[] => {
    const offset = layout.at[member];
    const key = member === "state" ? "fabric.state" : "fabric.health";
    return offset === undefined ? [] : [{ key, answer: 0, offset, type: "u8" }];
  });
  return { ...words, values: [...words.values, ...bytes] };
}

function reading(group: ReadingGroup, ...attempts: Attempt[]): Reading {
  return { group, attempts };
}

function word(call: NvmlFunction, key: string, before: readonly number[] = []): Attempt {
  const values: ValueAt[] = [{ key, answer: 0, offset: 0, type: "u32" }];
  return { call, passed: [...before, wordLayout], values };
}

function long(call: NvmlFunction, key: string, before: readonly number[] = []): Attempt {
  const values: ValueAt[] = [{ key, answer: 0, offset: 0, type: "u64" }];
  return { call, passed: [...before, longLayout], values };
}

function pair(group: ReadingGroup, call: NvmlFunction, first: string, second: string): Reading {
  const values = [first, second].map((key, answer): ValueAt => ({
    key,
    answer,
    offset: 0,
    type: "u32",
  }));
  return reading(group, { call, passed: [wordLayout, wordLayout], values });
}

/** Percent, and the period it was sampled over, which isn't kept. */
function engine(call: NvmlFunction, key: string): Reading {
  const values: ValueAt[] = [{ key, answer: 0, offset: 0, type: "u32" }];
  return reading("fast", { call, passed: [wordLayout, wordLayout], values });
}

/** Members of one structure, by the keys they go by. */
function structure(
  call: NvmlFunction,
  layout: Layout,
  type: NumberType,
  members: Readonly<Record<string, string>>,
): Attempt {
  const values = Object.entries(members).map(([key, member]): ValueAt => {
    const offset = layout.at[member];
    if (offset === undefined) throw new RangeError(`${call}: the layout has no ${member}`);
    return { key, answer: 0, offset, type };
  });
  return { call, passed: [layout], values };
}
