/** One node of the synthetic fleet as sources: to rules and dashboards it looks like a whole machine. */
import type { Fleet } from "../../simulator/fleet.ts";
import type { Source } from "./source.ts";
import { createSyntheticGpuSource } from "./synthetic/gpu.ts";
import { createSyntheticHostSource } from "./synthetic/host.ts";

export interface SyntheticOptions {
  /** May be shared by the sources of all its nodes. */
  readonly fleet: Fleet;
  /** Which node, from 0. */
  readonly node: number;
}

export function createSyntheticSources({ fleet, node }: SyntheticOptions): Source[] {
  if (!fleet.nodes[node]) throw new RangeError(`the synthetic fleet has no node ${node}`);
  return [createSyntheticGpuSource(fleet, node), createSyntheticHostSource(fleet, node)];
}
