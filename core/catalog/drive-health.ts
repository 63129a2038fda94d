/** What drives say of their own health, one vocabulary for all: the NVMe specification's SMART log, and `smartctl --json` for SATA and SAS. */
import { defineMetric } from "./metric.ts";

const sampling = "slow-kernel";
const device = ["device"] as const;

export const driveHealthInfo = defineMetric({
  name: "warpwatch_drive_health_info",
  kind: "info",
  help: "A drive whose health is read: its model, serial number, firmware and how it is attached.",
  labels: ["device", "model", "serial", "firmware", "interface"],
  sampling,
});
export const driveReadable = defineMetric({
  name: "warpwatch_drive_health_readable",
  kind: "gauge",
  help: "1 where a drive told its health when it was last asked, or sleeps and wasn't asked; 0 where it failed to.",
  labels: device,
  sampling,
});
export const driveReadTime = defineMetric({
  name: "warpwatch_drive_health_read_timestamp_seconds",
  kind: "gauge",
  unit: "seconds",
  help: "Unix time at which a drive told what is shown of its health, in seconds.",
  labels: device,
  sampling,
});
export const driveAsleep = defineMetric({
  name: "warpwatch_drive_asleep",
  kind: "gauge",
  help: "1 where a drive sleeps and is left asleep: nothing else is told of it; 0 where it is awake.",
  labels: device,
  sampling,
});
export const driveFailing = defineMetric({
  name: "warpwatch_drive_failing",
  kind: "gauge",
  help: "1 where a drive's own assessment is that it fails, or that it can no longer be relied on; its temperature doesn't count.",
  labels: device,
  sampling,
});
export const driveWarning = defineMetric({
  name: "warpwatch_drive_critical_warning",
  kind: "gauge",
  help: "1 for each critical warning that an NVMe drive raises: `spare`, `temperature`, `reliability`, `read_only`, `volatile_backup` or `persistent_memory`.",
  labels: ["device", "reason"],
  sampling,
});
export const driveTemperature = defineMetric({
  name: "warpwatch_drive_temperature_celsius",
  kind: "gauge",
  unit: "celsius",
  help: "Temperature in degrees Celsius: `composite` is what the drive as a whole reports, numbers are its sensors.",
  labels: ["device", "sensor"],
  sampling,
});
export const driveEnduranceUsed = defineMetric({
  name: "warpwatch_drive_endurance_used_ratio",
  kind: "gauge",
  unit: "ratio",
  help: "Share of the drive's rated endurance that was written; goes on above 1.",
  labels: device,
  sampling,
});
export const driveSpare = defineMetric({
  name: "warpwatch_drive_spare_ratio",
  kind: "gauge",
  unit: "ratio",
  help: "Share of the drive's spare capacity that is left.",
  labels: device,
  sampling,
});
export const driveSpareThreshold = defineMetric({
  name: "warpwatch_drive_spare_threshold_ratio",
  kind: "gauge",
  unit: "ratio",
  help: "Share of spare capacity below which the maker no longer vouches for the drive.",
  labels: device,
  sampling,
});
export const driveMediaErrors = defineMetric({
  name: "warpwatch_drive_media_errors_total",
  kind: "counter",
  help: "Reads and writes that the drive could not do or correct, over its life.",
  labels: device,
  sampling,
});
export const driveErrorLogEntries = defineMetric({
  name: "warpwatch_drive_error_log_entries_total",
  kind: "counter",
  help: "Entries that the drive has made in its error log over its life; many drives also log commands that they don't know.",
  labels: device,
  sampling,
});
export const driveSectors = defineMetric({
  name: "warpwatch_drive_bad_sectors",
  kind: "gauge",
  help: "Sectors that were `reallocated`, are `pending` since they can't be read, or proved `uncorrectable` in a scan.",
  labels: ["device", "state"],
  sampling,
});
export const driveLinkErrors = defineMetric({
  name: "warpwatch_drive_link_errors_total",
  kind: "counter",
  help: "Transfers over the drive's cable whose checksum was wrong, over its life.",
  labels: device,
  sampling,
});
export const driveCommandTimeouts = defineMetric({
  name: "warpwatch_drive_command_timeouts_total",
  kind: "counter",
  help: "Commands that were given up because the drive didn't answer, over its life.",
  labels: device,
  sampling,
});
export const driveUnsafeShutdowns = defineMetric({
  name: "warpwatch_drive_unsafe_shutdowns_total",
  kind: "counter",
  help: "How often the drive lost power without having been told, over its life.",
  labels: device,
  sampling,
});
export const drivePowerOn = defineMetric({
  name: "warpwatch_drive_power_on_seconds_total",
  kind: "counter",
  unit: "seconds",
  help: "Seconds for which the drive was powered over its life; it counts whole hours.",
  labels: device,
  sampling,
});
export const drivePowerCycles = defineMetric({
  name: "warpwatch_drive_power_cycles_total",
  kind: "counter",
  help: "How often the drive was powered up.",
  labels: device,
  sampling,
});
export const driveRead = defineMetric({
  name: "warpwatch_drive_read_bytes_total",
  kind: "counter",
  unit: "bytes",
  help: "Bytes that were read from the drive over its life.",
  labels: device,
  sampling,
});
export const driveWritten = defineMetric({
  name: "warpwatch_drive_written_bytes_total",
  kind: "counter",
  unit: "bytes",
  help: "Bytes that were written to the drive over its life.",
  labels: device,
  sampling,
});
export const driveBusy = defineMetric({
  name: "warpwatch_drive_busy_seconds_total",
  kind: "counter",
  unit: "seconds",
  help: "Seconds for which an NVMe controller was busy with commands over its life; it counts whole minutes.",
  labels: device,
  sampling,
});
export const driveTooHot = defineMetric({
  name: "warpwatch_drive_too_hot_seconds_total",
  kind: "counter",
  unit: "seconds",
  help: "Seconds for which an NVMe drive was above its `warning` or its `critical` temperature; it counts whole minutes.",
  labels: ["device", "severity"],
  sampling,
});
export const driveThrottled = defineMetric({
  name: "warpwatch_drive_throttled_seconds_total",
  kind: "counter",
  unit: "seconds",
  help: "Seconds for which an NVMe drive slowed down to cool: `light` throttling costs little, `heavy` a lot.",
  labels: ["device", "kind"],
  sampling,
});
