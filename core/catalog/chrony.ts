/** The clock as chronyd keeps it: what its `tracking` report says, in base units. */
import { defineMetric } from "./metric.ts";

const sampling = "steady";

export const chronyOffset = defineMetric({
  name: "warpwatch_chrony_offset_seconds",
  kind: "gauge",
  unit: "seconds",
  help: "Seconds that the system's clock is behind NTP time by chronyd's estimate; negative where it is ahead.",
  sampling,
});
export const chronyErrorBound = defineMetric({
  name: "warpwatch_chrony_error_bound_seconds",
  kind: "gauge",
  unit: "seconds",
  help: "Seconds by which the system's clock is wrong at most: the offset without its sign, the root dispersion and half of the root delay.",
  sampling,
});
export const chronyLastOffset = defineMetric({
  name: "warpwatch_chrony_last_offset_seconds",
  kind: "gauge",
  unit: "seconds",
  help: "Offset that chronyd measured at its last clock update, in seconds.",
  sampling,
});
export const chronyRmsOffset = defineMetric({
  name: "warpwatch_chrony_rms_offset_seconds",
  kind: "gauge",
  unit: "seconds",
  help: "Long-term root mean square of the offsets that chronyd measured, in seconds.",
  sampling,
});
export const chronyFrequency = defineMetric({
  name: "warpwatch_chrony_frequency_error_ratio",
  kind: "gauge",
  unit: "ratio",
  help: "Ratio by which the clock would run fast if chronyd didn't correct it; negative where it would run slow.",
  sampling,
});
export const chronyResidualFrequency = defineMetric({
  name: "warpwatch_chrony_residual_frequency_ratio",
  kind: "gauge",
  unit: "ratio",
  help: "Ratio between the frequency that the reference's measurements suggest and the one in use, less one.",
  sampling,
});
export const chronySkew = defineMetric({
  name: "warpwatch_chrony_skew_ratio",
  kind: "gauge",
  unit: "ratio",
  help: "Bound of the error of the clock's frequency as a ratio.",
  sampling,
});
export const chronyRootDelay = defineMetric({
  name: "warpwatch_chrony_root_delay_seconds",
  kind: "gauge",
  unit: "seconds",
  help: "Delay of all network paths to the stratum 1 server together, in seconds.",
  sampling,
});
export const chronyRootDispersion = defineMetric({
  name: "warpwatch_chrony_root_dispersion_seconds",
  kind: "gauge",
  unit: "seconds",
  help: "Dispersion gathered over all servers up to stratum 1, in seconds.",
  sampling,
});
export const chronyUpdateInterval = defineMetric({
  name: "warpwatch_chrony_update_interval_seconds",
  kind: "gauge",
  unit: "seconds",
  help: "Seconds between the last two clock updates.",
  sampling,
});
export const chronyStratum = defineMetric({
  name: "warpwatch_chrony_stratum",
  kind: "gauge",
  help: "Hops from this clock to one with a reference of its own; 0 where it isn't synchronised.",
  sampling,
});
export const chronyLeapStatus = defineMetric({
  name: "warpwatch_chrony_leap_status",
  kind: "gauge",
  help: "1 for the state of the clock: `normal`, `insert` or `delete` before a leap second, or `unsynchronised`; 0 for the others.",
  labels: ["state"],
  sampling,
});
export const chronyReferenceInfo = defineMetric({
  name: "warpwatch_chrony_reference_info",
  kind: "info",
  help: "What the clock follows: the reference's identifier in hexadecimal, and its address where it has one.",
  labels: ["id", "address"],
  sampling,
});
export const chronyReferenceTime = defineMetric({
  name: "warpwatch_chrony_reference_timestamp_seconds",
  kind: "gauge",
  unit: "seconds",
  help: "Unix time of the last measurement of the reference that was used, in seconds.",
  sampling,
});
export const chronySources = defineMetric({
  name: "warpwatch_chrony_sources",
  kind: "gauge",
  help: "Sources of time that chronyd has.",
  sampling,
});
