/** Neighbours by interface from /proc/net/arp: a heading, then a line per neighbour that ends with the interface. */
import { join } from "node:path";
import { addressEntries } from "../../../core/catalog/net-statistics.ts";
import { absent, type Source } from "../source.ts";
import { openKeptFile } from "./kept-file.ts";
import { decodeName } from "./line-table.ts";
import { createSampleReader } from "./sample-reader.ts";
import type { HostOptions } from "./options.ts";
import { missing } from "./missing.ts";

/** Address, type, flags, hardware address, mask, interface. */
const fieldsPerLine = 6;

export function createArpSource({ keepsDevice }: HostOptions["arp"]): Source {
  return {
    name: "arp",
    metrics: [addressEntries],
    sampling: "fast",
    open({ env }) {
      const path = join(env.paths.procfs, "net/arp");
      const file = openKeptFile(path);
      if (!file) return absent(missing("arp", env.paths, path));
      return createSampleReader(
        (add) => {
          file.read();
          const counts = new Map<string, number>();
          for (const line of file.bytes.toString("latin1", 0, file.length).split("\n")) {
            const fields = line.trim().split(/\s+/);
            if (fields.length < fieldsPerLine || fields[0] === "IP") continue;
            const device = decodeName(fields.at(-1) ?? "");
            counts.set(device, (counts.get(device) ?? 0) + 1);
          }
          // In an order that doesn't depend on which neighbour was heard of last.
          for (const device of [...counts.keys()].filter(keepsDevice).sort())
            add(addressEntries, { device }, counts.get(device) ?? 0);
        },
        () => file.close(),
      );
    },
  };
}
