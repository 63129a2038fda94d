/** By which of the ways to a GPU the agent reads, and why not by the others. */
import { existsSync } from "node:fs";
import { controlPath } from "../../agent/control.ts";
import { singleLine } from "../../core/kit/errors.ts";
import { ok, unknown, warn, type Check } from "./check.ts";
import { askSources, type SourceState } from "./processes.ts";

/** The best first. */
const ways = ["nvml", "dcgm", "nvidia_smi", "amdgpu", "intel_gpu", "tpu"];

export const gpuSourcesCheck: Check = {
  name: "GPU sources",
  meaning: "the best way to a GPU that works is read, and the others stand by",
  async run({ stateFolder }) {
    if (!existsSync(controlPath(stateFolder)))
      return unknown(
        `no agent can be asked (${stateFolder} has no agent.sock)`,
        "start one: warpwatch agent, or warpwatch up",
      );
    const sources = await askSources(stateFolder);
    const known = ways.flatMap((way) => sources.find(({ name }) => name === way) ?? []);
    const found = known.map(describe).join("; ");
    return known.some(({ state }) => state === "down")
      ? warn(found, "mend what is down, or leave it so where a better one is up")
      : ok(found === "" ? "it reads no GPU" : found);
  },
};

function describe({ name, state, reason }: SourceState): string {
  if (state === "up") return `${name} is read`;
  return `${name} is ${state}${reason === "" ? "" : ` (${singleLine(reason)})`}`;
}
