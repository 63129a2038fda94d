/** For clusters with the Prometheus operator (monitoring.coreos.com/v1): what to scrape, with which token, and the rules. */
import { parse } from "yaml";
import { shippedRules } from "../alerts/all.ts";
import { renderRuleFile } from "../alerts/prometheus.ts";
import { renderRecordingFile } from "../alerts/recording.ts";
import {
  agentName,
  collectorName,
  metadataOf,
  namespace,
  selectorOf,
  tokenKey,
  tokenSecret,
  type Labels,
} from "./names.ts";

interface Relabeling {
  readonly sourceLabels: readonly string[];
  readonly targetLabel: string;
}

interface ServiceMonitor {
  readonly apiVersion: "monitoring.coreos.com/v1";
  readonly kind: "ServiceMonitor";
  readonly metadata: { readonly name: string; readonly labels: Labels };
  readonly spec: {
    readonly jobLabel: string;
    readonly namespaceSelector: { readonly matchNames: readonly string[] };
    readonly selector: { readonly matchLabels: Labels };
    readonly endpoints: readonly {
      readonly port: string;
      readonly interval: string;
      readonly scrapeTimeout: string;
      readonly honorLabels: boolean;
      readonly authorization: {
        readonly type: "Bearer";
        readonly credentials: { readonly name: string; readonly key: string };
      };
      readonly relabelings: readonly Relabeling[];
    }[];
  };
}

interface PrometheusRule {
  readonly apiVersion: "monitoring.coreos.com/v1";
  readonly kind: "PrometheusRule";
  readonly metadata: { readonly name: string; readonly labels: Labels };
  readonly spec: { readonly groups: readonly unknown[] };
}

/** On an agent's series `node` and `instance` are the node's name: what people read, and what outlives an address. */
const byNode: readonly Relabeling[] = ["node", "instance"].map((targetLabel) => ({
  sourceLabels: ["__meta_kubernetes_pod_node_name"],
  targetLabel,
}));

function monitor(name: string, port: string, relabelings: readonly Relabeling[]): ServiceMonitor {
  return {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "ServiceMonitor",
    metadata: metadataOf(name),
    spec: {
      jobLabel: "app.kubernetes.io/name",
      namespaceSelector: { matchNames: [namespace] },
      selector: { matchLabels: selectorOf(name) },
      endpoints: [
        {
          port,
          interval: "15s",
          scrapeTimeout: "10s",
          // The collector's series name the node they are about themselves.
          honorLabels: true,
          authorization: {
            type: "Bearer",
            credentials: { name: tokenSecret, key: tokenKey },
          },
          relabelings,
        },
      ],
    },
  };
}

function prometheusRule(): PrometheusRule {
  const groups = [renderRuleFile(shippedRules), renderRecordingFile()].flatMap(
    (file) => (parse(file) as { readonly groups: readonly unknown[] }).groups,
  );
  return {
    apiVersion: "monitoring.coreos.com/v1",
    kind: "PrometheusRule",
    metadata: metadataOf("warpwatch"),
    spec: { groups },
  };
}

export const operatorManifests: readonly (ServiceMonitor | PrometheusRule)[] = [
  monitor(agentName, "metrics", byNode),
  monitor(collectorName, "http", []),
  prometheusRule(),
];
