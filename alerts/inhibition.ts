/** What says nothing new while its cause is told: one list for Alertmanager's configuration and the collector's own notifiers. */
import { probeHangs, sourceDown } from "./agent.ts";
import { agentGone, agentsGone, gpuMissing, nodeLost } from "./fleet.ts";
import { gpuHot, gpuXid } from "./gpu.ts";
import {
  gpuDriverUnresponsive,
  gpuLost,
  gpuNvlinkDown,
  gpuRowRemapFailed,
  gpuThermalSlowdown,
} from "./gpu-faults.ts";
import {
  correctableEccRate,
  gpuTelemetryMissing,
  hotterThanSiblings,
  remapBanksLow,
  thermalMarginLow,
} from "./gpu-health.ts";
import { portDown } from "./infiniband.ts";
import {
  agentDown,
  agentsDown,
  collectorDown,
  correctedAboveFleet,
  hotterThanJob,
  nvlinksBelowFleet,
  portNotBack,
} from "./prometheus-only.ts";
import { missingSuffix } from "./prometheus.ts";
import type { Rule } from "./rule.ts";

/** A condition on one label as Alertmanager has it: a regular expression must match the whole value, and a label that isn't there is empty. */
export interface LabelMatcher {
  readonly label: string;
  readonly op: "=" | "!=" | "=~" | "!~";
  readonly value: string;
}

export interface Inhibition {
  /** While an alert that matches all of these fires … */
  readonly source: readonly LabelMatcher[];
  /** … those that match all of these aren't told … */
  readonly target: readonly LabelMatcher[];
  /** … where these labels have the same values. One that both lack counts as the same: each source here carries all of its own. */
  readonly equal: readonly string[];
  /** In the collector itself, whose alerts about another node carry no instance; `equal` when left out. */
  readonly equalInCollector?: readonly string[];
}

const missing = `.+${missingSuffix}`;
const sameGpu = ["instance", "UUID"];
const sameTarget = ["job", "instance"];
const lesser: LabelMatcher = { label: "severity", op: "!=", value: "critical" };
const ofGpu: LabelMatcher = { label: "component", op: "=", value: "gpu" };

/** A warning hides nothing that pages, and no GPU's fault hides another GPU's. */
export const inhibitions: readonly Inhibition[] = [
  {
    ...hides(agentsGone, [named(agentGone, nodeLost)], sameTarget),
    equalInCollector: [],
  },
  // A page that stands for all that its node would say, pages of its GPUs among them.
  hides(nodeLost, [{ label: "component", op: "!=", value: "fleet" }], ["node"]),
  hides(agentGone, [lesser], ["node"]),
  hides(gpuMissing, [named(gpuLost, `Gpu${missing}`)], ["node"]),
  hides(gpuLost, [ofGpu, lesser], sameGpu),
  hides(gpuLost, [named(gpuThermalSlowdown, gpuNvlinkDown)], sameGpu),
  hides(gpuXid, [ofGpu, lesser], sameGpu),
  hides(
    gpuDriverUnresponsive,
    [named(probeHangs, sourceDown, gpuTelemetryMissing, `Gpu${missing}`)],
    ["instance"],
  ),
  hides(gpuThermalSlowdown, [named(thermalMarginLow, gpuHot)], sameGpu),
  hides(gpuRowRemapFailed, [named(remapBanksLow)], sameGpu),
  // Compared with its node and with the fleet, a GPU is told of once.
  hides(gpuNvlinkDown, [named(nvlinksBelowFleet)], sameGpu),
  hides(portDown, [named(portNotBack)], ["instance", "device", "port"]),
  hides(hotterThanSiblings, [named(hotterThanJob)], sameGpu),
  hides(correctableEccRate, [named(correctedAboveFleet)], sameGpu),
  hides(collectorDown, [named(missing)], sameTarget),
  hides(agentDown, [named(missing)], sameTarget),
  hides(agentsDown, [named(agentDown)], ["cluster", "job"]),
];

/** Never itself, and never what is about telling people. */
function hides(
  source: Rule,
  target: readonly LabelMatcher[],
  equal: readonly string[],
): Inhibition {
  return {
    source: [named(source)],
    target: [
      ...target,
      { label: "alertname", op: "!=", value: source.name },
      { label: "component", op: "!=", value: "delivery" },
    ],
    equal,
  };
}

/** A matcher of these alerts. */
export function named(...rules: readonly (Rule | string)[]): LabelMatcher {
  const names = rules.map((rule) => (typeof rule === "string" ? rule : rule.name));
  const plain = names.length === 1 && typeof rules[0] !== "string";
  return { label: "alertname", op: plain ? "=" : "=~", value: names.join("|") };
}
