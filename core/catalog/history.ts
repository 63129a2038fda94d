/** Metrics of the collector's history: the journal, the Parquet files, queries and what bounds them. */
import { defineMetric } from "./metric.ts";

export const framesStored = defineMetric({
  name: "warpwatch_history_frames_total",
  kind: "counter",
  help: "Frames that are on disk in the journal.",
});
export const framesDropped = defineMetric({
  name: "warpwatch_history_frames_dropped_total",
  kind: "counter",
  help: "Frames that history lacks, by reason; none of them was acknowledged, but for those of journal_full.",
  labels: ["reason"],
});
export const commitSeconds = defineMetric({
  name: "warpwatch_history_commit_duration_seconds",
  kind: "histogram",
  unit: "seconds",
  help: "Time to make a group of frames durable.",
  buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
});
export const journalBytes = defineMetric({
  name: "warpwatch_history_journal_bytes",
  kind: "gauge",
  unit: "bytes",
  help: "Size in bytes of the frames in the journal, which aren't in Parquet files yet.",
});
export const parquetBytes = defineMetric({
  name: "warpwatch_history_parquet_bytes",
  kind: "gauge",
  unit: "bytes",
  help: "Size in bytes of history's Parquet files.",
});
export const compactions = defineMetric({
  name: "warpwatch_history_compactions_total",
  kind: "counter",
  help: "Batches of the journal that were to become Parquet files, by outcome.",
  labels: ["outcome"],
});
export const rollUps = defineMetric({
  name: "warpwatch_history_roll_ups_total",
  kind: "counter",
  help: "Batches of a day's Parquet files that were to be thinned to a row a minute, by outcome.",
  labels: ["outcome"],
});
export const bytesExpired = defineMetric({
  name: "warpwatch_history_expired_bytes_total",
  kind: "counter",
  unit: "bytes",
  help: "Size in bytes of what retention removed, by reason: age, size, or lost where a file was gone.",
  labels: ["reason"],
});
export const queries = defineMetric({
  name: "warpwatch_history_queries_total",
  kind: "counter",
  help: "Queries of history by outcome.",
  labels: ["outcome"],
});
export const querySeconds = defineMetric({
  name: "warpwatch_history_query_duration_seconds",
  kind: "histogram",
  unit: "seconds",
  help: "Time to answer a query of history, waiting included.",
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
});
export const eventBytes = defineMetric({
  name: "warpwatch_history_event_bytes",
  kind: "gauge",
  unit: "bytes",
  help: "Size in bytes of the events that are kept, in the journal's database.",
});
export const eventsExpired = defineMetric({
  name: "warpwatch_history_events_expired_total",
  kind: "counter",
  help: "Events that are no longer kept, by reason: age, or size where there were more than fit.",
  labels: ["reason"],
});
export const featureBytes = defineMetric({
  name: "warpwatch_history_feature_bytes",
  kind: "gauge",
  unit: "bytes",
  help: "Size in bytes of the files with daily features of devices.",
});
export const featureDays = defineMetric({
  name: "warpwatch_history_feature_days_total",
  kind: "counter",
  help: "Days whose features were to be made from their samples and events, by outcome.",
  labels: ["outcome"],
});
export const backfilledOrigins = defineMetric({
  name: "warpwatch_backfill_origins_total",
  kind: "counter",
  help: "Origins whose past was to be read from a store for the learned detectors, by outcome.",
  labels: ["outcome"],
});
export const backfilledSamples = defineMetric({
  name: "warpwatch_backfill_samples_total",
  kind: "counter",
  help: "Samples of the past that the learned detectors learned from.",
});
export const featureRowsDropped = defineMetric({
  name: "warpwatch_history_feature_rows_dropped_total",
  kind: "counter",
  help: "Features that a day had beyond what is kept of one day.",
});
export const damaged = defineMetric({
  name: "warpwatch_history_damaged_total",
  kind: "counter",
  help: "What was damaged on disk and is left out, by reason: a file, a frame of the journal.",
  labels: ["reason"],
});
