/**
 * Where things stand in NVML's structures on 64-bit Linux, as data: taken from the sizes and offsets of NVIDIA's nvml.h.
 * Not verified on hardware yet; the tests hold them against a library of our own that asserts the same numbers.
 */

export type NumberType = "u8" | "u16" | "u32" | "i32" | "u64" | "i64" | "f64";

export interface Layout {
  readonly bytes: number;
  /** First word of a structure that carries its version: its size and the version's number. */
  readonly version?: number;
  readonly at: Readonly<Record<string, number>>;
}

export const layouts = {
  pciInfo: { bytes: 68, at: { domain: 16, bus: 20, device: 24, pciDeviceId: 28, busId: 36 } },
  utilization: { bytes: 8, at: { gpu: 0, memory: 4 } },
  memory: { bytes: 24, at: { total: 0, free: 8, used: 16 } },
  memoryV2: {
    bytes: 40,
    version: 0x02000028,
    at: { total: 8, reserved: 16, free: 24, used: 32 },
  },
  bar1Memory: { bytes: 24, at: { total: 0, free: 8, used: 16 } },
  processInfo: {
    bytes: 24,
    at: { pid: 0, usedGpuMemory: 8, gpuInstanceId: 16, computeInstanceId: 20 },
  },
  processUtilization: {
    bytes: 32,
    at: { pid: 0, timeStamp: 8, smUtil: 16, memUtil: 20, encUtil: 24, decUtil: 28 },
  },
  attributes: {
    bytes: 40,
    at: { gpuInstanceSliceCount: 24, computeInstanceSliceCount: 28, memorySizeMB: 32 },
  },
  repairStatus: {
    bytes: 12,
    version: 0x0100000c,
    at: { channelRepairPending: 4, tpcRepairPending: 8 },
  },
  unrepairableMemory: { bytes: 4, at: { unrepairable: 0 } },
  remapHistogram: { bytes: 20, at: { max: 0, high: 4, partial: 8, low: 12, none: 16 } },
  marginTemperature: { bytes: 8, version: 0x01000008, at: { margin: 4 } },
  temperature: { bytes: 12, version: 0x0100000c, at: { sensor: 4, temperature: 8 } },
  sramStatus: {
    bytes: 104,
    version: 0x01000068,
    at: {
      aggregateUncParity: 8,
      aggregateUncSecDed: 16,
      aggregateCor: 24,
      volatileUncParity: 32,
      volatileUncSecDed: 40,
      volatileCor: 48,
      bucketL2: 56,
      bucketSm: 64,
      bucketPcie: 72,
      bucketMcu: 80,
      bucketOther: 88,
      thresholdExceeded: 96,
    },
  },
  platformInfo: {
    bytes: 44,
    version: 0x0200002c,
    at: { chassisSerialNumber: 20, slotNumber: 36, trayIndex: 37, hostId: 38, moduleId: 40 },
  },
  fieldValue: {
    bytes: 40,
    at: { fieldId: 0, scopeId: 4, timestamp: 8, valueType: 24, nvmlReturn: 28, value: 32 },
  },
  eventData: {
    bytes: 32,
    at: { device: 0, eventType: 8, eventData: 16, gpuInstanceId: 24, computeInstanceId: 28 },
  },
  fabricInfoV2: {
    bytes: 36,
    version: 0x02000024,
    at: { clusterUuid: 4, status: 20, cliqueId: 24, state: 28, healthMask: 32 },
  },
  fabricInfo: {
    bytes: 40,
    version: 0x03000028,
    at: { clusterUuid: 4, status: 20, cliqueId: 24, state: 28, healthMask: 32, healthSummary: 36 },
  },
  gpmMetric: { bytes: 40, at: { metricId: 0, nvmlReturn: 4, value: 8 } },
  /** The header; `metrics` begins where it ends. */
  gpmRequest: { bytes: 24, version: 1, at: { count: 4, sample1: 8, sample2: 16, metrics: 24 } },
  gpmSupport: { bytes: 8, version: 1, at: { isSupported: 4 } },
} as const satisfies Record<string, Layout>;

/** `nvmlValueType_t`: what the 8 bytes of a field's value hold. */
export const fieldValueTypes: readonly NumberType[] = [
  "f64",
  "u32",
  "u64",
  "u64",
  "i64",
  "i32",
  "u16",
];

/** As many as the newest header has room for: a library that is newer reads no more of them than are counted. */
export const maximumGpmMetrics = 333;

const readers: Readonly<Record<NumberType, (bytes: DataView, offset: number) => number>> = {
  u8: (bytes, offset) => bytes.getUint8(offset),
  u16: (bytes, offset) => bytes.getUint16(offset, true),
  u32: (bytes, offset) => bytes.getUint32(offset, true),
  i32: (bytes, offset) => bytes.getInt32(offset, true),
  // Halves rather than a bigint each: exact up to 2^53, as every sample is.
  u64: (bytes, offset) =>
    bytes.getUint32(offset, true) + bytes.getUint32(offset + 4, true) * 2 ** 32,
  i64: (bytes, offset) =>
    bytes.getUint32(offset, true) + bytes.getInt32(offset + 4, true) * 2 ** 32,
  f64: (bytes, offset) => bytes.getFloat64(offset, true),
};

export function readNumber(bytes: DataView, offset: number, type: NumberType): number {
  return readers[type](bytes, offset);
}
