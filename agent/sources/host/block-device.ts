/** Who a block device is: what udev found out when it appeared, as its database under /run/udev/data keeps it. */
import { join } from "node:path";
import type { Device } from "../../../core/catalog/device.ts";
import * as disk from "../../../core/catalog/disk.ts";
import type { HostPaths } from "../../../core/kit/env.ts";
import type { SlotRegistrar } from "../../../core/wire/slots.ts";
import { readFact } from "./kept-file.ts";

/** Looks a property up; an empty string where udev doesn't run, can't be seen, or doesn't know. */
export type UdevProperties = (key: string) => string;

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

/** Declares the series that carry the identity in their labels, and returns their slots: each is 1. */
export function declareIdentity(
  slots: SlotRegistrar,
  part: Device,
  udev: UdevProperties,
  place: { readonly device: string; readonly major: string; readonly minor: string },
  paths: HostPaths,
): number[] {
  const { device } = place;
  // A slash in the name of a device is an exclamation mark in that of its folder.
  const folder = join(paths.sysfs, "block", device.replaceAll("/", "!"));
  const declared = [
    slots.slot(
      disk.diskInfo,
      {
        ...place,
        path: udev("ID_PATH"),
        wwn: udev("ID_WWN"),
        model: udev("ID_MODEL"),
        serial: udev("SCSI_IDENT_SERIAL") || udev("ID_SERIAL_SHORT"),
        revision: udev("ID_REVISION"),
        rotational: readFact(join(folder, "queue/rotational")) || "0",
      },
      part,
    ),
  ];
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
    declared.push(slots.slot(disk.diskFilesystemInfo, labels, part));
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
    declared.push(slots.slot(disk.deviceMapperInfo, labels, part));
  }
  return declared;
}
