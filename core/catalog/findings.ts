/** What the learned detectors found (collector/detect/learned): as metrics, so that ordinary rules open tickets on it. */
import { defineMetric } from "./metric.ts";

/** What a finding is about: `metric` as it is named, `subject` as people call the device on its node. */
const subject = ["node", "subject", "UUID", "metric"] as const;

export const active = defineMetric({
  name: "warpwatch_finding_active",
  kind: "gauge",
  help: "1 while a learned detector has an open finding about this series, 0 for ten minutes after it was closed.",
  labels: ["detector", ...subject],
});
export const open = defineMetric({
  name: "warpwatch_findings",
  kind: "gauge",
  help: "Findings that are open, by detector.",
  labels: ["detector"],
});
export const dropped = defineMetric({
  name: "warpwatch_findings_dropped_total",
  kind: "counter",
  help: "Findings that were not opened because as many are open as are kept.",
  labels: ["detector"],
});
export const anomalyScore = defineMetric({
  name: "warpwatch_anomaly_score",
  kind: "gauge",
  help: "Highest score of an open anomaly finding so far: 3 means one sample in a thousand, 4 one in ten thousand.",
  labels: subject,
});
export const forecastLimit = defineMetric({
  name: "warpwatch_forecast_limit_timestamp_seconds",
  kind: "gauge",
  unit: "seconds",
  help: "When the series reaches its limit if it goes on as it does, in Unix seconds; there while the forecast stands.",
  labels: subject,
});
export const forecastEarliest = defineMetric({
  name: "warpwatch_forecast_limit_earliest_timestamp_seconds",
  kind: "gauge",
  unit: "seconds",
  help: "The early end of the forecast's 90 % interval, in Unix seconds.",
  labels: subject,
});
export const forecastLatest = defineMetric({
  name: "warpwatch_forecast_limit_latest_timestamp_seconds",
  kind: "gauge",
  unit: "seconds",
  help: "The late end of the forecast's 90 % interval, in Unix seconds; absent where that end never reaches the limit.",
  labels: subject,
});
export const failureProbability = defineMetric({
  name: "warpwatch_gpu_failure_probability_ratio",
  kind: "gauge",
  unit: "ratio",
  help: "Probability that the GPU fails within the horizon, from the fleet's base rate and what was counted on this GPU.",
  labels: ["gpu", "UUID", "node", "horizon"],
});
export const series = defineMetric({
  name: "warpwatch_detector_series",
  kind: "gauge",
  help: "Series that a learned detector watches.",
  labels: ["detector"],
});
export const seriesRefused = defineMetric({
  name: "warpwatch_detector_series_refused",
  kind: "gauge",
  help: "Series that a learned detector would watch and does not, because it watches as many as it may.",
  labels: ["detector"],
});
export const snapshotFailures = defineMetric({
  name: "warpwatch_detector_snapshot_failures_total",
  kind: "counter",
  help: "Times that what a detector has learned could not be saved or read back; it then goes on from what it has.",
  labels: ["detector"],
});
