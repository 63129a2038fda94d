/** Settings and link state of network interfaces from /sys/class/net, as the kernel's ABI document sysfs-class-net has it. */
import { join } from "node:path";
import * as netclass from "../../../core/catalog/netclass.ts";
import type { Device } from "../../../core/catalog/device.ts";
import type { Metric } from "../../../core/catalog/metric.ts";
import type { Source } from "../source.ts";
import { partOf } from "./device.ts";
import type { ValueOptions } from "./listed-entry.ts";
import { openListedReader, type Listing } from "./listed-reader.ts";
import type { HostOptions } from "./options.ts";
import { missing } from "./missing.ts";

/**
 * Files and their metrics. All but the first change only when somebody sets them, or with the first: they are read every
 * ten seconds and when the link or the operational state changed. Some ask the driver and wait for the kernel's network lock.
 */
const settledFiles: readonly (readonly [string, Metric<"device">])[] = [
  ["addr_assign_type", netclass.addressAssignType],
  ["carrier", netclass.carrier],
  ["carrier_up_count", netclass.carrierUpChanges],
  ["carrier_down_count", netclass.carrierDownChanges],
  ["dev_id", netclass.deviceIdentifier],
  ["dormant", netclass.dormant],
  ["flags", netclass.interfaceFlags],
  ["ifindex", netclass.interfaceIndex],
  ["iflink", netclass.interfaceLink],
  ["link_mode", netclass.linkMode],
  ["mtu", netclass.maximumTransmissionUnit],
  ["name_assign_type", netclass.nameAssignType],
  ["netdev_group", netclass.interfaceGroup],
  ["tx_queue_len", netclass.transmitQueueLength],
  ["type", netclass.protocolType],
];
/** The file gives megabits per second. */
const bytesPerMegabit = 125_000;
/** IFF_UP of if.h. */
const upFlag = 1;

export function createNetclassSource(options: HostOptions["netclass"]): Source {
  return {
    name: "netclass",
    metrics: Object.values(netclass),
    sampling: "fast",
    open({ env, host }) {
      const folder = join(env.paths.sysfs, "class/net");
      const speed = options.ignoreInvalidSpeed ? { parse: parseSpeed } : {};
      return openListedReader({
        clock: env.clock,
        absent: missing("network", env.paths, folder),
        list(listing) {
          for (const name of listing.folder(folder).filter(options.keepsDevice))
            listInterface(listing, join(folder, name), name, { host, speed });
        },
      });
    },
  };
}

function listInterface(
  listing: Listing,
  folder: string,
  name: string,
  { host, speed }: { readonly host: Device; readonly speed: ValueOptions },
): void {
  // bonding_masters is a file among the folders.
  if (listing.folder(folder).length === 0) return;
  const device = partOf(host, "nic", name);
  const labels = { device: name };
  const text = (file: string): string => listing.text(join(folder, file));
  const operstate = listing.text(join(folder, "operstate"), "watched");
  const flags = Number(text("flags"));
  listing.value(join(folder, "carrier_changes"), netclass.carrierChanges, labels, {
    device,
    leading: true,
  });
  for (const [file, metric] of settledFiles)
    listing.value(join(folder, file), metric, labels, { device, settled: true });
  listing.value(join(folder, "speed"), netclass.speed, labels, {
    ...speed,
    device,
    settled: true,
    multiplier: bytesPerMegabit,
  });
  listing.fact(netclass.interfaceUp, labels, operstate === "up" ? 1 : 0, device);
  listing.fact(
    netclass.interfaceInfo,
    {
      ...labels,
      address: text("address"),
      broadcast: text("broadcast"),
      duplex: text("duplex"),
      operstate,
      adminstate: Number.isNaN(flags) ? "unknown" : (flags & upFlag) === 1 ? "up" : "down",
      ifalias: text("ifalias"),
    },
    1,
    device,
  );
}

/** Some drivers say -1 where there is no link. */
function parseSpeed(text: string): number {
  const speed = Number(text);
  return speed >= 0 ? speed : Number.NaN;
}
