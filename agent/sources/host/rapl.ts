/** Energy that processors and memory have taken, from /sys/class/powercap, as the kernel's power/powercap document has it. */
import { join } from "node:path";
import { labelledZoneEnergy, zoneEnergy } from "../../../core/catalog/sensors.ts";
import type { Source } from "../source.ts";
import { openListedReader } from "./listed-reader.ts";
import type { HostOptions } from "./options.ts";
import { missing } from "./missing.ts";

const microjoulesPerJoule = 1e6;

export function createRaplSource({ zoneLabel }: HostOptions["rapl"]): Source {
  return {
    name: "rapl",
    metrics: [zoneEnergy, labelledZoneEnergy],
    sampling: "fast",
    open({ env }) {
      const folder = join(env.paths.sysfs, "class/powercap");
      return openListedReader({
        clock: env.clock,
        relistMilliseconds: 60_000,
        absent: missing("rapl", env.paths, folder),
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
            const labels = { index: String(index), path };
            const file = join(path, "energy_uj");
            const options = { divisor: microjoulesPerJoule };
            if (zoneLabel)
              listing.value(file, labelledZoneEnergy, { ...labels, rapl_zone: bare }, options);
            else listing.value(file, zoneEnergy.metric(metricPart(bare)), labels, options);
          }
        },
      });
    },
  };
}

function metricPart(zone: string): string {
  return zone.replaceAll(/_*[^0-9A-Za-z_]+_*/g, "_");
}
