/** Rules about who is missing from the fleet, over the frame that the collector's membership sends. */
import { fleet } from "../core/catalog/index.ts";
import { aggregate, both, compare, over, subtract, value } from "./expression.ts";
import { defineRule } from "./rule.ts";

const minute = 60_000;

export const gpuMissing = defineRule({
  name: "GpuMissing",
  condition: compare(subtract(value(fleet.gpusExpected), value(fleet.gpusPresent)), ">", 0),
  forMilliseconds: 2 * minute,
  severity: "critical",
  component: "gpu",
  summary: "{{ node }} lacks {{ value }} of its GPUs",
  description:
    "The node's agent or exporter lists fewer GPUs than the fleet file says or were last seen at once. A GPU fell off the bus, or did not come back after a restart.",
  source:
    "No tolerance: a GPU that is gone is gone. Two minutes let a driver reload or an agent restart pass.",
});

export const agentGone = defineRule({
  name: "AgentGone",
  condition: compare(value(fleet.nodeUp), "==", 0),
  forMilliseconds: 5 * minute,
  severity: "warning",
  component: "agent",
  summary: "{{ node }} no longer reports",
  description:
    "No frame and no successful scrape of any target of the node came in. Nothing is known of it; its alerts are held as they were.",
  source:
    "Three missed periods make a node unknown; five minutes let a reboot pass, half of the ten after which kubernetes-mixin tells of a target that is down.",
});

/** The collector's own place: one for all nodes that it expects. */
const place = ["cluster", "job", "instance"];

export const agentsGone = defineRule({
  name: "AgentsGoneMany",
  condition: both(
    compare(aggregate("avg", place, value(fleet.nodeUp)), "<", 0.9, 0.95),
    compare(aggregate("count", place, value(fleet.nodeUp)), ">=", 10),
  ),
  forMilliseconds: 5 * minute,
  severity: "critical",
  component: "fleet",
  summary: "only {{ value | percent }} of the nodes report",
  description:
    "A tenth or more of the fleet fell silent at once: the network, the collector or a roll-out rather than the nodes. Hides AgentGone.",
  source:
    "Alertmanager's mixin pages by cluster in the same way. A tenth of ten nodes or more; fewer are told one by one.",
});

export const telemetryStale = defineRule({
  name: "TelemetryFreshnessBurn",
  condition: both(
    compare(aggregate("avg", place, over("avg", value(fleet.nodeUp), 60 * minute)), "<", 0.928),
    compare(aggregate("avg", place, over("avg", value(fleet.nodeUp), 5 * minute)), "<", 0.964),
  ),
  forMilliseconds: 5 * minute,
  severity: "warning",
  component: "fleet",
  summary: "nodes reported {{ value | percent }} of the last hour",
  description:
    "The objective is fresh samples of 995 nodes in a thousand. At this rate a month's allowance is gone within two days.",
  source:
    "Google's SRE workbook: 14.4 times the allowance of 0.5 %, is 7.2 % of stale time over an hour; half of that still in the last five minutes.",
});
