/** Who a block device is: what udev found out when it appeared, as its database under /run/udev/data keeps it. */
import { join } from "node:path";
import type { Device } from "../../../core/catalog/device.ts";
import * as disk from "../../../core/catalog/disk.ts";
import type { LabelValues, Metric } from "../../../core/catalog/metric.ts";
import type { HostPaths } from "../../../core/kit/env.ts";
import type { SlotRegistrar } from "../../../core/wire/slots.ts";
import { readFact } from "./kept-file.ts";

/** Looks a property up; an empty string where udev doesn't run, can't be seen, or doesn't know. */
export type UdevProperties = (key: string) => string;

/** A slot, and its sample as long as the device is this one. */
export type FactSlot = readonly [slot: number, value: number];

const ataFacts = [
  ["ID_ATA_WRITE_CACHE", disk.ataWriteCache],
  ["ID_ATA_WRITE_CACHE_ENABLED", disk.ataWriteCacheEnabled],
  ["ID_ATA_ROTATION_RATE_RPM", disk.ataRotationRate],
] as const;

/** One `E:KEY=value` a line among lines of other kinds. */
export function readUdev(paths: HostPaths, major: string, minor: string): UdevProperties {
  const properties = new Map<string, string>();
  const text = readFact(join(paths.rootfs, "run/udev/data", `b${major}:${minor}`));
  for (const line of text.split("\n")) {
    const match = /^E:([^=]+)=(.*)$/.exec(line);
    if (match?.[1] !== undefined) properties.set(match[1], match[2] ?? "");
  }
  return (key) => properties.get(key) ?? "";
}

/** Declares the series that tell the identity, most of them in their labels. */
export function declareIdentity(
  slots: SlotRegistrar,
  part: Device,
  udev: UdevProperties,
  place: { readonly device: string; readonly major: string; readonly minor: string },
  paths: HostPaths,
): FactSlot[] {
  const { device } = place;
  // A slash in the name of a device is an exclamation mark in that of its folder.
  const folder = join(paths.sysfs, "block", device.replaceAll("/", "!"));
  const facts: FactSlot[] = [];
  const info = <Label extends string>(metric: Metric<Label>, labels: LabelValues<Label>): void =>
    void facts.push([slots.slot(metric, labels, part), 1]);
  info(disk.diskInfo, {
    ...place,
    path: udev("ID_PATH"),
    wwn: udev("ID_WWN"),
    model: udev("ID_MODEL"),
    serial: udev("SCSI_IDENT_SERIAL") || udev("ID_SERIAL_SHORT"),
    revision: udev("ID_REVISION"),
    rotational: readFact(join(folder, "queue/rotational")) || "0",
  });
  const type = udev("ID_FS_TYPE");
  if (type !== "") {
    const usage = udev("ID_FS_USAGE");
    const labels = {
      device,
      type,
      usage,
      uuid: udev("ID_FS_UUID"),
      version: udev("ID_FS_VERSION"),
    };
    info(disk.diskFilesystemInfo, labels);
  }
  const name = udev("DM_NAME");
  if (name !== "") {
    const volume = { vg_name: udev("DM_VG_NAME"), lv_name: udev("DM_LV_NAME") };
    const labels = {
      device,
      name,
      uuid: udev("DM_UUID"),
      lv_layer: udev("DM_LV_LAYER"),
      ...volume,
    };
    info(disk.deviceMapperInfo, labels);
  }
  if (udev("ID_ATA") === "") return facts;
  for (const [key, metric] of ataFacts) {
    const text = udev(key);
    if (/^\d+$/.test(text)) facts.push([slots.slot(metric, { device }, part), Number(text)]);
  }
  return facts;
}
