/** Cases of the rules over what other exporters tell: inference servers, kube-state-metrics, probes, Alertmanager. */
import { foreign } from "../../../core/catalog/index.ts";
import type { Metric } from "../../../core/catalog/metric.ts";
import type { Sample } from "../../kit/rule-bench.ts";
import { counter, gauge, rising, type Levels, type MakeCase } from "./case.ts";

const latency: Levels = { fires: 0.21, below: 0.199, holds: 0.16, clears: 0.1 };

/** Ten requests a second, of which the value's share is slower than the bound. */
function slowShareCase(
  rule: string,
  parts: { readonly bucket: Metric; readonly count: Metric },
  bound: string,
  labels: Readonly<Record<string, string>>,
): MakeCase {
  return () => {
    const [inTime, requests] = [rising(), rising()];
    return {
      rule,
      scene: (share, second) => [
        { metric: parts.bucket, labels: { ...labels, le: "0.1" }, value: 0 },
        {
          metric: parts.bucket,
          labels: { ...labels, le: bound },
          value: inTime(10 * (1 - share), second),
        },
        { metric: parts.count, labels, value: requests(10, second) },
      ],
      fires: 0.055,
      below: 0.049,
      holds: 0.03,
      clears: 0.01,
    };
  };
}

/** Ten requests a second that take the value each; `unit` of them are a second. */
function requestsCase(
  rule: string,
  parts: { readonly sum: Metric; readonly count: Metric },
  labels: Readonly<Record<string, string>>,
  unit = 1,
): MakeCase {
  return () => {
    const [seconds, requests] = [rising(), rising()];
    return {
      rule,
      scene: (value, second) => [
        { metric: parts.sum, labels, value: seconds(10 * value * unit, second) },
        { metric: parts.count, labels, value: requests(10, second) },
      ],
      ...latency,
    };
  };
}

function requests(pod: string, node: string, gpus: number): Sample {
  const labels = { namespace: "train", pod, uid: pod, container: "main", node };
  const resource = { resource: "nvidia_com_gpu", unit: "integer" };
  return { metric: foreign.podResourceRequests, labels: { ...labels, ...resource }, value: gpus };
}

function phases(pod: string, now: string): Sample[] {
  return ["Pending", "Running", "Succeeded"].map((phase) => ({
    metric: foreign.podPhase,
    labels: { namespace: "train", pod, uid: pod, phase },
    value: phase === now ? 1 : 0,
  }));
}

function node(name: string, unschedulable: number): Sample[] {
  const resource = { resource: "nvidia_com_gpu", unit: "integer" };
  return [
    { metric: foreign.nodeAllocatable, labels: { node: name, ...resource }, value: 8 },
    { metric: foreign.nodeUnschedulable, labels: { node: name }, value: unschedulable },
  ];
}

const bert = { model: "bert", version: "1" };
const generative = {
  gen_ai_request_model: "llama",
  gen_ai_operation_name: "chat",
  gen_ai_provider_name: "own",
};

export const workloadCases: readonly MakeCase[] = [
  slowShareCase("InferenceSlowVllm", foreign.vllmFirstToken, "0.25", {
    model_name: "llama",
    engine: "0",
  }),
  slowShareCase("InferenceSlowTgi", foreign.tgiQueue, "0.22168378200531003", {}),
  slowShareCase("InferenceSlowGenerative", foreign.generativeFirstToken, "0.25", generative),
  requestsCase("InferenceMeanSlowGenerative", foreign.generativeFirstToken, generative),
  gauge(
    "InferenceSlowTriton",
    foreign.tritonRequestQuantile,
    { ...bert, quantile: "0.95" },
    { fires: 210_000, below: 199_000, holds: 160_000, clears: 145_000 },
    [{ metric: foreign.tritonRequestQuantile, labels: { ...bert, quantile: "0.99" }, value: 9e9 }],
  ),
  requestsCase(
    "InferenceMeanSlowTriton",
    { sum: foreign.tritonRequestMicroseconds, count: foreign.tritonSucceeded },
    bert,
    1e6,
  ),
  // Four of eight GPUs are free, eight more are on a node that takes no pods; the value is what the waiting pod asks for.
  () => ({
    rule: "GpuPodsPending",
    scene: (gpus) => [
      ...node("node-1", 0),
      ...node("node-2", 1),
      requests("busy", "node-1", 4),
      ...phases("busy", "Running"),
      requests("done", "node-1", 4),
      ...phases("done", "Succeeded"),
      requests("waiting", "", gpus),
      ...phases("waiting", "Pending"),
    ],
    fires: 1,
    below: 0,
    clears: 5,
    whole: true,
  }),
  // The value is in hours from the sample's own time.
  () => ({
    rule: "ProbedCertificateExpiring",
    scene: (hours, second, start) => [
      { metric: foreign.probedCertificateExpiry, value: start + second + hours * 3600 },
    ],
    fires: 335,
    below: 336,
    clears: 337,
  }),
  () => {
    const [sent, failed] = [rising(), rising()];
    return {
      rule: "AlertmanagerFailedToSendAlerts",
      scene: (share, second) => [
        {
          metric: foreign.alertmanagerSent,
          labels: { integration: "pagerduty" },
          value: sent(1, second),
        },
        {
          metric: foreign.alertmanagerFailed,
          labels: { integration: "pagerduty", reason: "serverError" },
          value: failed(share, second),
        },
      ],
      fires: 0.011,
      below: 0.0099,
      clears: 0,
    };
  },
  // In five minutes half of one.
  ...[
    ["PrometheusMissingRuleEvaluations", foreign.prometheusIterationsMissed] as const,
    ["PrometheusRuleFailures", foreign.prometheusRuleFailures] as const,
  ].map(([rule, metric]) =>
    counter(
      rule,
      metric,
      { rule_group: "gpu.yaml;gpu" },
      { fires: 0.5 / 300, below: 0, clears: 0 },
    ),
  ),
  counter(
    "PrometheusNotificationsDropped",
    foreign.prometheusNotificationsDropped,
    {},
    { fires: 0.5 / 300, below: 0, clears: 0 },
  ),
];
