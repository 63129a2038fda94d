/** Memory errors that controllers detected, from /sys/devices/system/edac/mc, as the kernel's admin-guide/RAS document has it. */
import { join } from "node:path";
import * as sensors from "../../../core/catalog/sensors.ts";
import type { Source } from "../source.ts";
import { openListedReader, type Listing } from "./listed-reader.ts";
import { missing } from "./missing.ts";

export const edacSource: Source = {
  name: "edac",
  metrics: [
    sensors.correctedErrors,
    sensors.uncorrectedErrors,
    sensors.rowCorrectedErrors,
    sensors.rowUncorrectedErrors,
    sensors.channelCorrectedErrors,
    sensors.channelUncorrectedErrors,
  ],
  sampling: "steady",
  open({ env }) {
    const folder = join(env.paths.sysfs, "devices/system/edac/mc");
    return openListedReader({
      clock: env.clock,
      relistMilliseconds: 60_000,
      fromHardware: true,
      absent: missing("edac", env.paths, folder),
      list(listing) {
        for (const name of listing.folder(folder, /^mc\d+$/))
          listController(listing, join(folder, name), name.slice("mc".length));
      },
    });
  },
};

function listController(listing: Listing, folder: string, controller: string): void {
  const unknown = { controller, csrow: "unknown" };
  listing.value(join(folder, "ce_count"), sensors.correctedErrors, { controller });
  listing.value(join(folder, "ue_count"), sensors.uncorrectedErrors, { controller });
  listing.value(join(folder, "ce_noinfo_count"), sensors.rowCorrectedErrors, unknown);
  listing.value(join(folder, "ue_noinfo_count"), sensors.rowUncorrectedErrors, unknown);
  for (const name of listing.folder(folder, /^csrow\d+$/)) {
    const row = join(folder, name);
    const csrow = name.slice("csrow".length);
    listing.value(join(row, "ce_count"), sensors.rowCorrectedErrors, { controller, csrow });
    listing.value(join(row, "ue_count"), sensors.rowUncorrectedErrors, { controller, csrow });
    for (const file of listing.folder(row, /^ch\d+_ce_count$/)) {
      const channel = /\d+/.exec(file)?.[0] ?? "";
      const dimm_label = labelOf(listing.text(join(row, `ch${channel}_dimm_label`)));
      const labels = { controller, csrow, channel, dimm_label };
      listing.value(join(row, file), sensors.channelCorrectedErrors, labels);
      listing.value(join(row, `ch${channel}_ue_count`), sensors.channelUncorrectedErrors, labels);
    }
  }
}

/** `mc#0csrow#1channel#0` reads `mc0_csrow1_channel0`; what a person has set stays. */
function labelOf(text: string): string {
  if (text === "") return "unknown";
  return text.replaceAll("#", "").replaceAll("csrow", "_csrow").replaceAll("channel", "_channel");
}
