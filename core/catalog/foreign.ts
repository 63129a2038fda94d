/** Metrics of other exporters that rules of ours read, under the names that their own documentation has. */
import { histogramParts, openMetric } from "./metric.ts";

// kube-state-metrics, docs/metrics/workload/pod-metrics.md and docs/metrics/cluster/node-metrics.md
export const podResourceRequests = openMetric(
  "kube_pod_container_resource_requests",
  "gauge",
  "What a container asks for of a resource; its node is empty until the pod has one.",
  ["namespace", "pod", "uid", "container", "node", "resource", "unit"],
);
export const podPhase = openMetric(
  "kube_pod_status_phase",
  "gauge",
  "1 for the phase that the pod is in, 0 for the others.",
  ["namespace", "pod", "uid", "phase"],
);
export const nodeAllocatable = openMetric(
  "kube_node_status_allocatable",
  "gauge",
  "How much of a resource the node has for pods.",
  ["node", "resource", "unit"],
);
export const nodeUnschedulable = openMetric(
  "kube_node_spec_unschedulable",
  "gauge",
  "1 where the node takes no new pods.",
  ["node"],
);

// blackbox_exporter, prober/tls.go
export const probedCertificateExpiry = openMetric(
  "probe_ssl_earliest_cert_expiry",
  "gauge",
  "When the first certificate of the probed chain expires, in Unix seconds.",
);

// Alertmanager, notify/notify.go
export const alertmanagerSent = openMetric(
  "alertmanager_notifications_total",
  "counter",
  "Notifications that Alertmanager tried to send, by integration.",
  ["integration"],
);
export const alertmanagerFailed = openMetric(
  "alertmanager_notifications_failed_total",
  "counter",
  "Notifications that Alertmanager could not send, by integration and, from 0.26 on, reason.",
  ["integration", "reason"],
);

// Prometheus, rules/manager.go and notifier/notifier.go
export const prometheusIterationsMissed = openMetric(
  "prometheus_rule_group_iterations_missed_total",
  "counter",
  "Evaluations of a rule group that Prometheus left out because the one before took too long.",
  ["rule_group"],
);
export const prometheusRuleFailures = openMetric(
  "prometheus_rule_evaluation_failures_total",
  "counter",
  "Evaluations of a rule that Prometheus could not make.",
  ["rule_group"],
);
export const prometheusNotificationsDropped = openMetric(
  "prometheus_notifications_dropped_total",
  "counter",
  "Alerts that Prometheus could not hand to any Alertmanager.",
);

// vLLM, docs/usage/metrics.md
export const vllmFirstToken = histogramParts(
  openMetric(
    "vllm:time_to_first_token_seconds",
    "histogram",
    "Time from a request to vLLM to the first token of its answer, in seconds.",
    ["model_name", "engine"],
  ),
);
// Text Generation Inference, docs/source/reference/metrics.md
export const tgiQueue = histogramParts(
  openMetric(
    "tgi_request_queue_duration",
    "histogram",
    "Time that a request to Text Generation Inference waited before it was worked on, in seconds.",
  ),
);
// Triton Inference Server, docs/user_guide/metrics.md
export const tritonRequestMicroseconds = openMetric(
  "nv_inference_request_duration_us",
  "counter",
  "Time of all requests to a model of Triton together, in microseconds; cached ones among them.",
  ["model", "version"],
);
export const tritonSucceeded = openMetric(
  "nv_inference_request_success",
  "counter",
  "Requests to a model of Triton that it answered.",
  ["model", "version"],
);
/** Only with `--metrics-config summary_latencies=true`. */
export const tritonRequestQuantile = openMetric(
  "nv_inference_request_summary_us",
  "gauge",
  "Quantiles of the time that requests to a model of Triton took, in microseconds.",
  ["model", "version", "quantile"],
);
// OpenTelemetry, semantic conventions for generative AI: gen_ai.server.time_to_first_token
export const generativeFirstToken = histogramParts(
  openMetric(
    "gen_ai_server_time_to_first_token_seconds",
    "histogram",
    "Time from a request to a generative model's server to the first token of its answer, in seconds.",
    ["gen_ai_request_model", "gen_ai_operation_name", "gen_ai_provider_name"],
  ),
);
