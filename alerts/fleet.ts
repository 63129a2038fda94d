/** Rules about who is missing from the fleet, over the frame that the collector's membership sends. */
import { fleet } from "../core/catalog/index.ts";
import { compare, subtract, value } from "./expression.ts";
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
