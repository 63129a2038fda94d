/** Rules for GPUs, over dcgm-exporter's names where it has the metric. */
import { gpu, gpuErrors } from "../core/catalog/index.ts";
import { xidActions, type XidAction } from "../core/catalog/xid.ts";
import { add, age, compare, divide, value } from "./expression.ts";
import { defineRule } from "./rule.ts";

const minute = 60_000;

export const gpuHot = defineRule({
  name: "GpuHot",
  condition: compare(value(gpu.temperature), ">", 85, 80),
  forMilliseconds: 2 * minute,
  severity: "warning",
  component: "gpu",
  summary: "GPU {{ gpu }} of {{ node }} is at {{ value }} °C",
  description:
    "The {{ modelName }} {{ UUID }} is close to the temperature at which it slows itself down; then every GPU of the same job waits for it.",
  source:
    "NVIDIA's data-centre GPUs begin to slow down a little above 85 °C; `nvidia-smi -q -d TEMPERATURE` shows the limits of yours. Clears at 80 °C.",
});

export const gpuMemoryNearlyFull = defineRule({
  name: "GpuMemoryNearlyFull",
  condition: compare(
    divide(value(gpu.memoryUsed), add(value(gpu.memoryUsed), value(gpu.memoryFree))),
    ">",
    0.9,
    0.85,
  ),
  forMilliseconds: 15 * minute,
  severity: "info",
  component: "gpu",
  summary: "GPU {{ gpu }} of {{ node }} has {{ value | percent }} of its memory allocated",
  description:
    "The next allocation on {{ UUID }} may fail. Servers that take all memory at their start look like this on purpose: switch the rule off there.",
  source:
    "90 % as commonly recommended for inference; info because serving frameworks allocate ahead.",
});

/** The actions after which an application, but not the GPU, has to be looked at; a code without one has its own rule. */
const harmless: ReadonlySet<XidAction> = new Set([
  "ignore",
  "restart_app",
  "see_message",
  "unknown",
]);
const fatalActions = xidActions.filter((action) => !harmless.has(action));
/** Faults of an application, or the echo of another XID: never a page, whatever a table says of them. */
const applicationXids = { excludes: /13|31|43|45|94/ };
/** NVIDIA takes XIDs that come closer than this as one incident. */
const recentSeconds = 600;

export const gpuXid = defineRule({
  name: "GpuXid",
  condition: compare(
    age(
      value(gpuErrors.xidLastEvent, {
        action: { matches: new RegExp(fatalActions.join("|")) },
        xid: applicationXids,
      }),
    ),
    "<",
    recentSeconds,
  ),
  severity: "critical",
  component: "gpu",
  summary: "GPU {{ gpu }} of {{ node }} reported XID {{ xid }}: {{ action }}",
  description:
    "The driver reported a fault of {{ UUID }} {{ value }} s ago that needs hands before the GPU is used again.",
  ended: { stillReported: gpuErrors.xidEvents, on: ["UUID"] },
  source:
    "NVIDIA's XID catalogue, by the action it asks for. By the time of the last event, because a counter that is born at 1 has no increase; over ten minutes after the last.",
});

export const gpuXidUnknown = defineRule({
  name: "GpuXidUnknown",
  condition: compare(
    age(value(gpuErrors.xidLastEvent, { action: "unknown", xid: applicationXids })),
    "<",
    recentSeconds,
  ),
  severity: "warning",
  component: "gpu",
  summary: "GPU {{ gpu }} of {{ node }} reported XID {{ xid }}, for which no action is known",
  description:
    "NVIDIA's catalogue names no action for this code, or this version doesn't know the code. Look it up before the GPU {{ UUID }} gets new work.",
  ended: { stillReported: gpuErrors.xidEvents, on: ["UUID"] },
  source: "A code that isn't known must not be silent.",
});
