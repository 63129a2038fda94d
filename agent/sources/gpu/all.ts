/** Every GPU source. Of NVIDIA's the best comes first: where NVML serves, nvidia-smi isn't started. */
import type { Source } from "../source.ts";
import { createAmdgpuSource } from "./amdgpu.ts";
import { createIntelGpuSource } from "./intel-gpu.ts";
import { createNvidiaSmiSource } from "./nvidia-smi.ts";
import { createNvmlSources } from "./nvml.ts";
import { standBy } from "./stand-by.ts";
import { createTpuSource } from "./tpu.ts";

export function gpuSources(): Source[] {
  const nvml = createNvmlSources();
  return [
    ...nvml.sources,
    standBy(createNvidiaSmiSource(), nvml),
    createAmdgpuSource(),
    createIntelGpuSource(),
    createTpuSource(),
  ];
}
