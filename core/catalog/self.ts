/** What Warpwatch says of itself: its sources, its agent, its HTTP servers. Named after Prometheus' naming guide. */
import { defineMetric, openMetric } from "./metric.ts";

export const sourceUp = defineMetric({
  name: "warpwatch_source_up",
  kind: "gauge",
  help: "Whether the source's last read succeeded: 1, or 0 when it is down. A machine that has none of it has no series.",
  labels: ["source"],
});

export const sourceInfo = defineMetric({
  name: "warpwatch_source_info",
  kind: "info",
  help: "The source's state (up, absent or down) and the reason for it.",
  labels: ["source", "state", "reason"],
});

export const sourceDuration = defineMetric({
  name: "warpwatch_source_duration_seconds",
  kind: "gauge",
  unit: "seconds",
  help: "How long the source's last read took, in seconds.",
  labels: ["source"],
});

export const sourceSeries = defineMetric({
  name: "warpwatch_source_series",
  kind: "gauge",
  help: "Series the source has registered.",
  labels: ["source"],
});

export const sourceRefusedSeries = defineMetric({
  name: "warpwatch_source_refused_series",
  kind: "gauge",
  help: "Series the source has that were left out: over its bound, or registered twice.",
  labels: ["source"],
});

export const sourceInFlight = defineMetric({
  name: "warpwatch_source_in_flight_seconds",
  kind: "gauge",
  unit: "seconds",
  help: "For how long the source's present read has been without an answer, in seconds; 0 when none is under way.",
  labels: ["source"],
});

export const sourceLastRead = defineMetric({
  name: "warpwatch_source_last_read_timestamp_seconds",
  kind: "gauge",
  unit: "seconds",
  help: "When the source was last read with success, in seconds since 1970.",
  labels: ["source"],
});

export const sourceFailures = defineMetric({
  name: "warpwatch_source_failures_total",
  kind: "counter",
  help: "Rounds of the source that failed: it could not be opened, threw, or did not answer in time.",
  labels: ["source"],
});

export const probeInFlight = defineMetric({
  name: "warpwatch_probe_in_flight_seconds",
  kind: "gauge",
  unit: "seconds",
  help: "For how long a call of a probe for one device or mount has been without an answer, in seconds; only of those over a second.",
  labels: ["probe", "key"],
});

export const probeAbandoned = defineMetric({
  name: "warpwatch_probe_abandoned_total",
  kind: "counter",
  help: "Child processes of a probe that were left to themselves, because a call held them beyond its deadline.",
  labels: ["probe"],
});

export const probeRestarts = defineMetric({
  name: "warpwatch_probe_restarts_total",
  kind: "counter",
  help: "Times a probe's child process was started anew, after it had ended or was abandoned.",
  labels: ["probe"],
});

export const agentInfo = defineMetric({
  name: "warpwatch_agent_info",
  kind: "info",
  help: "The agent's version and the name of its node.",
  labels: ["version", "node"],
});

export const agentSchemaVersion = defineMetric({
  name: "warpwatch_agent_schema_version",
  kind: "gauge",
  help: "Rises by one each time the agent's list of series changes.",
});

export const agentEvents = defineMetric({
  name: "warpwatch_agent_events_total",
  kind: "counter",
  help: "Events that the agent's sources reported.",
});

export const agentDroppedEvents = defineMetric({
  name: "warpwatch_agent_dropped_events_total",
  kind: "counter",
  help: "Events that were pushed out of the buffer before every receiver had taken them.",
});

export const agentFailedDeliveries = defineMetric({
  name: "warpwatch_agent_failed_deliveries_total",
  kind: "counter",
  help: "Frames that a receiver within the process did not take.",
});

export const pushAcknowledged = defineMetric({
  name: "warpwatch_agent_push_frames_total",
  kind: "counter",
  help: "Frames that the collector has acknowledged to the agent: they are on its disk.",
});

export const pushFailures = defineMetric({
  name: "warpwatch_agent_push_failures_total",
  kind: "counter",
  help: "Requests with frames that the collector refused or didn't answer.",
});

export const pushBehind = defineMetric({
  name: "warpwatch_agent_push_behind_seconds",
  kind: "gauge",
  unit: "seconds",
  help: "For how long the oldest frame in the agent's memory has waited to be acknowledged, in seconds.",
});

export const pushSpooledFrames = defineMetric({
  name: "warpwatch_agent_push_spooled_frames",
  kind: "gauge",
  help: "Frames that wait on the agent's disk for the collector.",
});

export const pushSpoolBytes = defineMetric({
  name: "warpwatch_agent_push_spool_bytes",
  kind: "gauge",
  unit: "bytes",
  help: "Bytes of frames that wait on the agent's disk for the collector.",
});

export const pushDroppedFrames = defineMetric({
  name: "warpwatch_agent_push_dropped_frames_total",
  kind: "counter",
  help: "Frames that will never reach the collector, by reason: disk_full, memory_full, refused, spool_full, unreadable, write_failed.",
  labels: ["reason"],
});

export const pushWaitingEvents = defineMetric({
  name: "warpwatch_agent_push_waiting_events",
  kind: "gauge",
  help: "Events that wait in the agent for the collector.",
});

export const pushDroppedEvents = defineMetric({
  name: "warpwatch_agent_push_dropped_events_total",
  kind: "counter",
  help: "Events that will never reach the collector: too many waited, or it refused them.",
});

export const otlpExportRequests = defineMetric({
  name: "warpwatch_otlp_export_requests_total",
  kind: "counter",
  help: "OTLP requests to a receiver by outcome: accepted, retry for one that is sent again, refused.",
  labels: ["store", "outcome"],
});

export const otlpExportPoints = defineMetric({
  name: "warpwatch_otlp_export_points_total",
  kind: "counter",
  help: "Data points that an OTLP receiver accepted.",
  labels: ["store"],
});

export const otlpExportDropped = defineMetric({
  name: "warpwatch_otlp_export_points_dropped_total",
  kind: "counter",
  help: "Data points that an OTLP receiver will never get, by reason: queue_full, refused with their request, rejected alone, unwritable or unreadable where they wait on disk.",
  labels: ["store", "reason"],
});

export const otlpExportQueueBytes = defineMetric({
  name: "warpwatch_otlp_export_queue_bytes",
  kind: "gauge",
  unit: "bytes",
  help: "Size in bytes of what waits for an OTLP receiver, in memory or on disk.",
  labels: ["store"],
});

export const agentFrameAge = defineMetric({
  name: "warpwatch_agent_frame_age_seconds",
  kind: "gauge",
  unit: "seconds",
  help: "Age of the newest samples when this page was rendered, in seconds.",
});

export const agentUnexposedSeries = defineMetric({
  name: "warpwatch_agent_unexposed_series",
  kind: "gauge",
  help: "Series that the metrics page leaves out: names outside the format's alphabet, or another series repeated.",
});

export const httpRequests = defineMetric({
  name: "warpwatch_http_requests_total",
  kind: "counter",
  help: "HTTP requests answered, by route, method and status code; refused ones too.",
  labels: ["route", "method", "code"],
});

export const httpRequestDuration = defineMetric({
  name: "warpwatch_http_request_duration_seconds",
  kind: "histogram",
  unit: "seconds",
  help: "Time from an HTTP request's head to the end of its answer, in seconds.",
  labels: ["route"],
  buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
});

export const httpDroppedConnections = defineMetric({
  name: "warpwatch_http_dropped_connections_total",
  kind: "counter",
  help: "Connections that were closed at once because there were too many.",
});

/** What every exporter says of its own process, under the names that all share. */
export const processCpuSeconds = openMetric(
  "process_cpu_seconds_total",
  "counter",
  "Processor time that the process itself has used, in seconds.",
);

export const processResidentMemory = openMetric(
  "process_resident_memory_bytes",
  "gauge",
  "Memory of the process itself that is in RAM, in bytes.",
);

export const processStartTime = openMetric(
  "process_start_time_seconds",
  "gauge",
  "When the process started, in seconds since 1970.",
);

export const processOpenDescriptors = openMetric(
  "process_open_fds",
  "gauge",
  "Files and sockets that the process has open.",
);

export const processMaximumDescriptors = openMetric(
  "process_max_fds",
  "gauge",
  "Files and sockets that the process may have open.",
);

export const processHeapUsed = openMetric(
  "nodejs_heap_size_used_bytes",
  "gauge",
  "Memory that JavaScript objects of the process take, in bytes.",
);

export const processHeapTotal = openMetric(
  "nodejs_heap_size_total_bytes",
  "gauge",
  "Memory that the process has set aside for JavaScript objects, in bytes.",
);

export const processExternalMemory = openMetric(
  "nodejs_external_memory_bytes",
  "gauge",
  "Memory outside the heap that JavaScript objects of the process hold, in bytes.",
);
