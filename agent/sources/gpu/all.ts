/** Every GPU source. Of NVIDIA's the best comes first: where NVML serves, nvidia-smi isn't started. */
import type { Source } from "../source.ts";
import { createAmdgpuSource } from "./amdgpu.ts";
import { createDcgmSources, type DcgmFlags } from "./dcgm.ts";
import { createIntelGpuSource } from "./intel-gpu.ts";
import { createNvidiaSmiDetails } from "./nvidia-smi-details.ts";
import { createSiblings } from "./nvidia-smi-process.ts";
import { createNvidiaSmiSource } from "./nvidia-smi.ts";
import { createNvmlSources } from "./nvml.ts";
import type { ServedSeries } from "./served-series.ts";
import { eitherOf, standBy } from "./stand-by.ts";
import { createTpuSource } from "./tpu.ts";

export interface GpuOptions {
  readonly dcgm: DcgmFlags;
}

/** `served` notes what the sources before DCGM tell, so that it tells the rest. */
export function gpuSources({ dcgm: flags }: GpuOptions, served: ServedSeries): Source[] {
  const nvml = createNvmlSources();
  const dcgm = createDcgmSources(flags, served, nvml);
  return [
    ...nvml.sources.map((source) => served.follow(source)),
    ...dcgm.sources,
    ...nvidiaSmiSources().map((source) => standBy(source, eitherOf([nvml, dcgm]))),
    createAmdgpuSource(),
    createIntelGpuSource(),
    createTpuSource(),
  ];
}

/** They know of each other's processes: while one hangs in the driver nobody starts another. */
function nvidiaSmiSources(): Source[] {
  const siblings = createSiblings();
  return [createNvidiaSmiSource({ siblings }), ...createNvidiaSmiDetails({ siblings })];
}
