/** Rules about who is missing from the fleet, over the frame that the collector's membership sends. */
import { fleet } from "../core/catalog/index.ts";
import { aggregate, both, compare, subtract, value } from "./expression.ts";
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

export const nodeLost = defineRule({
  name: "NodeLost",
  condition: compare(value(fleet.nodeUp), "==", 0),
  forMilliseconds: 10 * minute,
  severity: "critical",
  component: "fleet",
  summary: "{{ node }} is lost: nothing of it has been heard for ten minutes",
  description:
    "It was expected, nobody planned its removal, and it is longer gone than a reboot takes. What ran on it is dead or out of sight; this page stands for all that the node's own alerts would say.",
  source:
    "Ten minutes, after which kubernetes-mixin tells of a target that is down. A node that was scaled in, drained or reclaimed is no longer expected and says nothing.",
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
    "A tenth or more of the fleet fell silent at once: the network, the collector or a roll-out rather than the nodes. Hides AgentGone and NodeLost.",
  source:
    "Alertmanager's mixin pages by cluster in the same way. A tenth of ten nodes or more; fewer are told one by one.",
});
