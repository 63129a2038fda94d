/** What software arrays lack from /sys/block/md*\/md, as the kernel's admin-guide/md document has it. */
import { join } from "node:path";
import { arrayDegradedDisks, arrayRaidDisks } from "../../../core/catalog/volumes.ts";
import type { Source } from "../source.ts";
import { openListedReader } from "./listed-reader.ts";

/** Their file says how many disks are missing; arrays of other levels have no disk to spare. */
const redundant = /^raid(1|4|5|6|10)$/;
/** These only hold other arrays. */
const containers: ReadonlySet<string> = new Set(["container", "imsm", "ddf"]);

/** Beside the source `mdadm`, which node_exporter has them in: those are read from another place. */
export const mdadmDetailsSource: Source = {
  name: "mdadm_details",
  metrics: [arrayRaidDisks, arrayDegradedDisks],
  sampling: "fast",
  open({ env }) {
    const folder = join(env.paths.sysfs, "block");
    return openListedReader({
      clock: env.clock,
      absent: `no array is under ${folder}: none is assembled`,
      list(listing) {
        for (const device of listing.folder(folder, /^md/)) {
          const own = join(folder, device, "md");
          const level = listing.text(join(own, "level"));
          if (level !== "" && !containers.has(level))
            listing.value(
              join(own, "raid_disks"),
              arrayRaidDisks,
              { device },
              { parse: parseDisks },
            );
          if (redundant.test(level))
            listing.value(join(own, "degraded"), arrayDegradedDisks, { device });
          else if (level !== "") listing.fact(arrayDegradedDisks, { device }, 0);
        }
      },
    });
  },
};

/** `5`, and while an array is reshaped `6 (5)`. */
function parseDisks(text: string): number {
  return Number(/^(\d+)( \(\d+\))?$/.exec(text)?.[1] ?? Number.NaN);
}
