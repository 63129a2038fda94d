/** Bonded interfaces from /sys/class/net/bonding_masters and the bonds' folders, as the kernel's networking/bonding document has it. */
import { join } from "node:path";
import { bondedActive, bondedInterfaces } from "../../../core/catalog/identity.ts";
import type { Source } from "../source.ts";
import { openListedReader, type Listing } from "./listed-reader.ts";
import { missing } from "./missing.ts";

export const bondingSource: Source = {
  name: "bonding",
  metrics: [bondedInterfaces, bondedActive],
  sampling: "fast",
  open({ env }) {
    const folder = join(env.paths.sysfs, "class/net");
    return openListedReader({
      clock: env.clock,
      absent: missing("bonding", env.paths, join(folder, "bonding_masters")),
      list(listing) {
        for (const master of wordsOf(listing.text(join(folder, "bonding_masters"), "watched")))
          listBond(listing, join(folder, master), master);
      },
    });
  },
};

function listBond(listing: Listing, folder: string, master: string): void {
  const members = wordsOf(listing.text(join(folder, "bonding/slaves"), "watched"));
  // Older kernels call the members' folders otherwise.
  const states = members.map((member) =>
    ["lower", "slave"]
      .map((kind) => join(folder, `${kind}_${member}`, "bonding_slave/mii_status"))
      .map((path) => listing.text(path, "watched"))
      .find((text) => text !== ""),
  );
  listing.fact(bondedInterfaces, { master }, members.length);
  listing.fact(bondedActive, { master }, states.filter((state) => state === "up").length);
}

function wordsOf(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}
