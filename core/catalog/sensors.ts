/** Temperatures, fans, voltages, power and memory errors, under node_exporter's names: hwmon, thermal, powercap, power_supply and EDAC of /sys. */
import { defineFamily, defineMetric } from "./metric.ts";

/** Keys are the kind of sensor, what of it, and the unit: `temp_crit_celsius`, `fan_rpm`, `power_average_watt`. */
export const hardwareSensor = defineFamily({
  pattern: "node_hwmon_{key}",
  kind: "gauge",
  help: "{key} of each sensor that the kernel's hwmon drivers know.",
  labels: ["chip", "sensor"],
  maximumKeys: 500,
  sampling: "steady",
  compatibilityOnly: true,
});
export const chipNames = defineMetric({
  name: "node_hwmon_chip_names",
  kind: "info",
  help: "The driver's name for each chip of sensors.",
  labels: ["chip", "chip_name"],
  sampling: "steady",
  compatibilityOnly: true,
});
export const sensorLabel = defineMetric({
  name: "node_hwmon_sensor_label",
  kind: "info",
  help: "What the driver says that each sensor measures.",
  labels: ["chip", "sensor", "label"],
  sampling: "steady",
  compatibilityOnly: true,
});
export const zoneTemperature = defineMetric({
  name: "node_thermal_zone_temp",
  kind: "gauge",
  unit: "celsius",
  help: "Temperature of each thermal zone in degrees Celsius.",
  labels: ["zone", "type"],
  sampling: "steady",
  compatibilityOnly: true,
});
export const coolingState = defineMetric({
  name: "node_cooling_device_cur_state",
  kind: "gauge",
  help: "How hard each cooling device works now, in steps of its own.",
  labels: ["name", "type"],
  sampling: "steady",
  compatibilityOnly: true,
});
export const coolingStateMaximum = defineMetric({
  name: "node_cooling_device_max_state",
  kind: "gauge",
  help: "How hard each cooling device can work, in steps of its own.",
  labels: ["name", "type"],
  sampling: "steady",
  compatibilityOnly: true,
});
/** The key is the zone: package, dram, core, psys. */
export const zoneEnergy = defineFamily({
  pattern: "node_rapl_{key}_joules_total",
  kind: "counter",
  unit: "joules",
  help: "Energy that the {key} zone has taken, in joules, as the processor counts it; wraps around.",
  labels: ["index", "path"],
  maximumKeys: 50,
  compatibilityOnly: true,
});
/** Instead of the family, where the operator wants one name for all zones. */
export const labelledZoneEnergy = defineMetric({
  name: "node_rapl_joules_total",
  kind: "counter",
  unit: "joules",
  help: "Energy that a zone of the processor has taken, in joules, as the processor counts it; wraps around.",
  labels: ["index", "path", "rapl_zone"],
  compatibilityOnly: true,
});
/** Keys are the kernel's, with the unit in the name: `voltage_volt`, `energy_watthour`. */
export const powerSupply = defineFamily({
  pattern: "node_power_supply_{key}",
  kind: "gauge",
  help: "{key} of each power supply or battery that the kernel knows.",
  labels: ["power_supply"],
  maximumKeys: 100,
  sampling: "steady",
  compatibilityOnly: true,
});
export const powerSupplyInfo = defineMetric({
  name: "node_power_supply_info",
  kind: "info",
  help: "Maker, model, kind and state of each power supply or battery.",
  labels: [
    "power_supply",
    "capacity_level",
    "charge_type",
    "health",
    "manufacturer",
    "model_name",
    "scope",
    "serial_number",
    "status",
    "technology",
    "type",
    "usb_type",
  ],
  sampling: "steady",
  compatibilityOnly: true,
});
export const correctedErrors = defineMetric({
  name: "node_edac_correctable_errors_total",
  kind: "counter",
  help: "Memory errors that each controller has corrected.",
  labels: ["controller"],
  sampling: "steady",
  compatibilityOnly: true,
});
export const uncorrectedErrors = defineMetric({
  name: "node_edac_uncorrectable_errors_total",
  kind: "counter",
  help: "Memory errors that each controller could not correct.",
  labels: ["controller"],
  sampling: "steady",
  compatibilityOnly: true,
});
export const rowCorrectedErrors = defineMetric({
  name: "node_edac_csrow_correctable_errors_total",
  kind: "counter",
  help: "Memory errors corrected in each row of modules; unknown where the controller can't tell which.",
  labels: ["controller", "csrow"],
  sampling: "steady",
  compatibilityOnly: true,
});
export const rowUncorrectedErrors = defineMetric({
  name: "node_edac_csrow_uncorrectable_errors_total",
  kind: "counter",
  help: "Memory errors not corrected in each row of modules; unknown where the controller can't tell which.",
  labels: ["controller", "csrow"],
  sampling: "steady",
  compatibilityOnly: true,
});
export const channelCorrectedErrors = defineMetric({
  name: "node_edac_channel_correctable_errors_total",
  kind: "counter",
  help: "Memory errors corrected in each channel's module.",
  labels: ["controller", "csrow", "channel", "dimm_label"],
  sampling: "steady",
  compatibilityOnly: true,
});
export const channelUncorrectedErrors = defineMetric({
  name: "node_edac_channel_uncorrectable_errors_total",
  kind: "counter",
  help: "Memory errors not corrected in each channel's module.",
  labels: ["controller", "csrow", "channel", "dimm_label"],
  sampling: "steady",
  compatibilityOnly: true,
});
/** Keys are the kernel's, with the unit in the name. */
export const watchdog = defineFamily({
  pattern: "node_watchdog_{key}",
  kind: "gauge",
  help: "{key} of each watchdog timer, which resets a machine that hangs.",
  labels: ["name"],
  maximumKeys: 20,
  sampling: "steady",
  compatibilityOnly: true,
});
export const watchdogInfo = defineMetric({
  name: "node_watchdog_info",
  kind: "info",
  help: "What each watchdog timer is, and whether it runs.",
  labels: ["name", "options", "identity", "state", "status", "pretimeout_governor"],
  sampling: "steady",
  compatibilityOnly: true,
});
