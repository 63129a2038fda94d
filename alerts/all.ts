/** Every rule, in the order of the pages; a new rule is added to its subject's file and, with a new file, here. */
import * as agent from "./agent.ts";
import * as certificates from "./certificates.ts";
import * as collector from "./collector.ts";
import * as fleet from "./fleet.ts";
import * as gpu from "./gpu.ts";
import * as gpuFaults from "./gpu-faults.ts";
import * as gpuHealth from "./gpu-health.ts";
import * as gpuNeutral from "./gpu-neutral.ts";
import * as gpuUse from "./gpu-use.ts";
import * as host from "./host.ts";
import * as hostCapacity from "./host-capacity.ts";
import * as hostFaults from "./host-faults.ts";
import * as hostHardware from "./host-hardware.ts";
import * as hostHealth from "./host-health.ts";
import * as inference from "./inference.ts";
import * as infiniband from "./infiniband.ts";
import * as kernelLog from "./kernel-log.ts";
import * as kubernetes from "./kubernetes.ts";
import * as learned from "./learned.ts";
import * as objectives from "./objectives.ts";
import * as prometheusOnly from "./prometheus-only.ts";
import type { Rule } from "./rule.ts";

const subjects: readonly object[] = [
  fleet,
  gpu,
  gpuFaults,
  gpuHealth,
  gpuUse,
  gpuNeutral,
  infiniband,
  host,
  hostHardware,
  hostHealth,
  hostFaults,
  kernelLog,
  hostCapacity,
  learned,
  kubernetes,
  inference,
  agent,
  collector,
  objectives,
  certificates,
  prometheusOnly,
];

export const allRules: readonly Rule[] = Object.freeze(
  subjects.flatMap((subject) =>
    // A module's exports come in another order from a bundler than from Node.js.
    Object.values(subject)
      .filter((value: unknown) => isRule(value))
      .toSorted((one, other) => (one.name < other.name ? -1 : 1)),
  ),
);

/** Those that the collector itself can judge. */
export const judgedRules = allRules.filter(({ prometheusOnly: reason }) => reason === undefined);
/** Those that it judges when nobody says otherwise. */
export const defaultRules = judgedRules.filter(({ onByDefault }) => onByDefault);
/** What Prometheus is given, and what it may be given beside it. */
export const shippedRules = allRules.filter(({ onByDefault }) => onByDefault);
export const optionalRules = allRules.filter(({ onByDefault }) => !onByDefault);

function isRule(value: unknown): value is Rule {
  return typeof value === "object" && value !== null && "runbookUrl" in value;
}
