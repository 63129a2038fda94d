/** What the node's BMC tells over IPMI: its sensors, power supplies, chassis, power draw and event log. */
import { defineMetric } from "./metric.ts";

const sampling = "slow-kernel";
/** Names may be the same for several sensors: `index` is the sensor's number, and its unit's where that isn't 0. */
const sensor = ["sensor", "index", "part"] as const;

export const bmcInfo = defineMetric({
  name: "warpwatch_bmc_info",
  kind: "info",
  help: "The BMC: its maker's number, the product's number, its firmware and the version of IPMI that it speaks.",
  labels: ["manufacturer", "model", "firmware", "version"],
  sampling,
});
export const bmcReadTime = defineMetric({
  name: "warpwatch_bmc_read_timestamp_seconds",
  kind: "gauge",
  unit: "seconds",
  help: "Unix time at which the BMC told what is shown of it, in seconds.",
  sampling,
});
export const bmcTemperature = defineMetric({
  name: "warpwatch_bmc_temperature_celsius",
  kind: "gauge",
  unit: "celsius",
  help: "Temperature in degrees Celsius by the BMC's sensor; `part` is what it belongs to, `air_inlet_1` among them.",
  labels: sensor,
  sampling,
});
export const bmcFanSpeed = defineMetric({
  name: "warpwatch_bmc_fan_speed_rpm",
  kind: "gauge",
  help: "Speed of a fan in revolutions per minute.",
  labels: sensor,
  sampling,
});
export const bmcShare = defineMetric({
  name: "warpwatch_bmc_sensor_ratio",
  kind: "gauge",
  unit: "ratio",
  help: "Ratio that a BMC's sensor gives in percent: mostly how far a fan is driven, or how busy a part is.",
  labels: sensor,
  sampling,
});
export const bmcVoltage = defineMetric({
  name: "warpwatch_bmc_voltage_volts",
  kind: "gauge",
  help: "Voltage in volts by the BMC's sensor.",
  labels: sensor,
  sampling,
});
export const bmcCurrent = defineMetric({
  name: "warpwatch_bmc_current_amperes",
  kind: "gauge",
  help: "Current in amperes by the BMC's sensor.",
  labels: sensor,
  sampling,
});
export const bmcPower = defineMetric({
  name: "warpwatch_bmc_power_watts",
  kind: "gauge",
  unit: "watts",
  help: "Power in watts by the BMC's sensor.",
  labels: sensor,
  sampling,
});
export const bmcSeverity = defineMetric({
  name: "warpwatch_bmc_sensor_severity",
  kind: "gauge",
  help: "How far beyond its thresholds a sensor is by the BMC's own judgement: 0 within, 1 non-critical, 2 critical, 3 non-recoverable.",
  labels: sensor,
  sampling,
});
export const bmcPowerSupply = defineMetric({
  name: "warpwatch_bmc_power_supply_state",
  kind: "gauge",
  help: "1 for each state that a power supply is in: `present`, `failed`, `failure_predicted`, `input_lost`, `input_lost_or_out_of_range`, `input_out_of_range`, `misconfigured` or `inactive`.",
  labels: ["sensor", "index", "part", "state"],
  sampling,
});
export const bmcChassisOn = defineMetric({
  name: "warpwatch_bmc_chassis_power_on",
  kind: "gauge",
  help: "1 where the chassis is powered on by the BMC's account.",
  sampling,
});
export const bmcChassisFault = defineMetric({
  name: "warpwatch_bmc_chassis_fault",
  kind: "gauge",
  help: "1 for each fault of the chassis that the BMC sees: `power_overload`, `power_fault`, `power_control_fault`, `intrusion`, `drive_fault` or `cooling_fault`.",
  labels: ["reason"],
  sampling,
});
export const bmcSystemPower = defineMetric({
  name: "warpwatch_bmc_system_power_watts",
  kind: "gauge",
  unit: "watts",
  help: "Power in watts that the whole machine draws, by DCMI: `current`, and `minimum`, `maximum` and `average` of the BMC's window.",
  labels: ["kind"],
  sampling,
});
export const bmcEvents = defineMetric({
  name: "warpwatch_bmc_event_log_entries",
  kind: "gauge",
  help: "Entries of the BMC's event log.",
  sampling,
});
export const bmcEventSpace = defineMetric({
  name: "warpwatch_bmc_event_log_free_bytes",
  kind: "gauge",
  unit: "bytes",
  help: "Bytes that are free in the BMC's event log.",
  sampling,
});
export const bmcEventsLost = defineMetric({
  name: "warpwatch_bmc_event_log_overflowed",
  kind: "gauge",
  help: "1 where the BMC has dropped events because its log is full.",
  sampling,
});
export const bmcSensors = defineMetric({
  name: "warpwatch_bmc_sensors",
  kind: "gauge",
  help: "Sensors of the BMC by what became of them: `read`, `silent` where it gave no reading, `left_out` where they are of no kind that is read, another controller's, or over the bound.",
  labels: ["state"],
  sampling,
});
