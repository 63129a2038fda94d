/** PCI devices from /sys/bus/pci/devices, as the kernel's ABI document sysfs-bus-pci has it. */
import { readlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import * as pci from "../../../core/catalog/pci-devices.ts";
import type { Source } from "../source.ts";
import { openListedReader, type Listing } from "./listed-reader.ts";

/** `0000:3b:00.0` */
const addressPattern = /^([\da-f]{4,8}):([\da-f]{2}):([\da-f]{2})\.([0-7])$/;
const powerStates = ["D0", "D1", "D2", "D3hot", "D3cold", "unknown", "error"];
const transfersPerGigatransfer = 1e9;
/** Files that a device without the feature lacks: it has none of it. */
const features = [
  ["d3cold_allowed", pci.pciColdAllowed],
  ["sriov_drivers_autoprobe", pci.pciFunctionsProbed],
  ["sriov_numvfs", pci.pciFunctions],
  ["sriov_totalvfs", pci.pciFunctionsMaximum],
  ["sriov_vf_total_msix", pci.pciFunctionVectors],
] as const;
/** Files that a device on no link of its own lacks. */
const links = [
  ["max_link_speed", pci.pciLinkTransfersMaximum, parseSpeed],
  ["max_link_width", pci.pciLinkWidthMaximum, parseWidth],
  ["current_link_speed", pci.pciLinkTransfers, parseSpeed],
  ["current_link_width", pci.pciLinkWidth, parseWidth],
] as const;

interface Place {
  readonly segment: string;
  readonly bus: string;
  readonly device: string;
  readonly function: string;
}

export const pcideviceSource: Source = {
  name: "pcidevice",
  metrics: [
    pci.pciInfo,
    pci.pciPowerState,
    pci.pciNumaNode,
    ...features.map(([, metric]) => metric),
    ...links.map(([, metric]) => metric),
  ],
  sampling: "steady",
  open({ env }) {
    const folder = join(env.paths.sysfs, "bus/pci/devices");
    return openListedReader({
      clock: env.clock,
      relistMilliseconds: 60_000,
      // The speed and the width of a link are asked of the device itself.
      fromHardware: true,
      absent: `no device is under ${folder}: the machine has no PCI bus`,
      list(listing) {
        for (const name of listing.folder(folder, addressPattern))
          listDevice(listing, join(folder, name), name);
      },
    });
  },
};

function listDevice(listing: Listing, folder: string, name: string): void {
  const place = placeOf(name);
  if (!place) return;
  const parent = placeOf(bridgeOf(folder));
  const identity = (file: string, digits: number): string => {
    const value = Number(listing.text(join(folder, file)) || Number.NaN);
    return Number.isInteger(value) ? `0x${value.toString(16).padStart(digits, "0")}` : "";
  };
  listing.fact(pci.pciInfo, {
    ...place,
    parent_segment: parent?.segment ?? "*",
    parent_bus: parent?.bus ?? "*",
    parent_device: parent?.device ?? "*",
    parent_function: parent?.function ?? "*",
    class_id: identity("class", 6),
    vendor_id: identity("vendor", 4),
    device_id: identity("device", 4),
    subsystem_vendor_id: identity("subsystem_vendor", 4),
    subsystem_device_id: identity("subsystem_device", 4),
    revision: identity("revision", 2),
  });
  const present = new Set(listing.folder(folder));
  for (const [file, metric] of features)
    if (present.has(file)) listing.value(join(folder, file), metric, place);
    else listing.fact(metric, place, 0);
  for (const [file, metric, parse] of links)
    if (present.has(file)) listing.value(join(folder, file), metric, place, { parse });
    else listing.fact(metric, place, -1);
  if (present.has("numa_node") && listing.text(join(folder, "numa_node")) !== "-1")
    listing.value(join(folder, "numa_node"), pci.pciNumaNode, place, { settled: true });
  if (present.has("power_state"))
    for (const state of powerStates)
      listing.value(
        join(folder, "power_state"),
        pci.pciPowerState,
        { ...place, state },
        { parse: (text) => (text === state ? 1 : 0) },
      );
}

function placeOf(address: string): Place | null {
  const [, segment, bus, device, number] = addressPattern.exec(address) ?? [];
  if (segment === undefined || bus === undefined || device === undefined || number === undefined)
    return null;
  return { segment, bus, device, function: number };
}

/** The folder that the device's own lies in: its bridge, or the root of the bus, which is no device. */
function bridgeOf(folder: string): string {
  try {
    return basename(dirname(readlinkSync(folder)));
  } catch {
    return "";
  }
}

/** `16.0 GT/s PCIe`; a link that is down says Unknown. */
function parseSpeed(text: string): number {
  const speed = /^(\d+(?:\.\d+)?) GT\/s/.exec(text)?.[1];
  return speed === undefined ? -1 : Number(speed) * transfersPerGigatransfer;
}

function parseWidth(text: string): number {
  return /^\d+$/.test(text) ? Number(text) : -1;
}
