/** Sensors of a card's hwmon folder, as the kernel's "Naming and data format standards for sysfs files" has them. */
import { join } from "node:path";
import type { Device } from "../../../core/catalog/device.ts";
import { gpuLabels, type GpuIdentity } from "../../../core/catalog/gpu-labels.ts";
import { temperatureMargin } from "../../../core/catalog/gpu.ts";
import type { AlsoRead } from "../host/listed-entry.ts";
import type { Listing } from "../host/listed-reader.ts";
import { parseNumber } from "../host/value-file.ts";

/** The labelled sensors of a hwmon folder: `temp1` by `edge`; those without a label by an empty one. */
export function listSensors(listing: Listing, hwmon: string, kind: string): Map<string, string> {
  const sensors = new Map<string, string>();
  for (const file of listing.folder(hwmon, new RegExp(`^${kind}\\d+_(input|average)$`))) {
    const sensor = file.slice(0, file.indexOf("_"));
    const label = listing.text(join(hwmon, `${sensor}_label`));
    if (!sensors.has(label)) sensors.set(label, sensor);
  }
  return sensors;
}

/** What is left of a temperature, in thousandths of a degree, to the limit at which the firmware slows the GPU down. */
export function marginTo(limit: number, identity: GpuIdentity, as: Device): AlsoRead {
  return {
    declare: (slots) => slots.slot(temperatureMargin, gpuLabels(identity), as),
    parse: (text) => (limit - parseNumber(text)) / 1000,
  };
}
