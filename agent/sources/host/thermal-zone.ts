/** Thermal zones and cooling devices from /sys/class/thermal, as the kernel's thermal/sysfs-api document has it. */
import { join } from "node:path";
import {
  coolingState,
  coolingStateMaximum,
  zoneTemperature,
} from "../../../core/catalog/sensors.ts";
import type { Source } from "../source.ts";
import { openListedReader } from "./listed-reader.ts";
import { missing } from "./missing.ts";

export const thermalZoneSource: Source = {
  name: "thermal_zone",
  metrics: [zoneTemperature, coolingState, coolingStateMaximum],
  sampling: "steady",
  open({ env }) {
    const folder = join(env.paths.sysfs, "class/thermal");
    return openListedReader({
      clock: env.clock,
      relistMilliseconds: 60_000,
      fromHardware: true,
      absent: missing("thermal_zone", env.paths, folder),
      list(listing) {
        for (const name of listing.folder(folder, /^thermal_zone\d+$/)) {
          const type = listing.text(join(folder, name, "type"));
          const zone = name.slice("thermal_zone".length);
          listing.value(
            join(folder, name, "temp"),
            zoneTemperature,
            { zone, type },
            {
              divisor: 1000,
            },
          );
        }
        for (const device of listing.folder(folder, /^cooling_device\d+$/)) {
          const type = listing.text(join(folder, device, "type"));
          const labels = { name: device.slice("cooling_device".length), type };
          listing.value(join(folder, device, "cur_state"), coolingState, labels);
          listing.value(join(folder, device, "max_state"), coolingStateMaximum, labels, {
            settled: true,
          });
        }
      },
    });
  },
};
