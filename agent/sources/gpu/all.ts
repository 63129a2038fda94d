/** Every GPU source, in the order in which they are tried. */
import type { Source } from "../source.ts";
import { createNvidiaSmiSource } from "./nvidia-smi.ts";

export function gpuSources(): Source[] {
  return [createNvidiaSmiSource()];
}
