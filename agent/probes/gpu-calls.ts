/** The calls of the `gpu` probe: what asks GPU drivers and the libraries over them. */
import type { ProbeCall } from "./serve.ts";

export const gpuCalls: Readonly<Record<string, ProbeCall>> = {};
