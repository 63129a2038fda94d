/** The board for one NVIDIA GPU or one node's, in depth: what a GPU is judged by before it is drained, reset or sent back. */
import { age, aggregate, rate, subtract, value } from "../alerts/expression.ts";
import { gpuRecoveryPending } from "../alerts/gpu-faults.ts";
import { thermalMarginLow } from "../alerts/gpu-health.ts";
import { gpuXid } from "../alerts/gpu.ts";
import { unmatchedHolders, withdrawn } from "../alerts/gpu-use.ts";
import * as attribution from "../core/catalog/attribution.ts";
import * as dcgm from "../core/catalog/dcgm.ts";
import * as details from "../core/catalog/gpu-details.ts";
import * as errors from "../core/catalog/gpu-errors.ts";
import * as profiling from "../core/catalog/gpu-profiling.ts";
import * as gpu from "../core/catalog/gpu.ts";
import { harmlessActions } from "../core/catalog/xid.ts";
import { lines, one, table, timeline, type Board, type Row } from "./board.ts";
import { gpuWearRows } from "./gpu-wear-rows.ts";
import { xidMark } from "./marks.ts";
import { course, flags, total, totalGain, trend, window } from "./plot.ts";

const perGpu = "{{instance}} gpu {{gpu}}";
const byGpu = ["instance", "gpu"] as const;
const notIdle = { reason: { excludes: /gpu_idle/ } } as const;
const fatal = { action: { excludes: new RegExp([...harmlessActions].join("|")) } };
const no = { text: "no", color: "green" } as const;

const state: Row = {
  title: "Is it fit for work",
  panels: [
    total(
      "GPUs that need hands",
      "short",
      "GPUs for which the driver wants a reset, a reboot or a drain before they are used again.",
      aggregate("sum", ["job"], value(errors.recoveryAction, { action: { excludes: /none/ } })),
      { critical: 1, still: true },
    ),
    totalGain(
      "XIDs that ask for hands",
      "XIDs in the time shown after which the GPU, not only the program, needs somebody.",
      { metric: errors.xidEvents, match: fatal },
      { critical: 1, needsFault: { kind: "xid", code: 79 } },
    ),
    total(
      "Withdrawn GPUs",
      "short",
      "GPUs that the device plug-in has taken back: the kubelet hands them out no more.",
      subtract(
        aggregate("count", ["job"], value(attribution.allocatable)),
        aggregate("sum", ["job"], value(attribution.allocatable)),
      ),
      { critical: 1 },
    ),
    total(
      "NVLinks down",
      "short",
      "Links that the GPU has and that are not up.",
      subtract(
        aggregate("count", ["job"], value(details.nvlinkActive)),
        aggregate("sum", ["job"], value(details.nvlinkActive)),
      ),
      { critical: 1 },
    ),
    total(
      "Least degrees left",
      "celsius",
      "The GPU that is nearest to slowing itself down: degrees left until then.",
      aggregate("min", ["job"], value(gpu.temperatureMargin)),
      { rules: [thermalMarginLow], minimum: "any", still: true },
    ),
    total(
      "Held and not used",
      "short",
      "GPUs that a pod or a job holds while no process uses them.",
      aggregate("sum", ["job"], value(attribution.heldWithoutProcess)),
      { warning: 1 },
    ),
    lines(
      "XIDs, the last of each",
      "s",
      "Time since the driver last reported each XID, with what has to be done about it. All graphs of this board are marked where one came.",
      one(age(value(errors.xidLastEvent)), `${perGpu} xid {{xid}} {{action}}`),
      { width: 12, rules: [gpuXid], needsFault: { kind: "xid", code: 79 } },
    ),
    timeline(
      "What the driver wants done",
      "The action that the driver asks for before the GPU is used again.",
      { 0: no, 1: { text: "wanted", color: "red" } },
      [course({ metric: errors.recoveryAction, match: { action: { excludes: /none/ } } })],
      { rules: [gpuRecoveryPending], still: true },
    ),
    timeline(
      "What DCGM's health watches found",
      "By part of the GPU, and by NVSwitch; only where a host engine of DCGM runs.",
      {
        0: { text: "good", color: "green" },
        10: { text: "warning", color: "orange" },
        20: { text: "failure", color: "red" },
      },
      [course({ metric: dcgm.gpuHealth }), course({ metric: dcgm.switchHealth })],
      { width: 24 },
    ),
  ],
};

const work: Row = {
  title: "What it does",
  panels: [
    trend(
      "Pipes",
      "Share of cycles in which each pipe was busy. Training lives on the tensor pipes; much FP32 or FP64 beside them is work that could be theirs.",
      [
        { metric: gpu.tensorActive, words: "tensor" },
        { metric: profiling.halfActive, words: "FP16" },
        { metric: profiling.singleActive, words: "FP32" },
        { metric: profiling.doubleActive, words: "FP64" },
        { metric: profiling.integerActive, words: "integer" },
      ],
      { maximum: 1 },
    ),
    trend(
      "Tensor pipes by precision",
      "Share of cycles in which tensor pipes worked in each precision: whether a job runs in the one that it was meant to.",
      [
        { metric: profiling.tensorHalfActive, words: "half" },
        { metric: profiling.tensorIntegerActive, words: "integer" },
        { metric: profiling.tensorDoubleActive, words: "double" },
      ],
      { maximum: 1 },
    ),
    trend(
      "Multiprocessors",
      "Share of cycles with work, and how many of the warps that fit were there. Much activity at low occupancy: registers or shared memory are the limit.",
      [
        { metric: gpu.smActive, words: "active" },
        { metric: profiling.smOccupancy, words: "occupancy" },
      ],
      { maximum: 1 },
    ),
    trend(
      "Engines beside the main one",
      "Share of time in which the engines for JPEG and optical flow were busy: decoding that is meant to be on the GPU shows here.",
      [details.engineUtilization],
      { maximum: 1, width: 12 },
    ),
    trend(
      "Processes",
      "Processes that have the GPU open, by what for. More than one compute process on a training GPU is rarely meant.",
      [details.processes],
      { width: 12 },
    ),
  ],
};

const holding: Row = {
  title: "Who has it",
  panels: [
    table(
      "Holders",
      "Pods and jobs that hold each GPU or a part of it.",
      attribution.holderInfo,
      ["gpu", "GPU_I_ID", "vgpu", "namespace", "pod", "container", "hpc_job"],
      { width: 12 },
    ),
    lines(
      "GPU memory by owner",
      "bytes",
      "GPU memory that processes of a pod, a job, a container or a user hold.",
      one(
        aggregate(
          "sum",
          [...byGpu, "namespace", "pod", "hpc_job", "user"],
          value(attribution.processMemory),
        ),
        `${perGpu} {{namespace}} {{pod}} {{hpc_job}} {{user}}`,
      ),
      { width: 12 },
    ),
    trend(
      "Holders, and processes of nobody",
      "Containers and jobs that hold the GPU, and processes on it that belong to no pod although the kubelet hands GPUs out: somebody works past the scheduler.",
      [
        { metric: attribution.holders, words: "holders" },
        { metric: attribution.unattributedProcesses, words: "processes of no pod" },
      ],
    ),
    flags(
      "Handed out by the kubelet",
      "A GPU that the device plug-in has withdrawn isn't given to pods: it found it unhealthy.",
      [
        { text: "withdrawn", color: "red" },
        { text: "handed out", color: "green" },
      ],
      [attribution.allocatable],
      { width: 8, rules: [withdrawn] },
    ),
    trend(
      "What could not be attributed",
      "Holders of a device that no GPU source knows, GPU processes that /proc doesn't show, and owners over the bound.",
      [
        { metric: attribution.unmatchedHolders, words: "unknown devices" },
        { metric: attribution.processesUnreadable, words: "unreadable processes" },
        { metric: attribution.processOwnersLeftOut, words: "owners left out" },
      ],
      { rules: [unmatchedHolders] },
    ),
  ],
};

const heat: Row = {
  title: "Power and heat",
  panels: [
    trend(
      "Power against its limit",
      "The GPU, its limit, and on Grace the module with the processor, which share one budget.",
      [
        gpu.powerUsage,
        { metric: gpu.powerLimit, words: "limit", still: true },
        { metric: details.modulePower, words: "module" },
      ],
    ),
    lines(
      "Time held back",
      "percentunit",
      "Share of time in which each reason held the clocks down. `sw_power_cap` is policy; `hw_thermal_slowdown` and `hw_power_brake_slowdown` are cooling and supply.",
      one(
        aggregate(
          "sum",
          [...byGpu, "reason"],
          rate(value(errors.throttleSeconds, notIdle), window),
        ),
        `${perGpu} {{reason}}`,
      ),
      { maximum: 1, needsFault: { kind: "power_brake" } },
    ),
    trend(
      "Temperature against what the GPU does at which",
      "Die temperature, and the temperatures at which this GPU slows down or shuts itself off.",
      [gpu.temperature, { metric: details.temperatureThreshold, words: "limit" }],
    ),
    trend(
      "Degrees left, and where they end",
      "Distance to slowing down, and the margins at which that and worse happen; chips that tell a margin instead of a temperature.",
      [gpu.temperatureMargin, { metric: details.temperatureMarginThreshold, words: "limit" }],
      { width: 24, minimum: "any" },
    ),
  ],
};

export const gpuDetailBoard: Board = {
  uid: "warpwatch-gpu",
  title: "Warpwatch / NVIDIA GPU in depth",
  description:
    "One GPU or one node's: fit for work, what it does and for whom, and every way it wears out.",
  instancesOf: gpu.temperature,
  gpusOf: gpu.temperature,
  marks: [xidMark],
  rows: [state, work, holding, heat, ...gpuWearRows],
};
