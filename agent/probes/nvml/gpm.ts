/** GPM: what the chip's own counters say between two samples; Hopper and later. Ids as nvml.h's `nvmlGpmMetricId_t`. */
import { layouts, maximumGpmMetrics } from "./layouts.ts";
import type { NvmlLibrary } from "./library.ts";
import { endsRound, viewOf, type Plan } from "./plan.ts";
import { returnCodes } from "./return-codes.ts";

/** In percent, but for the rates, which are in MiB/s. */
const gpmMetrics: Readonly<Record<string, number>> = {
  "gpm.graphics": 1,
  "gpm.sm": 2,
  "gpm.sm_occupancy": 3,
  "gpm.integer": 4,
  "gpm.tensor": 5,
  "gpm.tensor_dfma": 6,
  "gpm.tensor_hmma": 7,
  "gpm.tensor_imma": 9,
  "gpm.dram": 10,
  "gpm.fp64": 11,
  "gpm.fp32": 12,
  "gpm.fp16": 13,
  "gpm.pcie_transmit": 20,
  "gpm.pcie_receive": 21,
  "gpm.nvlink_receive": 60,
  "gpm.nvlink_transmit": 61,
};

export interface GpmPlan extends Plan {
  /** Frees the two samples. */
  close(): void;
}

/** NVIDIA asks for a tenth of a second between two samples. */
const shortestMilliseconds = 110;

/** One request serves all devices: two at a time have been seen to crash the driver's library. */
const request = Buffer.alloc(
  layouts.gpmRequest.bytes + maximumGpmMetrics * layouts.gpmMetric.bytes,
);
const requestView = viewOf(request);

/** Of the GPU, or of one of its MIG instances. Null where the GPU has no GPM. */
export function createGpm(
  library: NvmlLibrary,
  handle: number,
  gpuInstance: number | null,
  monotonic: () => number,
): GpmPlan | null {
  if (!isSupported(library, handle)) return null;
  const keys = Object.keys(gpmMetrics);
  const ids = Object.values(gpmMetrics);
  let newer = allocate(library);
  let older = allocate(library);
  let newerAt = Number.NEGATIVE_INFINITY;

  function takeSample(sample: number): number {
    return gpuInstance === null
      ? library.call("nvmlGpmSampleGet", handle, sample)
      : library.call("nvmlGpmMigSampleGet", handle, gpuInstance, sample);
  }

  return {
    keys,
    read(column, position) {
      const now = monotonic();
      if (newer === 0 || older === 0) return returnCodes.success;
      if (now - newerAt >= shortestMilliseconds) {
        const code = takeSample(older);
        if (code !== returnCodes.success) return endsRound(code) ? code : returnCodes.success;
        [older, newer] = [newer, older];
        const isFirst = newerAt === Number.NEGATIVE_INFINITY;
        newerAt = now;
        if (isFirst) return code;
      }
      return compare(library, [older, newer], ids, column, position);
    },
    close() {
      for (const sample of [older, newer])
        if (sample !== 0) library.call("nvmlGpmSampleFree", sample);
      older = newer = 0;
    },
  };
}

function isSupported(library: NvmlLibrary, handle: number): boolean {
  const support = Buffer.alloc(layouts.gpmSupport.bytes);
  support.writeUInt32LE(layouts.gpmSupport.version, 0);
  const code = library.call("nvmlGpmQueryDeviceSupport", handle, support);
  return (
    code === returnCodes.success && support.readUInt32LE(layouts.gpmSupport.at.isSupported) === 1
  );
}

function allocate(library: NvmlLibrary): number {
  const bytes = Buffer.alloc(8);
  const code = library.call("nvmlGpmSampleAlloc", bytes);
  return code === returnCodes.success ? Number(bytes.readBigUInt64LE()) : 0;
}

function compare(
  library: NvmlLibrary,
  [first, second]: readonly [number, number],
  ids: readonly number[],
  column: Float64Array,
  position: number,
): number {
  const { version, at } = layouts.gpmRequest;
  const metric = layouts.gpmMetric;
  requestView.setUint32(0, version, true);
  requestView.setUint32(at.count, ids.length, true);
  requestView.setBigUint64(at.sample1, BigInt(first), true);
  requestView.setBigUint64(at.sample2, BigInt(second), true);
  ids.forEach((id, index) => {
    requestView.setUint32(at.metrics + index * metric.bytes + metric.at.metricId, id, true);
  });
  const code = library.call("nvmlGpmMetricsGet", request);
  if (code !== returnCodes.success) return endsRound(code) ? code : returnCodes.success;
  for (let index = 0; index < ids.length; index += 1) {
    const start = at.metrics + index * metric.bytes;
    if (requestView.getInt32(start + metric.at.nvmlReturn, true) === returnCodes.success)
      column[position + index] = requestView.getFloat64(start + metric.at.value, true);
  }
  return code;
}
