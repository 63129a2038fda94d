/** The SMART log page of an NVMe drive, 512 bytes, little-endian, as the NVMe base specification lays it out. */
import {
  driveBusy,
  driveEnduranceUsed,
  driveErrorLogEntries,
  driveFailing,
  driveMediaErrors,
  drivePowerCycles,
  drivePowerOn,
  driveRead,
  driveSpare,
  driveSpareThreshold,
  driveTemperature,
  driveThrottled,
  driveTooHot,
  driveUnsafeShutdowns,
  driveWarning,
  driveWritten,
} from "../../../core/catalog/drive-health.ts";
import type { Metric } from "../../../core/catalog/metric.ts";
import { WarpwatchError } from "../../../core/kit/errors.ts";
import { sample, type SweptSample } from "./sweep-reader.ts";

const pageBytes = 512;
/** By the bits of the critical warning, the lowest first. */
const warnings = [
  "spare",
  "temperature",
  "reliability",
  "read_only",
  "volatile_backup",
  "persistent_memory",
] as const;
/** Heat passes; every other warning means that the drive can't be relied on. */
const warningsOfFailure = 0b11_1101;
const bytesPerDataUnit = 512_000;
const zeroCelsiusInKelvin = 273;
const minute = 60;
const hour = 3600;

/** Metric, place of its 128 bits, and what one of them is in the metric's unit. */
const counters: readonly (readonly [Metric<"device">, number, number])[] = [
  [driveRead, 32, bytesPerDataUnit],
  [driveWritten, 48, bytesPerDataUnit],
  [driveBusy, 96, minute],
  [drivePowerCycles, 112, 1],
  [drivePowerOn, 128, hour],
  [driveUnsafeShutdowns, 144, 1],
  [driveMediaErrors, 160, 1],
  [driveErrorLogEntries, 176, 1],
];
const temperatureSensors = 8;

/** Throws SOURCE_MALFORMED for a page that no drive in working order gives. */
export function decodeSmartPage(page: Uint8Array, device: string): SweptSample[] {
  if (page.length !== pageBytes)
    throw new WarpwatchError(
      "SOURCE_MALFORMED",
      `${device} gave a SMART log of ${page.length} bytes`,
    );
  for (const [byte, what] of [
    [0x00, "zeros"],
    [0xff, "ones"],
  ] as const)
    if (page.every((found) => found === byte))
      throw new WarpwatchError(
        "SOURCE_MALFORMED",
        `${device} gave a SMART log of nothing but ${what}`,
      );
  const view = new DataView(page.buffer, page.byteOffset, page.length);
  const own = { device };
  const seconds = (position: number, unit: number): number => view.getUint32(position, true) * unit;
  const critical = view.getUint8(0);
  return [
    sample(driveFailing, own, (critical & warningsOfFailure) === 0 ? 0 : 1),
    ...warnings.map((reason, bit) =>
      sample(driveWarning, { device, reason }, (critical >> bit) & 1),
    ),
    ...temperatures(view, device),
    sample(driveSpare, own, view.getUint8(3) / 100),
    sample(driveSpareThreshold, own, view.getUint8(4) / 100),
    sample(driveEnduranceUsed, own, view.getUint8(5) / 100),
    ...counters.map(([metric, position, unit]) =>
      sample(metric, own, wideNumber(view, position) * unit),
    ),
    sample(driveTooHot, { device, severity: "warning" }, seconds(192, minute)),
    sample(driveTooHot, { device, severity: "critical" }, seconds(196, minute)),
    sample(driveThrottled, { device, kind: "light" }, seconds(224, 1)),
    sample(driveThrottled, { device, kind: "heavy" }, seconds(228, 1)),
  ];
}

/** Kelvin; 0 stands for a sensor that there isn't. */
function temperatures(view: DataView, device: string): SweptSample[] {
  const readings: [string, number][] = [["composite", view.getUint16(1, true)]];
  for (let sensor = 1; sensor <= temperatureSensors; sensor += 1)
    readings.push([String(sensor), view.getUint16(198 + 2 * sensor, true)]);
  return readings
    .filter(([, kelvin]) => kelvin !== 0)
    .map(([sensor, kelvin]) =>
      sample(driveTemperature, { device, sensor }, kelvin - zeroCelsiusInKelvin),
    );
}

/** 128 bits; beyond 2^53 the lowest are lost. */
function wideNumber(view: DataView, position: number): number {
  return (
    Number(view.getBigUint64(position, true)) +
    Number(view.getBigUint64(position + 8, true)) * 2 ** 64
  );
}
