/** Every source of the agent on real hardware: an explicit list, in the order in which they are read. */
import { gpuSources } from "./gpu/all.ts";
import { hostSources } from "./host/all.ts";
import { createInventorySource } from "./inventory.ts";
import type { Source } from "./source.ts";

export function realSources(): Source[] {
  return [...hostSources, ...gpuSources(), createInventorySource()];
}
