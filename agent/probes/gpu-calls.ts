/** The calls of the `gpu` probe: what asks GPU drivers and the libraries over them. */
import { createSystemClock } from "../../core/kit/clock.ts";
import { createDcgmCalls } from "./dcgm/calls.ts";
import { createNvmlCalls } from "./nvml/calls.ts";
import type { ProbeCall } from "./serve.ts";

const clock = createSystemClock();

export const gpuCalls: Readonly<Record<string, ProbeCall>> = {
  ...createNvmlCalls(() => clock.monotonic()),
  ...createDcgmCalls(),
};
