/** The host's sources: an explicit list, in the order in which they are read. */
import type { Source } from "../source.ts";
import { createCpuSource } from "./cpu.ts";
import { createFileShare } from "./kept-file.ts";
import { loadavgSource } from "./loadavg.ts";

const share = createFileShare();

export const hostSources: readonly Source[] = [createCpuSource(share), loadavgSource];
