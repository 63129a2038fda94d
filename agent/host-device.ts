/** The node as a device: its name, its model as the firmware gives it (DMI), and the place people gave it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Device, Place } from "../core/catalog/device.ts";
import { singleLine } from "../core/kit/errors.ts";

export function describeHost(node: string, sysfs: string, place: Place): Device {
  const vendor = readDmi(sysfs, "sys_vendor");
  const product = readDmi(sysfs, "product_name");
  const model = product.startsWith(vendor) ? product : `${vendor} ${product}`.trim();
  return { kind: "node", id: node, node, name: node, model, place };
}

/** Empty where the machine has no DMI: many virtual ones and most ARM boards. */
function readDmi(sysfs: string, name: string): string {
  try {
    return singleLine(readFileSync(join(sysfs, "class/dmi/id", name), "utf8")).slice(0, 200);
  } catch {
    return "";
  }
}
