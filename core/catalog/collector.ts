/** What the collector says of itself and of the targets it scrapes. */
import { defineMetric, openMetric } from "./metric.ts";

/** The three series that Prometheus adds to every target, under its names. */
export const targetUp = openMetric(
  "up",
  "gauge",
  "1 when the last scrape of the target succeeded, 0 when it failed.",
);
export const scrapeDuration = openMetric(
  "scrape_duration_seconds",
  "gauge",
  "How long the last scrape of the target took, in seconds.",
);
export const scrapeSamples = openMetric(
  "scrape_samples_scraped",
  "gauge",
  "Samples that the target's last answer held.",
);

export const framesAccepted = defineMetric({
  name: "warpwatch_ingest_frames_total",
  kind: "counter",
  help: "Frames that came in at the collector's door and were accepted.",
});
export const framesLate = defineMetric({
  name: "warpwatch_ingest_frames_late_total",
  kind: "counter",
  help: "Frames that came late, after an outage, and went to history without touching rules and alerts.",
});
export const framesRefused = defineMetric({
  name: "warpwatch_ingest_frames_refused_total",
  kind: "counter",
  help: "Frames that were refused whole: duplicate, late, malformed, from the future, without any time, of an origin past the bound, or sent under the name of one that is scraped or the collector's own.",
  labels: ["reason"],
});
export const samplesAccepted = defineMetric({
  name: "warpwatch_ingest_samples_total",
  kind: "counter",
  help: "Samples in accepted frames.",
});
export const pushRequests = defineMetric({
  name: "warpwatch_push_requests_total",
  kind: "counter",
  help: "Requests of agents that push, by outcome: ok, again (the schema was asked for), malformed, too_large, over_budget, busy, failed.",
  labels: ["outcome"],
});
export const pushSessions = defineMetric({
  name: "warpwatch_push_sessions",
  kind: "gauge",
  help: "Agents' sessions that the collector remembers, to read the differences that they send.",
});
export const samplesRefused = defineMetric({
  name: "warpwatch_ingest_samples_refused_total",
  kind: "counter",
  help: "Samples taken out of accepted frames: series past the bound, label values too long, times in the future or, in partial frames, no newer than the last.",
  labels: ["reason"],
});
export const subscriberErrors = defineMetric({
  name: "warpwatch_ingest_subscriber_errors_total",
  kind: "counter",
  help: "Times that a part of the collector failed on a frame it was handed; the other parts got it all the same.",
});
export const origins = defineMetric({
  name: "warpwatch_ingest_origins",
  kind: "gauge",
  help: "Origins whose last frame the collector holds.",
});
export const originSeries = defineMetric({
  name: "warpwatch_ingest_series",
  kind: "gauge",
  help: "Series in the last frames of all origins together.",
});

export const scrapes = defineMetric({
  name: "warpwatch_scrape_attempts_total",
  kind: "counter",
  help: "Scrapes of targets by outcome: ok, or the code of what went wrong.",
  labels: ["outcome"],
});
export const scrapeMalformedLines = defineMetric({
  name: "warpwatch_scrape_malformed_lines_total",
  kind: "counter",
  help: "Lines of scraped pages that break the format and were left out.",
});
export const scrapeTargets = defineMetric({
  name: "warpwatch_scrape_targets",
  kind: "gauge",
  help: "Targets the collector scrapes, by the state of the last scrape: up, down or new.",
  labels: ["state"],
});
export const discoveryErrors = defineMetric({
  name: "warpwatch_scrape_discovery_errors_total",
  kind: "counter",
  help: "Troubles with what finds targets: a file, a name server or an API server that could not be used; the targets known before stay.",
});

export const alerts = defineMetric({
  name: "warpwatch_alerts",
  kind: "gauge",
  help: "Alerts by rule and state: pending, firing or unknown, which is one whose data stopped coming.",
  labels: ["rule", "state"],
});
export const alertTransitions = defineMetric({
  name: "warpwatch_alert_transitions_total",
  kind: "counter",
  help: "Alerts that became pending, fired, resolved or were dropped before they fired.",
  labels: ["rule", "state"],
});
export const evaluations = defineMetric({
  name: "warpwatch_rule_evaluations_total",
  kind: "counter",
  help: "Frames of origins that the rules were evaluated on.",
});
export const evaluationFailures = defineMetric({
  name: "warpwatch_rule_evaluation_failures_total",
  kind: "counter",
  help: "Evaluations of a rule that failed; its alerts keep their state.",
  labels: ["rule"],
});
export const evaluationSeconds = defineMetric({
  name: "warpwatch_rule_evaluation_duration_seconds",
  kind: "histogram",
  unit: "seconds",
  help: "Time to evaluate all rules on one frame, without writing what changed.",
  buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1],
});
export const commitSeconds = defineMetric({
  name: "warpwatch_alert_commit_duration_seconds",
  kind: "histogram",
  unit: "seconds",
  help: "Time to make changed alerts and their notifications durable.",
  buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
});
export const detectionSeconds = defineMetric({
  name: "warpwatch_alert_detection_duration_seconds",
  kind: "histogram",
  unit: "seconds",
  help: "From the time of the sample that made an alert fire or resolve to its notification being durable.",
  buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60],
});
export const commitFailures = defineMetric({
  name: "warpwatch_alert_commit_failures_total",
  kind: "counter",
  help: "Times that changed alerts could not be made durable; they are kept in memory and tried again.",
});
export const windowSamplesDropped = defineMetric({
  name: "warpwatch_rule_window_samples_dropped_total",
  kind: "counter",
  help: "Samples merged into their neighbour because a rate's window holds a bounded number.",
});
export const eventsReceived = defineMetric({
  name: "warpwatch_events_received_total",
  kind: "counter",
  help: "Events that agents reported, by kind.",
  labels: ["kind"],
});

export const remoteWriteRequests = defineMetric({
  name: "warpwatch_remote_write_requests_total",
  kind: "counter",
  help: "Requests to the remote-write receiver by outcome: ok, partial, or why nothing of them was kept.",
  labels: ["outcome"],
});
export const remoteWriteSamples = defineMetric({
  name: "warpwatch_remote_write_samples_total",
  kind: "counter",
  help: "Samples that came by remote-write and were taken.",
});
export const remoteWriteRepeated = defineMetric({
  name: "warpwatch_remote_write_samples_repeated_total",
  kind: "counter",
  help: "Samples that came by remote-write again, as they were, and so changed nothing.",
});
export const remoteWriteRefused = defineMetric({
  name: "warpwatch_remote_write_samples_refused_total",
  kind: "counter",
  help: "Samples, native histograms and exemplars that came by remote-write and were not taken, by reason.",
  labels: ["reason"],
});
export const remoteWriteSeries = defineMetric({
  name: "warpwatch_remote_write_series",
  kind: "gauge",
  help: "Series that came by remote-write within the last hour.",
});

export const otlpRequests = defineMetric({
  name: "warpwatch_otlp_requests_total",
  kind: "counter",
  help: "Requests to the OTLP receiver by outcome: ok, partial, or why nothing of them was kept.",
  labels: ["outcome"],
});
export const otlpPoints = defineMetric({
  name: "warpwatch_otlp_points_total",
  kind: "counter",
  help: "Data points that came by OTLP and were taken; those that came again are among them.",
});
export const otlpRefused = defineMetric({
  name: "warpwatch_otlp_points_refused_total",
  kind: "counter",
  help: "Data points that came by OTLP and were not taken whole, by reason.",
  labels: ["reason"],
});
export const otlpSeries = defineMetric({
  name: "warpwatch_otlp_series",
  kind: "gauge",
  help: "Series that came by OTLP within the last hour.",
});

export const remoteStoreRequests = defineMetric({
  name: "warpwatch_remote_store_requests_total",
  kind: "counter",
  help: "Remote-write requests to a store by outcome: accepted, retry for one that is sent again, refused.",
  labels: ["store", "outcome"],
});
export const remoteStoreSamplesSent = defineMetric({
  name: "warpwatch_remote_store_samples_total",
  kind: "counter",
  help: "Samples that a store accepted.",
  labels: ["store"],
});
export const remoteStoreSamplesDropped = defineMetric({
  name: "warpwatch_remote_store_samples_dropped_total",
  kind: "counter",
  help: "Samples that a store will never get, by reason: the buffer was full, could not be written or read, or the store refused them.",
  labels: ["store", "reason"],
});
export const remoteStoreBufferBytes = defineMetric({
  name: "warpwatch_remote_store_buffer_bytes",
  kind: "gauge",
  unit: "bytes",
  help: "Size in bytes of what waits on disk for a store.",
  labels: ["store"],
});
export const remoteStoreAccepted = defineMetric({
  name: "warpwatch_remote_store_accepted_timestamp_seconds",
  kind: "gauge",
  unit: "seconds",
  help: "Unix time in seconds at which a store last accepted samples.",
  labels: ["store"],
});
export const certificateExpiry = defineMetric({
  name: "warpwatch_certificate_expiry_timestamp_seconds",
  kind: "gauge",
  unit: "seconds",
  help: "When the first of the certificates expires that servers showed the collector within the last hour, in Unix seconds; NaN where none did.",
});
