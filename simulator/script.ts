/** The fault script: YAML that says what breaks, where, when, how badly and for how long; every mistake named by file, line and key. */
import { z } from "zod";
import { durationSchema, loadConfigFile, parseConfig } from "../core/kit/config.ts";
import { faultDefinitions, faultKinds, type FaultKind } from "./fault-kinds.ts";
import { mounts } from "./host-columns.ts";
import { workloads, type Workload } from "./jobs.ts";
import { scenarioText, type ScenarioName } from "./scenarios.ts";

/** Times are simulated time: with a `time_scale` of 60 an hour of them passes in a minute. */
export interface Fault {
  /** From the fleet's start; from now when it is injected. */
  readonly atMilliseconds: number;
  readonly node: number;
  /** Index on its node; null for a fault of the whole node. */
  readonly gpu: number | null;
  readonly kind: FaultKind;
  /** 0 to 1; docs/simulator.md says what it means for each kind. */
  readonly severity: number;
  /** Null for the kind's own. */
  readonly durationMilliseconds: number | null;
  /** For `xid`. */
  readonly code: number | null;
  /** For `filesystem_fill`. */
  readonly mountpoint: string | null;
}

export interface Scenario {
  readonly workload: Workload;
  /** How many simulated seconds pass in one. */
  readonly timeScale: number;
  readonly faults: readonly Fault[];
}

/** What the script's nodes and GPUs are checked against. */
export interface FleetSize {
  readonly nodes: number;
  readonly gpusPerNode: number;
}

export const maximumFaults = 10_000;
const largestFleet: FleetSize = { nodes: 10_000, gpusPerNode: 10_000 };

/** Throws ConfigError when the fleet is too small for it: `demo` needs two nodes of eight. */
export function builtInScenario(name: ScenarioName, size?: FleetSize): Scenario {
  return parseScenario(scenarioText(name), `scenario ${name}`, size);
}

/** Throws ConfigError. */
export function loadScenario(file: string, size?: FleetSize): Scenario {
  return loadConfigFile(file, scenarioSchema(size ?? largestFleet));
}

/** Throws ConfigError; `file` is what its sentences call the text. */
export function parseScenario(text: string, file: string, size?: FleetSize): Scenario {
  return parseConfig(text, file, scenarioSchema(size ?? largestFleet));
}

/** What is wrong with a fault, as key and sentence; empty when it can be played on a fleet of this size. */
export function checkFault(fault: Fault, size: FleetSize): { key: string; sentence: string }[] {
  const found: { key: string; sentence: string }[] = [];
  const complain = (key: string, sentence: string): void => void found.push({ key, sentence });
  const { target, durationSeconds } = faultDefinitions[fault.kind];
  if (fault.node >= size.nodes)
    complain("node", `there is no node ${fault.node}; the fleet has ${size.nodes}, from 0`);
  if (target === "gpu" && fault.gpu === null) complain("gpu", `${fault.kind} needs a gpu`);
  if (target === "node" && fault.gpu !== null)
    complain("gpu", `${fault.kind} strikes a whole node; take gpu out`);
  if (fault.gpu !== null && fault.gpu >= size.gpusPerNode)
    complain("gpu", `there is no gpu ${fault.gpu}; a node has ${size.gpusPerNode}, from 0`);
  if (fault.durationMilliseconds !== null && durationSeconds === 0)
    complain("duration", `${fault.kind} happens once; take duration out`);
  if (fault.durationMilliseconds !== null && durationSeconds === Infinity)
    complain("duration", `${fault.kind} stays until the board is replaced; take duration out`);
  if (fault.durationMilliseconds === 0) complain("duration", "has to be longer than 0");
  if (fault.kind === "xid" && fault.code === null) complain("code", "an xid needs its code");
  if (fault.kind !== "xid" && fault.code !== null) complain("code", "only an xid has a code");
  if (fault.mountpoint !== null && fault.kind !== "filesystem_fill")
    complain("mountpoint", "only filesystem_fill has a mountpoint");
  return found;
}

function scenarioSchema(size: FleetSize): z.ZodType<Scenario> {
  return z
    .strictObject({
      workload: z.enum(workloads).default("mixed"),
      time_scale: z.number().min(0.01).max(100_000).default(1),
      faults: z.array(faultSchema(size)).max(maximumFaults).default([]),
    })
    .transform((script) => ({
      workload: script.workload,
      timeScale: script.time_scale,
      faults: script.faults,
    }));
}

function faultSchema(size: FleetSize) {
  return z
    .strictObject({
      at: durationSchema,
      node: z.int().min(0),
      gpu: z.int().min(0).optional(),
      kind: z.enum(faultKinds),
      severity: z.number().min(0).max(1).default(0.5),
      duration: durationSchema.optional(),
      code: z.int().min(1).max(999).optional(),
      mountpoint: z.enum(mounts.map((mount) => mount.mountpoint)).optional(),
    })
    .transform((entry, context): Fault => {
      const fault: Fault = {
        atMilliseconds: entry.at,
        node: entry.node,
        gpu: entry.gpu ?? null,
        kind: entry.kind,
        severity: entry.severity,
        durationMilliseconds: entry.duration ?? null,
        code: entry.code ?? null,
        mountpoint: entry.mountpoint ?? null,
      };
      for (const { key, sentence } of checkFault(fault, size))
        context.addIssue({ code: "custom", path: [key], message: sentence });
      return fault;
    });
}
