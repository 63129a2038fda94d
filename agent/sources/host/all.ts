/** The host's sources: an explicit list, in the order in which they are read. */
import type { Source } from "../source.ts";
import { createCpuSource } from "./cpu.ts";
import { diskstatsSource } from "./diskstats.ts";
import { filesystemSource } from "./filesystem.ts";
import { createFileShare } from "./kept-file.ts";
import { loadavgSource } from "./loadavg.ts";
import { meminfoSource } from "./meminfo.ts";
import { netdevSource } from "./netdev.ts";
import { osSource } from "./os.ts";
import { pressureSource } from "./pressure.ts";
import { createStatSource } from "./stat.ts";
import { timeSource } from "./time.ts";
import { unameSource } from "./uname.ts";
import { vmstatSource } from "./vmstat.ts";

const share = createFileShare();

export const hostSources: readonly Source[] = [
  createCpuSource(share),
  createStatSource(share),
  loadavgSource,
  meminfoSource,
  vmstatSource,
  pressureSource,
  diskstatsSource,
  filesystemSource,
  netdevSource,
  timeSource,
  unameSource,
  osSource,
];
