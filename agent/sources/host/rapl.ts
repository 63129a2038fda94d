/** Energy that processors and memory have taken, from /sys/class/powercap, as the kernel's power/powercap document has it. */
import { join } from "node:path";
import { zoneEnergy } from "../../../core/catalog/sensors.ts";
import type { Source } from "../source.ts";
import { openListedReader } from "./listed-reader.ts";

const microjoulesPerJoule = 1e6;

export const raplSource: Source = {
  name: "rapl",
  metrics: [zoneEnergy],
  sampling: "fast",
  open({ env }) {
    const folder = join(env.paths.sysfs, "class/powercap");
    return openListedReader({
      clock: env.clock,
      relistMilliseconds: 60_000,
      absent: `no energy counter under ${folder} can be read: the processor has none, or only root may read it`,
      list(listing) {
        /** How often a name was met: what has no number of its own is counted through. */
        const met = new Map<string, number>();
        for (const zone of listing.folder(folder).toSorted()) {
          const path = join(folder, zone);
          const name = listing.text(join(path, "name"));
          if (name === "") continue;
          const numbered = /^([^-]+)-(\d+)$/.exec(name);
          const bare = numbered?.[1] ?? name;
          const index = numbered ? Number(numbered[2]) : (met.get(bare) ?? 0);
          met.set(bare, index + 1);
          const metric = zoneEnergy.metric(bare.replaceAll(/_*[^0-9A-Za-z_]+_*/g, "_"));
          const labels = { index: String(index), path };
          listing.value(join(path, "energy_uj"), metric, labels, { divisor: microjoulesPerJoule });
        }
      },
    });
  },
};
