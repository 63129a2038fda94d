/** The flags of a synthetic fleet, and whether they ask for one; apart from the fleet, which an agent of real hardware doesn't load. */
import type { FlagValues } from "../agent/config.ts";
import { WarpwatchError } from "../core/kit/errors.ts";
import { modelNames } from "../simulator/models.ts";
import { scenarioNames } from "../simulator/scenarios.ts";
import type { FlagTable } from "./command.ts";

export const gpusPerNode = 8;

export const syntheticFlags = {
  synthetic: {
    type: "boolean",
    value: "",
    help: "Measure a synthetic fleet instead of this machine.",
  },
  "synthetic.gpus": {
    type: "string",
    default: "8",
    value: "count",
    help: `GPUs of the synthetic fleet, on nodes of ${gpusPerNode}.`,
  },
  "synthetic.model": {
    type: "string",
    default: "H100",
    value: "name",
    help: `Its GPUs' model: ${modelNames.join(", ")}.`,
  },
  "synthetic.seed": {
    type: "string",
    default: "1",
    value: "number",
    help: "The same seed gives the same fleet and the same readings.",
  },
  "synthetic.scenario": {
    type: "string",
    default: "quiet",
    value: "name|file",
    help: `What breaks and when: ${scenarioNames.join(", ")}, or a fault script of your own.`,
  },
} as const satisfies FlagTable;

/** Throws FLAG_INVALID for what has no meaning without a fleet. */
export function wantsSynthetic(flags: FlagValues): boolean {
  if (flags["synthetic"] === true) return true;
  const stray = Object.keys(flags).find((name) => name.startsWith("synthetic."));
  if (stray !== undefined)
    throw new WarpwatchError("FLAG_INVALID", `--${stray}: needs --synthetic`);
  return false;
}
