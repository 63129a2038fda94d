/** Every source of the agent on real hardware: an explicit list, in the order in which they are read. */
import { everyCollector, type CollectorChoice } from "../collector-flags.ts";
import { gpuSources } from "./gpu/all.ts";
import { hostSources } from "./host/all.ts";
import { createTextfileSource } from "./host/textfile.ts";
import { createInventorySource } from "./inventory.ts";
import { probesSource } from "./probes.ts";
import type { Source } from "./source.ts";

export function realSources(choice: CollectorChoice = everyCollector): Source[] {
  const host = [...hostSources, createTextfileSource(choice.textfileFolder)];
  return [
    ...host.filter(({ name }) => !choice.off.has(name)),
    ...gpuSources(),
    createInventorySource(),
    probesSource,
  ];
}
