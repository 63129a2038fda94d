/** The board for the whole fleet: who is there, what fires, and how much the GPUs do; from here one goes to a node. */
import { aggregate, divide, increase, rate, subtract, value } from "../alerts/expression.ts";
import { agentGone, gpuMissing } from "../alerts/fleet.ts";
import { gpuHot, gpuXid } from "../alerts/gpu.ts";
import { gpuFailureLikely } from "../alerts/learned.ts";
import * as collector from "../core/catalog/collector.ts";
import * as findings from "../core/catalog/findings.ts";
import * as fleet from "../core/catalog/fleet.ts";
import * as gpu from "../core/catalog/gpu.ts";
import * as errors from "../core/catalog/gpu-errors.ts";
import * as notify from "../core/catalog/notify.ts";
import { figure, lines, one, quantile, timeline, type Board, type Row } from "./board.ts";
import { nodeBoard } from "./node.ts";

/** Grafana puts the panel's own interval in its place. */
const window = 60_000;

const present: Row = {
  title: "Who is there",
  panels: [
    figure(
      "Nodes",
      "short",
      "Nodes that the collector expects.",
      one(aggregate("count", ["job"], value(fleet.nodeUp)), ""),
      { still: true },
    ),
    figure(
      "Nodes that don't report",
      "short",
      "Nothing is known of these; what fired on them is held as it was.",
      one(
        subtract(
          aggregate("count", ["job"], value(fleet.nodeUp)),
          aggregate("sum", ["job"], value(fleet.nodeUp)),
        ),
        "",
      ),
      { still: true, warning: 1 },
    ),
    figure(
      "GPUs present",
      "short",
      "GPUs that the nodes list now.",
      one(aggregate("sum", ["job"], value(fleet.gpusPresent)), ""),
      { needsFault: { kind: "gpu_off_bus" } },
    ),
    figure(
      "GPUs missing",
      "short",
      "Expected and not listed by a node that reports. Two minutes of it page.",
      one(
        subtract(
          aggregate("sum", ["job"], value(fleet.gpusExpected)),
          aggregate("sum", ["job"], value(fleet.gpusPresent)),
        ),
        "",
      ),
      { critical: 1, needsFault: { kind: "gpu_off_bus" } },
    ),
    figure(
      "GPU utilisation",
      "percent",
      "Mean over all GPUs of the share of time in which a kernel ran.",
      one(aggregate("avg", ["job"], value(gpu.utilization)), ""),
      { maximum: 100 },
    ),
    figure(
      "GPU power",
      "watt",
      "What all GPUs draw together.",
      one(aggregate("sum", ["job"], value(gpu.powerUsage)), ""),
    ),
    timeline(
      "Which nodes report",
      "Three missed periods make a node unknown: what fired on it is held.",
      { 0: { text: "unknown", color: "red" }, 1: { text: "reports", color: "green" } },
      one(aggregate("min", ["node"], value(fleet.nodeUp)), "{{node}}"),
      { still: true, rules: [agentGone] },
    ),
    timeline(
      "Expected GPUs",
      "Which of the expected GPUs their nodes list.",
      { 0: { text: "missing", color: "red" }, 1: { text: "there", color: "green" } },
      one(aggregate("min", ["node", "gpu"], value(fleet.devicePresent)), "{{node}} gpu {{gpu}}"),
      { rules: [gpuMissing], needsFault: { kind: "gpu_off_bus" } },
    ),
  ],
};

const alerts: Row = {
  title: "What fires",
  panels: [
    lines(
      "Alerts by rule",
      "short",
      "Firing and pending alerts; unknown ones are held because their data stopped coming.",
      one(aggregate("sum", ["rule", "state"], value(collector.alerts)), "{{rule}} {{state}}"),
      { width: 12, needsFault: { kind: "xid", code: 79 } },
    ),
    lines(
      "Alerts that fired, resolved or were dropped",
      "short",
      "Changes in the panel's interval. A rule that fires and resolves all the time needs another threshold or `for`.",
      one(
        aggregate("sum", ["rule", "state"], increase(value(collector.alertTransitions), window)),
        "{{rule}} {{state}}",
      ),
      { width: 12, needsFault: { kind: "xid", code: 79 } },
    ),
    lines(
      "XIDs of the fleet",
      "short",
      "Faults that the drivers reported in the panel's interval, by what has to be done about them.",
      one(aggregate("sum", ["action"], increase(value(errors.xidEvents), window)), "{{action}}"),
      { width: 12, rules: [gpuXid], needsFault: { kind: "xid", code: 79 } },
    ),
    lines(
      "Time from sample to accepted notification",
      "s",
      "99th percentile per notifier, from the sample that made an alert fire or resolve to the receiver's yes.",
      one(quantile(notify.notificationLatency, 0.99, ["notifier"]), "{{notifier}}"),
      { width: 12, warning: 5, needsFault: { kind: "xid", code: 79 } },
    ),
  ],
};

const load: Row = {
  title: "What the GPUs do",
  panels: [
    lines(
      "Utilisation by node",
      "percent",
      "Mean over each node's GPUs; a click leads to the node.",
      one(aggregate("avg", ["instance"], value(gpu.utilization)), "{{instance}}"),
      { maximum: 100, leadsTo: nodeBoard.uid },
    ),
    lines(
      "Tensor activity by model",
      "percentunit",
      "Mean share of cycles in which the tensor pipes worked, over all GPUs of a model.",
      one(aggregate("avg", ["modelName"], value(gpu.tensorActive)), "{{modelName}}"),
      { maximum: 1 },
    ),
    lines(
      "Memory used by node",
      "percentunit",
      "Allocated GPU memory over all there is, of each node.",
      one(
        divide(
          aggregate("sum", ["instance"], value(gpu.memoryUsed)),
          aggregate("sum", ["instance"], {
            op: "+",
            left: value(gpu.memoryUsed),
            right: value(gpu.memoryFree),
          }),
        ),
        "{{instance}}",
      ),
      { maximum: 1, leadsTo: nodeBoard.uid },
    ),
    lines(
      "Hottest GPU by node",
      "celsius",
      "The highest die temperature of each node; a click leads to the node.",
      one(aggregate("max", ["instance"], value(gpu.temperature)), "{{instance}}"),
      { rules: [gpuHot], leadsTo: nodeBoard.uid },
    ),
    lines(
      "Power by node",
      "watt",
      "What each node's GPUs draw together; a click leads to the node.",
      one(aggregate("sum", ["instance"], value(gpu.powerUsage)), "{{instance}}"),
      { leadsTo: nodeBoard.uid },
    ),
    lines(
      "Memory errors by node",
      "cps",
      "Corrected errors a second over each node's GPUs.",
      one(
        aggregate("sum", ["instance"], rate(value(errors.eccSingleBitVolatile), window)),
        "{{instance}}",
      ),
      { leadsTo: nodeBoard.uid, needsFault: { kind: "ecc_storm" } },
    ),
  ],
};

const verdicts: Row = {
  title: "What the detectors think",
  panels: [
    lines(
      "Open findings",
      "short",
      "Series that are unlike themselves or on their way to a limit, by detector. A finding opens a ticket and never pages by itself.",
      one(aggregate("sum", ["detector"], value(findings.open)), "{{detector}}"),
      { width: 12, still: true },
    ),
    lines(
      "Probability of failure",
      "percentunit",
      "That the GPU fails within 30 days, from the fleet's base rate and what was counted on this very GPU.",
      one(
        aggregate("max", ["node", "gpu"], value(findings.failureProbability, { horizon: "30d" })),
        "{{node}} gpu {{gpu}}",
      ),
      { width: 12, maximum: 1, still: true, rules: [gpuFailureLikely] },
    ),
  ],
};

export const fleetBoard: Board = {
  uid: "warpwatch-fleet",
  title: "Warpwatch / Fleet",
  description: "Who is there, what fires, and how much the GPUs of all nodes do.",
  instancesOf: collector.targetUp,
  rows: [present, alerts, verdicts, load],
};
