/** How the kernel keeps its clock, under node_exporter's names: adjtimex(2). */
import { defineMetric, type Metric, type MetricKind, type Unit } from "./metric.ts";

export const syncStatus = defineClock(
  "node_timex_sync_status",
  "Whether the clock is kept by a reliable reference: 1, or 0 when it isn't.",
);
export const offset = defineClock(
  "node_timex_offset_seconds",
  "How far the clock is from its reference, in seconds.",
  "seconds",
);
export const frequencyAdjustment = defineClock(
  "node_timex_frequency_adjustment_ratio",
  "Ratio of the clock's adjusted frequency to its own.",
  "ratio",
);
export const maximumError = defineClock(
  "node_timex_maxerror_seconds",
  "The largest error that the clock may have, in seconds.",
  "seconds",
);
export const estimatedError = defineClock(
  "node_timex_estimated_error_seconds",
  "The error that the clock is thought to have, in seconds.",
  "seconds",
);
export const status = defineClock("node_timex_status", "Status of the clock as a sum of bits.");
export const loopTimeConstant = defineClock(
  "node_timex_loop_time_constant",
  "Time constant of the clock's phase-locked loop.",
);
export const tick = defineClock(
  "node_timex_tick_seconds",
  "Time from one tick of the clock to the next, in seconds.",
  "seconds",
);
export const taiOffset = defineClock(
  "node_timex_tai_offset_seconds",
  "International Atomic Time minus UTC, in seconds.",
  "seconds",
);
export const pulseFrequency = defineClock(
  "node_timex_pps_frequency_hertz",
  "Frequency of the pulse per second, in hertz.",
  "hertz",
);
export const pulseJitter = defineClock(
  "node_timex_pps_jitter_seconds",
  "Jitter of the pulse per second, in seconds.",
  "seconds",
);
export const pulseShift = defineClock(
  "node_timex_pps_shift_seconds",
  "Interval over which the pulse per second is calibrated, as the kernel gives it in seconds.",
  "seconds",
);
export const pulseStability = defineClock(
  "node_timex_pps_stability_hertz",
  "How much the frequency of the pulse per second wanders, in hertz.",
  "hertz",
);
export const pulseJitterExceeded = defineClock(
  "node_timex_pps_jitter_total",
  "Pulses per second whose jitter was over the limit.",
  "none",
  "counter",
  "node.timex.pps_jitter_exceeded",
);
export const pulseCalibrations = defineClock(
  "node_timex_pps_calibration_total",
  "Intervals over which the pulse per second was calibrated.",
  "none",
  "counter",
);
export const pulseErrors = defineClock(
  "node_timex_pps_error_total",
  "Calibrations of the pulse per second that failed.",
  "none",
  "counter",
);
export const pulseStabilityExceeded = defineClock(
  "node_timex_pps_stability_exceeded_total",
  "Times the pulse per second wandered more than the limit.",
  "none",
  "counter",
);

function defineClock(
  name: string,
  help: string,
  unit: Unit = "none",
  kind: MetricKind = "gauge",
  openTelemetryName?: string,
): Metric<never> {
  const metric = { name, kind, unit, help, compatibilityOnly: true };
  // Without suffixes the name would be that of the jitter itself.
  return defineMetric(openTelemetryName === undefined ? metric : { ...metric, openTelemetryName });
}
