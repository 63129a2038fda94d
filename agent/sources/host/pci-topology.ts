/** Which PCI Express devices matter to a GPU server and what lies above them, from /sys/bus/pci/devices; classes by the PCI Code and ID Assignment Specification. */
import { realpathSync } from "node:fs";
import { join } from "node:path";
import type { Listing } from "./listed-reader.ts";

export type PciKind = "gpu" | "nic" | "nvme" | "nvswitch" | "bridge";

export interface PciDevice {
  /** `0000:3b:00.0` */
  readonly address: string;
  readonly folder: string;
  readonly kind: PciKind;
  /** `pci0000:3a` */
  readonly hostBridge: string;
  /** The addresses above it, the root port first. */
  readonly above: readonly string[];
}

export interface PciTopology {
  readonly devices: readonly PciDevice[];
  /** Devices and bridges that the bound left out. */
  readonly leftOut: number;
}

/** A server with 16 GPUs, as many adapters, 32 drives and the bridges above all of them stays below. */
const maximumDevices = 256;
const addressPattern = /^[\da-f]{4,}:[\da-f]{2}:[\da-f]{2}\.[0-7]$/;
const hostBridgePattern = /^pci[\da-f]{4,}:[\da-f]{2}$/;
/** NVIDIA, AMD, Intel: the display of a management controller is of the same class and is no GPU. */
const gpuVendors: ReadonlySet<string> = new Set(["0x10de", "0x1002", "0x8086"]);

/** GPUs, accelerators, adapters, drives and NVSwitches, then the bridges above them; virtual functions count to their own. */
export function listPciDevices(listing: Listing, bus: string): PciTopology {
  const ends: PciDevice[] = [];
  for (const address of listing.folder(bus, addressPattern)) {
    const folder = join(bus, address);
    const kind = kindOf(listing.text(join(folder, "class")), () =>
      listing.text(join(folder, "vendor")),
    );
    if (kind === null || listing.folder(join(folder, "physfn")).length > 0) continue;
    ends.push({ address, folder, kind, ...placeOf(folder) });
  }
  const bridges = new Map<string, PciDevice>();
  for (const { above, hostBridge } of ends)
    above.forEach((address, depth) => {
      const folder = join(bus, address);
      const over = above.slice(0, depth);
      bridges.set(address, { address, folder, kind: "bridge", hostBridge, above: over });
    });
  const all = [...ends, ...bridges.values()];
  return {
    devices: all.slice(0, maximumDevices),
    leftOut: Math.max(0, all.length - maximumDevices),
  };
}

/** The vendor is asked for where the class leaves it open: a server has hundreds of other devices. */
function kindOf(classCode: string, vendor: () => string): PciKind | null {
  if (/^0x(03|12)/.test(classCode)) return gpuVendors.has(vendor()) ? "gpu" : null;
  if (classCode.startsWith("0x02")) return "nic";
  if (classCode.startsWith("0x0108")) return "nvme";
  if (classCode.startsWith("0x0680") && vendor() === "0x10de") return "nvswitch";
  return null;
}

/** Reads the way from the host bridge down out of where the link leads; a bridge of its own domain (VMD) begins anew. */
function placeOf(folder: string): { hostBridge: string; above: string[] } {
  const parts = pathOf(folder).split("/");
  const root = parts.findLastIndex((part) => hostBridgePattern.test(part));
  return {
    hostBridge: parts[root] ?? "",
    above: parts.slice(root + 1, -1).filter((part) => addressPattern.test(part)),
  };
}

function pathOf(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}

/** The narrowest thing that two devices share, or null where it is nothing narrower than the machine. */
export function sharedScope(
  left: PciDevice,
  right: PciDevice,
  sameMemoryNode: boolean,
): "pcie_switch" | "host_bridge" | "numa_node" | null {
  // Two devices below one root port can only be below a switch.
  if (left.above[0] !== undefined && left.above[0] === right.above[0]) return "pcie_switch";
  if (left.hostBridge !== "" && left.hostBridge === right.hostBridge) return "host_bridge";
  return sameMemoryNode ? "numa_node" : null;
}
