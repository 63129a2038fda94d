/** Cases of the rules over what other exporters tell: inference servers, kube-state-metrics, probes, Alertmanager. */
import { foreign } from "../../../core/catalog/index.ts";
import type { Metric } from "../../../core/catalog/metric.ts";
import type { Sample } from "../../kit/rule-bench.ts";
import { rising, type Levels, type MakeCase } from "./case.ts";

const latency: Levels = { fires: 0.21, below: 0.199, holds: 0.16, clears: 0.1 };

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

export const workloadCases: readonly MakeCase[] = [
  requestsCase("InferenceSlowVllm", foreign.vllmFirstToken, { model_name: "llama", engine: "0" }),
  requestsCase("InferenceSlowTgi", foreign.tgiRequest, {}),
  requestsCase("InferenceSlowGenerative", foreign.generativeFirstToken, {
    gen_ai_request_model: "llama",
    gen_ai_operation_name: "chat",
    gen_ai_provider_name: "own",
  }),
  requestsCase(
    "InferenceSlowTriton",
    { sum: foreign.tritonRequestMicroseconds, count: foreign.tritonSucceeded },
    { model: "bert", version: "1" },
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
];
