/** Clocks of processors from /sys/devices/system/cpu/cpu<N>/cpufreq, as the kernel's cpufreq document has it. */
import { join } from "node:path";
import * as details from "../../../core/catalog/cpu-details.ts";
import type { Source } from "../source.ts";
import { parseRanges } from "./cpu-details.ts";
import { openListedReader } from "./listed-reader.ts";
import { missing } from "./missing.ts";

/** The files give kilohertz. Current clocks are asked of the processor, up to milliseconds each: the source isn't a fast one. */
const hertzPerKilohertz = 1000;
const movingFiles = [
  ["cpuinfo_cur_freq", details.frequency],
  ["cpuinfo_avg_freq", details.frequencyAverage],
  ["scaling_cur_freq", details.scalingFrequency],
] as const;
const settledFiles = [
  ["cpuinfo_min_freq", details.frequencyMinimum],
  ["cpuinfo_max_freq", details.frequencyMaximum],
  ["scaling_min_freq", details.scalingFrequencyMinimum],
  ["scaling_max_freq", details.scalingFrequencyMaximum],
] as const;

export const cpufreqSource: Source = {
  name: "cpufreq",
  metrics: [
    ...movingFiles.map(([, metric]) => metric),
    ...settledFiles.map(([, metric]) => metric),
    details.scalingGovernor,
  ],
  sampling: "steady",
  open({ env }) {
    const folder = join(env.paths.sysfs, "devices/system/cpu");
    return openListedReader({
      clock: env.clock,
      relistMilliseconds: 60_000,
      fromHardware: true,
      absent: missing("cpufreq", env.paths, join(folder, "cpu0/cpufreq")),
      list(listing) {
        const offline = new Set(parseRanges(listing.text(join(folder, "offline"))));
        for (const name of listing.folder(folder, /^cpu\d+$/)) {
          const cpu = name.slice("cpu".length);
          if (offline.has(Number(cpu))) continue;
          const own = join(folder, name, "cpufreq");
          for (const [file, metric] of movingFiles)
            listing.value(join(own, file), metric, { cpu }, { multiplier: hertzPerKilohertz });
          for (const [file, metric] of settledFiles)
            listing.value(
              join(own, file),
              metric,
              { cpu },
              { multiplier: hertzPerKilohertz, settled: true },
            );
          const governor = listing.text(join(own, "scaling_governor"));
          if (governor === "") continue;
          const known = listing.text(join(own, "scaling_available_governors")).split(/\s+/);
          for (const one of known)
            if (one !== "")
              listing.fact(
                details.scalingGovernor,
                { cpu, governor: one },
                one === governor ? 1 : 0,
              );
        }
      },
    });
  },
};
