/** Which files of an Intel GPU back which series; those of i915 and of xe lie in other places and mean the same. */
import { join } from "node:path";
import type { Device } from "../../../core/catalog/device.ts";
import { throttleActive } from "../../../core/catalog/gpu-errors.ts";
import { gpuLabels, type GpuIdentity } from "../../../core/catalog/gpu-labels.ts";
import { powerLimit } from "../../../core/catalog/gpu.ts";
import * as neutral from "../../../core/catalog/gpu-neutral.ts";
import type { LabelValues } from "../../../core/catalog/metric.ts";
import type { Clock } from "../../../core/kit/clock.ts";
import type { Listing } from "../host/listed-reader.ts";
import { parseNumber } from "../host/value-file.ts";
import type { Card } from "./drm-cards.ts";
import { listSensors, marginTo } from "./drm-sensors.ts";

export interface IntelGpu {
  readonly card: Card;
  readonly identity: GpuIdentity;
  readonly as: Device;
  readonly labels: LabelValues<neutral.NeutralLabel>;
  readonly clock: Clock;
}

const perMillion = 1e6;
const hertzPerMegahertz = 1e6;
const millisecondsPerSecond = 1000;
/** Graphics and compute are the first part of a tile, the video engines the second. */
const parts = ["core", "media"] as const;

export function listIntelValues(listing: Listing, gpu: IntelGpu): void {
  listSensorValues(listing, gpu);
  if (gpu.card.driver === "xe") listXeParts(listing, gpu);
  else listI915Parts(listing, gpu);
}

/** i915 has one unnamed sensor of each kind; xe names them `card`, `pkg` and `vram`. */
function listSensorValues(listing: Listing, gpu: IntelGpu): void {
  const { card, identity, as, labels } = gpu;
  const parent = join(card.device, "hwmon");
  // Beside the card's own folder i915 has one for each of its parts (`i915_gt0`).
  const found = listing
    .folder(parent, /^hwmon\d+$/)
    .find((name) => listing.text(join(parent, name, "name")) === card.driver);
  if (found === undefined) return;
  const hwmon = join(parent, found);
  const meters = listSensors(listing, hwmon, "energy");
  const meter = meters.get("card") ?? meters.get("pkg") ?? meters.get("");
  if (meter !== undefined) {
    listing.value(join(hwmon, `${meter}_input`), neutral.energy, labels, {
      device: as,
      divisor: perMillion,
      also: [
        {
          declare: (slots) => slots.slot(neutral.power, labels, as),
          parse: meanPower(gpu.clock),
        },
      ],
    });
    const limit = join(hwmon, `${meter.replace("energy", "power")}_max`);
    const settled = { device: as, divisor: perMillion, settled: true };
    listing.value(limit, powerLimit, gpuLabels(identity), settled);
  }
  const temperatures = listSensors(listing, hwmon, "temp");
  const sensors = [
    ["core", temperatures.get("pkg") ?? temperatures.get("")],
    ["memory", temperatures.get("vram")],
  ] as const;
  for (const [sensor, name] of sensors) {
    if (name === undefined) continue;
    const limit = parseNumber(listing.text(join(hwmon, `${name}_crit`)));
    listing.value(
      join(hwmon, `${name}_input`),
      neutral.temperature,
      { ...labels, sensor },
      {
        device: as,
        divisor: 1000,
        also: sensor === "core" && limit > 0 ? [marginTo(limit, identity, as)] : [],
      },
    );
  }
}

/** Watts between two readings of the energy counter, in microjoules; absent for the first, and where it began anew. */
function meanPower(clock: Clock): (text: string) => number {
  let before = { joules: Number.NaN, seconds: Number.NaN };
  return (text) => {
    const now = {
      joules: parseNumber(text) / perMillion,
      seconds: clock.monotonic() / millisecondsPerSecond,
    };
    const watts = (now.joules - before.joules) / (now.seconds - before.seconds);
    before = now;
    return watts >= 0 && Number.isFinite(watts) ? watts : Number.NaN;
  };
}

function listI915Parts(listing: Listing, gpu: IntelGpu): void {
  const folder = join(gpu.card.folder, "gt");
  for (const name of listing.folder(folder, /^gt[01]$/)) {
    const domain = parts[Number(name.slice(2))] ?? "core";
    listClock(listing, gpu, join(folder, name, "rps_act_freq_mhz"), domain);
    if (domain === "core") listThrottling(listing, gpu, join(folder, name), "throttle_reason_");
  }
}

/** Of the first tile, the only one that Arc and Battlemage have. */
function listXeParts(listing: Listing, gpu: IntelGpu): void {
  const tile = join(gpu.card.device, "tile0");
  const memory = parseNumber(listing.text(join(tile, "physical_vram_size_bytes")));
  if (memory > 0) listing.fact(neutral.memoryTotal, gpu.labels, memory, gpu.as);
  for (const name of listing.folder(tile, /^gt[01]$/)) {
    const domain = parts[Number(name.slice(2))] ?? "core";
    const frequency = join(tile, name, "freq0");
    listClock(listing, gpu, join(frequency, "act_freq"), domain);
    if (domain === "core") listThrottling(listing, gpu, join(frequency, "throttle"), "reason_");
  }
}

function listClock(listing: Listing, gpu: IntelGpu, path: string, domain: string): void {
  listing.value(
    path,
    neutral.clock,
    { ...gpu.labels, domain },
    {
      device: gpu.as,
      multiplier: hertzPerMegahertz,
    },
  );
}

/** A file for each reason, which is its name: `pl1` and `pl2` are power limits, `ratl` a limit by the mean temperature. */
function listThrottling(listing: Listing, gpu: IntelGpu, folder: string, prefix: string): void {
  for (const file of listing.folder(folder, new RegExp(`^${prefix}(?!status$)[a-z]`))) {
    const labels = { ...gpuLabels(gpu.identity), reason: file.slice(prefix.length) };
    listing.value(join(folder, file), throttleActive, labels, { device: gpu.as });
  }
}
