/** Errors, links and places of the PCI Express devices of a GPU server, as the kernel's ABI documents sysfs-bus-pci and sysfs-bus-pci-devices-aer_stats have them. */
import { join } from "node:path";
import * as pci from "../../../core/catalog/pci.ts";
import type { Source } from "../source.ts";
import type { LinePlanner } from "./line-table.ts";
import { openListedReader, type Listing } from "./listed-reader.ts";
import { listPciDevices, sharedScope, type PciDevice, type PciTopology } from "./pci-topology.ts";
import { missing } from "./missing.ts";

const errorClasses = [
  ["correctable", "aer_dev_correctable"],
  ["nonfatal", "aer_dev_nonfatal"],
  ["fatal", "aer_dev_fatal"],
] as const;
/** Folders of a device that are named for what it is to its users. */
const nameFolders = [
  ["net", /./],
  ["infiniband", /./],
  ["nvme", /^nvme\d+$/],
  ["drm", /^card\d+$/],
] as const;
const transfersPerGigatransfer = 1e9;
const maximumLanes = 32;
const maximumPairs = 512;

/** A device with what its listing told. */
interface Placed {
  readonly device: PciDevice;
  readonly names: string;
  readonly memoryNode: string;
}

export const pciSource: Source = {
  name: "pci",
  metrics: Object.values(pci),
  sampling: "steady",
  open({ env }) {
    const bus = join(env.paths.sysfs, "bus/pci/devices");
    return openListedReader({
      clock: env.clock,
      relistMilliseconds: 60_000,
      fromHardware: true,
      absent: missing("pci", env.paths, bus),
      list(listing) {
        listTopology(listing, listPciDevices(listing, bus));
      },
    });
  },
};

function listTopology(listing: Listing, { devices, leftOut }: PciTopology): void {
  if (devices.length === 0) return;
  const placed: Placed[] = [];
  for (const device of devices) {
    listErrors(listing, device);
    listLink(listing, device, devices);
    if (device.kind !== "bridge") placed.push(listPlace(listing, device));
  }
  listPairs(listing, placed);
  listing.fact(pci.devicesLeftOut, {}, leftOut);
}

/** A type of error that never came has no series; its line is then expected to stay as it is, and the listing made anew when it doesn't. */
function listErrors(listing: Listing, { folder, address, kind }: PciDevice): void {
  for (const [error_class, file] of errorClasses) {
    const labels = { device: address, kind, error_class };
    listing.table(join(folder, file), (slots): LinePlanner => (line) => {
      const [, error = "", count] = /^(\S+) (\d+)$/.exec(line) ?? [];
      if (error.startsWith("TOTAL_"))
        return { keyBytes: error.length, slots: [slots.slot(pci.errors, labels)] };
      if (error === "" || count === "0") return { keyBytes: line.length, slots: [] };
      return {
        keyBytes: error.length,
        slots: [slots.slot(pci.errorsByType, { ...labels, error })],
      };
    });
  }
}

/**
 * A link is told by its lower end: by devices and by the upper ports of switches. Root ports and the lower ports of
 * switches, an even number of bridges deep, are the upper ends of the same links.
 */
function listLink(listing: Listing, device: PciDevice, all: readonly PciDevice[]): void {
  const { folder, address, kind, above } = device;
  if (kind === "bridge" && above.length % 2 === 0) return;
  const port = all.find((other) => other.address === above.at(-1));
  const limit = (file: string, parse: (text: string) => number): number => {
    const own = parse(listing.text(join(folder, file)));
    const upper = port ? parse(listing.text(join(port.folder, file))) : Number.NaN;
    return Number.isNaN(upper) ? own : Math.min(own, upper);
  };
  const lanes = limit("max_link_width", parseLanes);
  const speed = limit("max_link_speed", parseSpeed);
  if (Number.isNaN(lanes) || Number.isNaN(speed)) return;
  const labels = { device: address, kind };
  listing.fact(pci.linkWidthMaximum, labels, lanes);
  listing.fact(pci.linkSpeedMaximum, labels, speed);
  const width = { parse: parseLanes };
  listing.value(join(folder, "current_link_width"), pci.linkWidth, labels, width);
  const rate = { parse: parseSpeed };
  listing.value(join(folder, "current_link_speed"), pci.linkSpeed, labels, rate);
}

function listPlace(listing: Listing, device: PciDevice): Placed {
  const { folder, address, kind, above } = device;
  const node = listing.text(join(folder, "numa_node"));
  const memoryNode = /^\d+$/.test(node) ? node : "";
  // The parts of a virtual device hang one folder deeper.
  const inner = listing.folder(folder, /^virtio\d+$/).map((name) => join(folder, name));
  const names = [folder, ...inner]
    .flatMap((own) =>
      nameFolders.flatMap(([name, pattern]) => listing.folder(join(own, name), pattern)),
    )
    .join(",");
  listing.fact(pci.locality, {
    device: address,
    kind,
    name: names,
    numa_node: memoryNode,
    cpus: listing.text(join(folder, "local_cpulist")),
    parent: above.at(-1) ?? "",
  });
  return { device, names, memoryNode };
}

function listPairs(listing: Listing, placed: readonly Placed[]): void {
  let pairs = 0;
  for (const gpu of placed.filter(({ device }) => device.kind === "gpu"))
    for (const nic of placed.filter(({ device }) => device.kind === "nic")) {
      const sameNode = gpu.memoryNode !== "" && gpu.memoryNode === nic.memoryNode;
      const scope = sharedScope(gpu.device, nic.device, sameNode);
      if (scope === null || pairs >= maximumPairs) continue;
      pairs += 1;
      listing.fact(pci.gpuNicPath, {
        device: gpu.device.address,
        nic: nic.device.address,
        name: nic.names,
        scope,
      });
    }
}

/** `16.0 GT/s PCIe`; `Unknown` where there is no link. */
function parseSpeed(text: string): number {
  return Number(/^([\d.]+) GT\/s/.exec(text)?.[1] ?? Number.NaN) * transfersPerGigatransfer;
}

/** 0, 63 and 255 stand for no link. */
function parseLanes(text: string): number {
  const lanes = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  return lanes > 0 && lanes <= maximumLanes ? lanes : Number.NaN;
}
