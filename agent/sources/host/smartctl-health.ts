/**
 * What `smartctl --json` says of a SATA or SAS drive, as samples: its keys are those of smartmontools 7, attributes those
 * that makers agree on. Whatever a drive doesn't have, or says in another form than a number, is left out.
 */
import {
  driveAsleep,
  driveCommandTimeouts,
  driveEnduranceUsed,
  driveErrorLogEntries,
  driveFailing,
  driveHealthInfo,
  driveLinkErrors,
  driveMediaErrors,
  drivePowerCycles,
  drivePowerOn,
  driveRead,
  driveSectors,
  driveTemperature,
  driveUnsafeShutdowns,
  driveWritten,
} from "../../../core/catalog/drive-health.ts";
import type { LabelValues, Metric } from "../../../core/catalog/metric.ts";
import { at, countAt, listAt, textAt } from "./printed.ts";
import { sample, type SweptSample } from "./sweep-reader.ts";

type Printed = Readonly<Record<string, unknown>>;

const hour = 3600;
const usualSectorBytes = 512;
/** Numbers of ATA attributes. */
const attributes = {
  reallocated: 5,
  uncorrected: 187,
  commandTimeouts: 188,
  retracts: 192,
  unexpectedPowerLosses: 174,
  pending: 197,
  uncorrectable: 198,
  checksums: 199,
} as const;
/** Makers keep other numbers in the upper bits of these. */
const lowestBits = 0x1_0000;
/** ATA device statistics: page 1 counts what was read and written, page 7 how much of the endurance is used. */
const statistics = { page: 1, written: 24, read: 40, endurancePage: 7, endurance: 8 } as const;

export function sleepingSamples(device: string): SweptSample[] {
  return [sample(driveAsleep, { device }, 1)];
}

export function healthSamples(device: string, printed: Printed): SweptSample[] {
  const found: SweptSample[] = [];
  function add<Label extends string>(
    metric: Metric<Label>,
    labels: LabelValues<Label>,
    value: number | null,
  ): void {
    if (value !== null && Number.isFinite(value)) found.push(sample(metric, labels, value));
  }
  const own = { device };
  add(driveHealthInfo, identityOf(device, printed), 1);
  add(driveAsleep, own, 0);
  const passed = at(printed, "smart_status", "passed");
  add(driveFailing, own, typeof passed === "boolean" ? Number(!passed) : null);
  const celsius = countAt(printed, "temperature", "current");
  // A drive that has no sensor says 0.
  add(driveTemperature, { device, sensor: "composite" }, celsius === 0 ? null : celsius);
  add(drivePowerOn, own, times(countAt(printed, "power_on_time", "hours"), hour));
  add(drivePowerCycles, own, countAt(printed, "power_cycle_count"));

  const attribute = attributesOf(printed);
  const low = (id: number): number | null => {
    const raw = attribute(id);
    return raw === null ? null : raw % lowestBits;
  };
  add(driveSectors, { device, state: "reallocated" }, attribute(attributes.reallocated));
  add(driveSectors, { device, state: "pending" }, attribute(attributes.pending));
  add(driveSectors, { device, state: "uncorrectable" }, attribute(attributes.uncorrectable));
  add(driveCommandTimeouts, own, low(attributes.commandTimeouts));
  add(driveLinkErrors, own, attribute(attributes.checksums));
  const losses = attribute(attributes.unexpectedPowerLosses) ?? low(attributes.retracts);
  add(driveUnsafeShutdowns, own, losses);
  add(driveErrorLogEntries, own, countAt(printed, "ata_smart_error_log", "summary", "count"));

  const statistic = statisticsOf(printed);
  const used = times(statistic(statistics.endurancePage, statistics.endurance), 0.01);
  add(
    driveEnduranceUsed,
    own,
    used ?? times(countAt(printed, "scsi_percentage_used_endurance_indicator"), 0.01),
  );
  const sectorBytes = countAt(printed, "logical_block_size") ?? usualSectorBytes;
  const read = times(statistic(statistics.page, statistics.read), sectorBytes);
  const written = times(statistic(statistics.page, statistics.written), sectorBytes);
  add(driveRead, own, read ?? processed(printed, "read"));
  add(driveWritten, own, written ?? processed(printed, "write"));

  add(driveMediaErrors, own, low(attributes.uncorrected) ?? uncorrectedOfScsi(printed));
  const grown = countAt(printed, "scsi_grown_defect_list");
  if (attribute(attributes.reallocated) === null)
    add(driveSectors, { device, state: "reallocated" }, grown);
  return found;
}

function identityOf(
  device: string,
  printed: Printed,
): LabelValues<(typeof driveHealthInfo.labels)[number]> {
  const text = (...path: string[]): string => textAt(printed, ...path);
  const scsi = `${text("scsi_vendor") || text("vendor")} ${text("scsi_product") || text("product")}`;
  const protocol = text("device", "protocol");
  return {
    device,
    model: text("model_name") || text("scsi_model_name") || scsi.trim(),
    serial: text("serial_number"),
    firmware: text("firmware_version") || text("scsi_revision") || text("revision"),
    interface: protocol === "ATA" ? "sata" : protocol === "SCSI" ? "sas" : protocol.toLowerCase(),
  };
}

/** Raw values of ATA attributes by number. */
function attributesOf(printed: Printed): (id: number) => number | null {
  const raw = new Map<unknown, number | null>();
  for (const row of listAt(printed, "ata_smart_attributes", "table"))
    raw.set(at(row, "id"), countAt(row, "raw", "value"));
  return (id) => raw.get(id) ?? null;
}

/** ATA device statistics by page and place, those that are valid. */
function statisticsOf(printed: Printed): (page: number, offset: number) => number | null {
  const values = new Map<string, number | null>();
  for (const page of listAt(printed, "ata_device_statistics", "pages"))
    for (const row of listAt(page, "table"))
      if (at(row, "flags", "valid") !== false)
        values.set(
          `${String(at(page, "number"))} ${String(at(row, "offset"))}`,
          countAt(row, "value"),
        );
  return (page, offset) => values.get(`${page} ${offset}`) ?? null;
}

/** Gigabytes with a decimal point, as text. */
function processed(printed: Printed, direction: "read" | "write"): number | null {
  const gigabytes = textAt(printed, "scsi_error_counter_log", direction, "gigabytes_processed");
  return /^\d+(\.\d+)?$/.test(gigabytes) ? Number(gigabytes) * 1e9 : null;
}

function uncorrectedOfScsi(printed: Printed): number | null {
  const counts = ["read", "write", "verify"]
    .map((direction) =>
      countAt(printed, "scsi_error_counter_log", direction, "total_uncorrected_errors"),
    )
    .filter((one) => one !== null);
  return counts.length === 0 ? null : counts.reduce((sum, one) => sum + one, 0);
}

function times(value: number | null, factor: number): number | null {
  return value === null ? null : value * factor;
}
