/** Devices with several paths from /sys/block/dm-*: the device mapper's own files, and the state of what is below them. */
import { join } from "node:path";
import * as volumes from "../../../core/catalog/volumes.ts";
import type { Source } from "../source.ts";
import { openListedReader, type Listing } from "./listed-reader.ts";

const bytesPerSector = 512;
/** What SCSI and NVMe call a path that works. */
const workingStates: ReadonlySet<string> = new Set(["running", "live"]);

export const dmmultipathSource: Source = {
  name: "dmmultipath",
  metrics: [
    volumes.multipathInfo,
    volumes.multipathActive,
    volumes.multipathSize,
    volumes.multipathPaths,
    volumes.multipathPathsActive,
    volumes.multipathPathsFailed,
    volumes.multipathPathState,
  ],
  sampling: "fast",
  open({ env }) {
    const folder = join(env.paths.sysfs, "block");
    return openListedReader({
      clock: env.clock,
      absent: `no multipath device is under ${folder}: multipathd has made none`,
      list(listing) {
        for (const name of listing.folder(folder, /^dm-\d+$/)) {
          const uuid = listing.text(join(folder, name, "dm/uuid"));
          if (uuid.startsWith("mpath-")) listDevice(listing, folder, name, uuid);
        }
      },
    });
  },
};

function listDevice(listing: Listing, folder: string, name: string, uuid: string): void {
  const own = join(folder, name);
  const labels = { device: listing.text(join(own, "dm/name")), sysfs_name: name };
  listing.fact(volumes.multipathInfo, { ...labels, uuid });
  listing.value(join(own, "dm/suspended"), volumes.multipathActive, labels, {
    parse: (text) => (text === "1" ? 0 : 1),
  });
  listing.value(join(own, "size"), volumes.multipathSize, labels, { multiplier: bytesPerSector });
  const paths = listing.folder(join(own, "slaves"));
  let working = 0;
  for (const path of paths) {
    const state = listing.text(join(folder, path, "device/state"), "watched");
    if (workingStates.has(state)) working += 1;
    listing.fact(volumes.multipathPathState, { device: labels.device, path, state });
  }
  listing.fact(volumes.multipathPaths, labels, paths.length);
  listing.fact(volumes.multipathPathsActive, labels, working);
  listing.fact(volumes.multipathPathsFailed, labels, paths.length - working);
}
