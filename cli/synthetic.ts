/** A synthetic fleet from the command line: its sources, and faults injected while it runs. */
import { join } from "node:path";
import { createSyntheticGpuSource } from "../agent/sources/synthetic/gpu.ts";
import { createSyntheticHostSource } from "../agent/sources/synthetic/host.ts";
import type { Source } from "../agent/sources/source.ts";
import type { FlagValues } from "../agent/config.ts";
import { ConfigError } from "../core/kit/config.ts";
import type { Env } from "../core/kit/env.ts";
import { WarpwatchError } from "../core/kit/errors.ts";
import { createFleet, type Fleet } from "../simulator/fleet.ts";
import { maximumGpus } from "../simulator/fleet-options.ts";
import { modelNames, type ModelName } from "../simulator/models.ts";
import { isScenarioName } from "../simulator/scenarios.ts";
import {
  builtInScenario,
  loadScenario,
  parseScenario,
  type FleetSize,
  type Scenario,
} from "../simulator/script.ts";
import { gpusPerNode, syntheticFlags } from "./synthetic-flags.ts";

/** Throws FLAG_INVALID, SCENARIO_INVALID or a ConfigError. */
export function syntheticFleet(flags: FlagValues, env: Env, quietMilliseconds = 0): Fleet {
  const gpus = wholeNumber("synthetic.gpus", textOf(flags, "synthetic.gpus"), 1, maximumGpus);
  const perNode = Math.min(gpus, gpusPerNode);
  if (gpus % perNode !== 0)
    refuse("synthetic.gpus", `more than ${gpusPerNode} come in nodes of ${gpusPerNode}`);
  const size: FleetSize = { nodes: gpus / perNode, gpusPerNode: perNode };
  return createFleet({
    ...size,
    seed: wholeNumber("synthetic.seed", textOf(flags, "synthetic.seed"), 0, 2 ** 31),
    model: modelOf(textOf(flags, "synthetic.model")),
    scenario: later(scenarioOf(textOf(flags, "synthetic.scenario"), size), quietMilliseconds),
    startMilliseconds: env.clock.now(),
  });
}

/** Apart from the real machine's state: a synthetic node that is no more must not be missed. */
export function syntheticStateFolder(folder: string): string {
  return join(folder, "synthetic");
}

export function syntheticSources(fleet: Fleet, node: number): Source[] {
  return [createSyntheticGpuSource(fleet, node), createSyntheticHostSource(fleet, node)];
}

/** Plays a fault that came as JSON, in the words of a fault script; its `at` counts from now. */
export function injectInto(
  fleet: Fleet,
  fault: Readonly<Record<string, unknown>>,
): { readonly kind: string; readonly node: string } {
  const size: FleetSize = { nodes: fleet.nodes.length, gpusPerNode: fleet.gpusPerNode };
  const script = JSON.stringify({ faults: [{ at: "0", node: 0, ...fault }] });
  const [parsed] = faultsOf(script, size);
  if (!parsed) throw new WarpwatchError("SCENARIO_INVALID", "there is no fault to play");
  fleet.injectFault(parsed);
  return { kind: parsed.kind, node: fleet.nodes[parsed.node]?.name ?? "" };
}

/** Mistakes are told by the fault's own key: a file and a line would be of a script that nobody wrote. */
function faultsOf(script: string, size: FleetSize): Scenario["faults"] {
  try {
    return parseScenario(script, "inject", size).faults;
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    const mistakes = thrown.issues.map(
      ({ key, sentence }) => `${key.replace(/^faults\.0\./, "")}: ${sentence}`,
    );
    throw new WarpwatchError("SCENARIO_INVALID", mistakes.join("; "), { cause: thrown });
  }
}

/** The same script after so much quiet time of the caller's clock. */
function later(scenario: Scenario, quietMilliseconds: number): Scenario {
  const quiet = quietMilliseconds * scenario.timeScale;
  const faults = scenario.faults.map((fault) => ({
    ...fault,
    atMilliseconds: fault.atMilliseconds + quiet,
  }));
  return { ...scenario, faults };
}

function scenarioOf(text: string, size: FleetSize): Scenario {
  return isScenarioName(text) ? builtInScenario(text, size) : loadScenario(text, size);
}

function modelOf(text: string): ModelName {
  const found = modelNames.find((name) => name.toLowerCase() === text.toLowerCase());
  return found ?? refuse("synthetic.model", `"${text}" is not one of ${modelNames.join(", ")}`);
}

function wholeNumber(flag: string, text: string, lowest: number, highest: number): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < lowest || number > highest)
    refuse(flag, `"${text}" is not a whole number from ${lowest} to ${highest}`);
  return number;
}

function textOf(
  flags: FlagValues,
  name: Exclude<keyof typeof syntheticFlags, "synthetic">,
): string {
  const value = flags[name] ?? syntheticFlags[name].default;
  return typeof value === "string" ? value : refuse(name, "needs one value");
}

function refuse(flag: string, sentence: string): never {
  throw new WarpwatchError("FLAG_INVALID", `--${flag}: ${sentence}`);
}
