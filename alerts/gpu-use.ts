/** Rules for how GPUs are held and used: mostly digests for who owns the work. */
import { attribution, gpu } from "../core/catalog/index.ts";
import { both, compare, over, value } from "./expression.ts";
import { defineRule } from "./rule.ts";

const minute = 60_000;
const hour = 60 * minute;
const sameGpu = ["instance", "UUID"];
const rests = both(
  compare(over("max", value(gpu.utilization), 30 * minute), "<", 5),
  compare(value(attribution.holders), ">", 0),
  sameGpu,
);
const heldIdle =
  "No kernel took 5 % of the time in half an hour: the greatest value, not the mean, so that serving in bursts is spared. The driver's utilisation is never below SM activity, so a GPU at rest by it does nothing.";

export const allocatedIdle = defineRule({
  name: "GpuAllocatedIdle",
  condition: rests,
  forMilliseconds: 30 * minute,
  severity: "info",
  component: "gpu",
  team: "workload",
  summary: "GPU {{ gpu }} of {{ node }} has been held and idle for an hour",
  description:
    "A pod or job holds {{ UUID }} ({{ modelName }}) and computes nothing on it; warpwatch_gpu_holder_info names it.",
  source: heldIdle,
});

export const allocatedIdleDay = defineRule({
  name: "GpuAllocatedIdleDay",
  condition: rests,
  forMilliseconds: 24 * hour,
  severity: "warning",
  component: "gpu",
  team: "workload",
  summary: "GPU {{ gpu }} of {{ node }} has been held and idle for a day",
  description:
    "A day without work on {{ UUID }} ({{ modelName }}): ask its holder for it. Nothing is ended by itself.",
  source: `${heldIdle} A day, as idle-GPU audits report it.`,
});

export const busyButInefficient = defineRule({
  name: "GpuBusyButInefficient",
  condition: both(
    compare(over("avg", value(gpu.utilization), hour), ">", 80),
    compare(over("avg", value(gpu.smActive), hour), "<", 0.2),
  ),
  forMilliseconds: 6 * hour,
  severity: "info",
  component: "gpu",
  team: "workload",
  onByDefault: false,
  summary: "GPU {{ gpu }} of {{ node }} looks busy and uses a fifth of its chip",
  description:
    "Kernels run on {{ UUID }} ({{ modelName }}) most of the time and fill few multiprocessors: small batches, or a loader that can't keep up.",
  source:
    "Microsoft's study of deep-learning jobs (ICSE 2024): 46 % of what wasted GPUs was in feeding them. Off, since it is advice.",
});

export const withdrawn = defineRule({
  name: "GpuWithdrawn",
  condition: compare(value(attribution.allocatable), "==", 0),
  forMilliseconds: 5 * minute,
  severity: "warning",
  component: "gpu",
  summary: "the device plug-in of {{ node }} has withdrawn GPU {{ gpu }}",
  description:
    "The GPU {{ UUID }} is there and answers, yet the kubelet no longer hands it out: the plug-in found it unhealthy, mostly after an XID.",
  source: "No tolerance: a GPU in order is handed out. Five minutes let the plug-in start.",
});

export const unmatchedHolders = defineRule({
  name: "GpuHoldersUnmatched",
  condition: compare(value(attribution.unmatchedHolders), ">", 0),
  forMilliseconds: 10 * minute,
  severity: "warning",
  component: "gpu",
  summary: "{{ value }} holders on {{ node }} have a GPU that the node doesn't know",
  description:
    "The kubelet has given containers a device that no GPU source lists: it fell off the bus, or the plug-in is out of date.",
  source: "No tolerance. Ten minutes let a new GPU be found and an ended pod be forgotten.",
});
