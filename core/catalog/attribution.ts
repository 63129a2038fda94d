/** Who holds a GPU: pods, as the kubelet tells, and HPC jobs. */
import { gpuLabelNames } from "./gpu-labels.ts";
import { defineMetric } from "./metric.ts";

export const holderInfo = defineMetric({
  name: "warpwatch_gpu_holder_info",
  kind: "info",
  sampling: "steady",
  help: "Who holds the GPU or a part of it: a container of a pod, or an HPC job; one series per holder.",
  labels: [...gpuLabelNames, "GPU_I_ID", "vgpu", "namespace", "pod", "container", "hpc_job"],
});
export const holders = defineMetric({
  name: "warpwatch_gpu_holders",
  kind: "gauge",
  sampling: "steady",
  help: "How many containers and jobs hold the GPU or a part of it; 0 is a GPU that nobody has asked for.",
  labels: gpuLabelNames,
});
export const unmatchedHolders = defineMetric({
  name: "warpwatch_gpu_unmatched_holders",
  kind: "gauge",
  sampling: "steady",
  help: "Holders whose device id is of no GPU that the node's GPU sources know.",
});
export const allocatable = defineMetric({
  name: "warpwatch_gpu_allocatable",
  kind: "gauge",
  sampling: "steady",
  help: "Whether the kubelet hands the GPU out, whole or in parts: 0 for one that the device plug-in has withdrawn.",
  labels: gpuLabelNames,
});
