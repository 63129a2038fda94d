/** Every source of the agent on real hardware: an explicit list, in the order in which they are read. */
import { defaultCollectors, type CollectorChoice } from "../collector-flags.ts";
import { createGpuProcessesSource } from "../attribution/processes-source.ts";
import { createAttributionSource } from "../attribution/source.ts";
import { gpuSources } from "./gpu/all.ts";
import { createServedSeries } from "./gpu/served-series.ts";
import { createHostSources } from "./host/all.ts";
import { createOptionalSources } from "./host/optional.ts";
import { createTextfileSource } from "./host/textfile.ts";
import { createInventorySource } from "./inventory.ts";
import { createKernelLogSource } from "./kernel-log/kernel-log.ts";
import { probesSource } from "./probes.ts";
import type { Source } from "./source.ts";

/** Those that the choice leaves on. */
export function realSources(choice: CollectorChoice = defaultCollectors): Source[] {
  return knownSources(choice).filter(({ name }) => !choice.off.has(name));
}

/** Those that are off too. */
export function knownSources({ options }: CollectorChoice = defaultCollectors): Source[] {
  const served = createServedSeries();
  return [
    ...createHostSources(options),
    createTextfileSource(options.textfile.folder),
    ...createOptionalSources(options),
    ...gpuSources(options.gpu, served),
    served.follow(createKernelLogSource()),
    createGpuProcessesSource(options.attribution),
    createAttributionSource(options.attribution),
    createInventorySource(),
    probesSource,
  ];
}
