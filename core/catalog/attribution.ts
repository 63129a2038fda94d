/** Who holds a GPU: pods, as the kubelet tells, and HPC jobs; and whose the processes on it are. */
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

export const processMemory = defineMetric({
  name: "warpwatch_gpu_process_memory_bytes",
  kind: "gauge",
  unit: "bytes",
  sampling: "steady",
  help: "GPU memory, in bytes, that an owner's processes hold on the GPU or a part of it: a pod's container, a job, a container or a user; with --collector.attribution.processes of each process.",
  labels: [
    ...gpuLabelNames,
    "GPU_I_ID",
    "namespace",
    "pod",
    "container",
    "pod_uid",
    "container_id",
    "hpc_job",
    "user",
    "pid",
    "command",
  ],
});
export const processOwnersLeftOut = defineMetric({
  name: "warpwatch_gpu_process_owners_left_out",
  kind: "gauge",
  sampling: "steady",
  help: "Owners of GPU processes, or processes where each is told of, that are over the bound and have no series.",
});
export const processesUnreadable = defineMetric({
  name: "warpwatch_gpu_processes_unreadable",
  kind: "gauge",
  sampling: "steady",
  help: "GPU processes that the driver lists and /proc doesn't show: just ended, or in another process namespace than the agent's.",
});
export const unattributedProcesses = defineMetric({
  name: "warpwatch_gpu_unattributed_processes",
  kind: "gauge",
  sampling: "steady",
  help: "Processes on the GPU that belong to no pod, on a node whose kubelet hands GPUs out.",
  labels: gpuLabelNames,
});
export const heldWithoutProcess = defineMetric({
  name: "warpwatch_gpu_held_without_process",
  kind: "gauge",
  sampling: "steady",
  help: "1 while a pod or a job holds the GPU or a part of it and no process uses it.",
  labels: gpuLabelNames,
});
