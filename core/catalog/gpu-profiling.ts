/** How a GPU's parts are used, as the chip's own counters tell: names and units are dcgm-exporter's; the commonest are in gpu.ts. */
import { dcgmLabelNames } from "./gpu-labels.ts";
import { defineMetric, type Unit } from "./metric.ts";

export const smOccupancy = profiling(
  "DCGM_FI_PROF_SM_OCCUPANCY",
  "ratio",
  "Ratio of warps on the multiprocessors to as many as they can hold.",
);
export const doubleActive = profiling(
  "DCGM_FI_PROF_PIPE_FP64_ACTIVE",
  "ratio",
  "Ratio of cycles in which the double-precision pipe was busy.",
);
export const singleActive = profiling(
  "DCGM_FI_PROF_PIPE_FP32_ACTIVE",
  "ratio",
  "Ratio of cycles in which the single-precision pipe was busy.",
);
export const halfActive = profiling(
  "DCGM_FI_PROF_PIPE_FP16_ACTIVE",
  "ratio",
  "Ratio of cycles in which the half-precision pipe was busy, tensors not counted.",
);
export const integerActive = profiling(
  "DCGM_FI_PROF_PIPE_INT_ACTIVE",
  "ratio",
  "Ratio of cycles in which the integer pipe was busy.",
);
export const tensorIntegerActive = profiling(
  "DCGM_FI_PROF_PIPE_TENSOR_IMMA_ACTIVE",
  "ratio",
  "Ratio of cycles in which tensor pipes worked on integers.",
);
export const tensorHalfActive = profiling(
  "DCGM_FI_PROF_PIPE_TENSOR_HMMA_ACTIVE",
  "ratio",
  "Ratio of cycles in which tensor pipes worked in half precision.",
);
export const tensorDoubleActive = profiling(
  "DCGM_FI_PROF_PIPE_TENSOR_DFMA_ACTIVE",
  "ratio",
  "Ratio of cycles in which tensor pipes worked in double precision.",
);
export const nvlinkTransmitBytes = profiling(
  "DCGM_FI_PROF_NVLINK_TX_BYTES",
  "bytes_per_second",
  "What the GPU sends over all its NVLinks, in bytes per second.",
);
export const nvlinkReceiveBytes = profiling(
  "DCGM_FI_PROF_NVLINK_RX_BYTES",
  "bytes_per_second",
  "What the GPU receives over all its NVLinks, in bytes per second.",
);

function profiling(name: string, unit: Unit, help: string) {
  return defineMetric({
    name,
    unit,
    help,
    kind: "gauge",
    labels: dcgmLabelNames,
    compatibilityOnly: true,
  });
}
