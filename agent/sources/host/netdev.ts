/** Traffic and errors of network interfaces from /proc/net/dev: two lines of headings, then `name: 16 numbers`. */
import { join } from "node:path";
import * as network from "../../../core/catalog/network.ts";
import { absent, type Source } from "../source.ts";
import { partOf } from "./device.ts";
import type { FileShare } from "./kept-file.ts";
import { decodeName } from "./line-table.ts";
import { createTableReader } from "./table-reader.ts";
import { missing } from "./missing.ts";
import type { HostOptions } from "./options.ts";

/** In the order of the columns. */
const columns = [
  network.receiveBytes,
  network.receivePackets,
  network.receiveErrors,
  network.receiveDropped,
  network.receiveFifoErrors,
  network.receiveFrameErrors,
  network.receiveCompressed,
  network.receiveMulticast,
  network.transmitBytes,
  network.transmitPackets,
  network.transmitErrors,
  network.transmitDropped,
  network.transmitFifoErrors,
  network.transmitCollisions,
  network.transmitCarrierErrors,
  network.transmitCompressed,
];
const headingLines = 2;

export function createNetdevSource(
  share: FileShare,
  { keepsDevice }: HostOptions["netdev"],
): Source {
  return {
    name: "netdev",
    metrics: columns,
    sampling: "fast",
    open({ env, host }) {
      const path = join(env.paths.procfs, "net/dev");
      const file = share.open(path, env.clock);
      if (!file) return absent(missing("network", env.paths, path));
      return createTableReader(file, {
        plan: (slots) => (line, index) => {
          // A name may hold a colon (an alias), a number can't: the last one ends the name.
          const colon = line.lastIndexOf(":");
          const device = decodeName(line.slice(0, Math.max(colon, 0)).trim());
          if (index < headingLines || device === "") return null;
          if (!keepsDevice(device)) return { keyBytes: colon + 1, slots: [] };
          const part = partOf(host, "nic", device);
          return {
            keyBytes: colon + 1,
            slots: columns.map((metric) => slots.slot(metric, { device }, part)),
          };
        },
      });
    },
  };
}
