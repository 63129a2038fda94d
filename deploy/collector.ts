/** The collector: a StatefulSet whose volume keeps alerts and history, its settings, and the rights it has in the cluster. */
import { StatefulSet } from "kubernetes-models/apps/v1";
import { NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1";
import {
  ClusterRole,
  ClusterRoleBinding,
  Role,
  RoleBinding,
} from "kubernetes-models/rbac.authorization.k8s.io/v1";
import { ConfigMap, Service, ServiceAccount } from "kubernetes-models/v1";
import type { IContainer } from "kubernetes-models/v1/Container";
import { stringify } from "yaml";
import {
  agentName,
  collectorName,
  collectorPort,
  configFolder,
  labelsOf,
  metadataOf,
  namespace,
  notifierFolder,
  notifierSecret,
  selectorOf,
  stateFolder,
  stateMount,
  tokenFile,
} from "./names.ts";
import { containerSecurity, image, podSecurity, tokenMount, tokenVolume } from "./pods.ts";

const configFile = "collector.yaml";

/** Finds the agents by the service's endpoints, so that each is known by the name of its node. */
export const collectorSettings = {
  listen: `:${collectorPort}`,
  host_names: [collectorName, `${collectorName}.${namespace}.svc`],
  state_folder: stateFolder,
  token_file: tokenFile,
  scrape: [
    {
      job: agentName,
      interval: "1s",
      token_file: tokenFile,
      kubernetes: { service: agentName },
    },
  ],
  // A node that the cluster gives up is not missing; it says where the others stand.
  fleet: { kubernetes: {} },
};

/** Loopback is where health needs no token, and only a program in the pod can ask there. */
function probe(path: string) {
  const ask = `fetch("http://127.0.0.1:${collectorPort}${path}").then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))`;
  return { exec: { command: ["node", "-e", ask] }, timeoutSeconds: 5 };
}

const container: IContainer = {
  name: "collector",
  ...image,
  args: ["collector", `--config.file=${configFolder}/${configFile}`],
  ports: [{ name: "http", containerPort: collectorPort, protocol: "TCP" }],
  resources: { requests: { cpu: "200m", memory: "512Mi" }, limits: { memory: "2Gi" } },
  securityContext: containerSecurity,
  startupProbe: { ...probe("/-/healthy"), periodSeconds: 5, failureThreshold: 60 },
  livenessProbe: { ...probe("/-/healthy"), periodSeconds: 30, failureThreshold: 4 },
  readinessProbe: { ...probe("/-/ready"), periodSeconds: 15 },
  volumeMounts: [
    { name: "config", mountPath: configFolder, readOnly: true },
    { name: "notifiers", mountPath: notifierFolder, readOnly: true },
    tokenMount,
    { name: "state", mountPath: stateMount },
    { name: "temporary", mountPath: "/tmp" },
  ],
};

const statefulSet = new StatefulSet({
  metadata: metadataOf(collectorName),
  spec: {
    serviceName: collectorName,
    replicas: 1,
    selector: { matchLabels: selectorOf(collectorName) },
    template: {
      metadata: { labels: labelsOf(collectorName) },
      spec: {
        serviceAccountName: collectorName,
        automountServiceAccountToken: true,
        terminationGracePeriodSeconds: 30,
        securityContext: podSecurity,
        containers: [container],
        volumes: [
          { name: "config", configMap: { name: collectorName } },
          {
            name: "notifiers",
            secret: { secretName: notifierSecret, optional: true, defaultMode: 0o440 },
          },
          tokenVolume,
          { name: "temporary", emptyDir: { sizeLimit: "1Gi" } },
        ],
      },
    },
    volumeClaimTemplates: [
      {
        metadata: { name: "state" },
        spec: {
          accessModes: ["ReadWriteOnce"],
          resources: { requests: { storage: "20Gi" } },
        },
      },
    ],
  },
});

/** The API and the console come in; from inside the namespace, and from wherever Prometheus runs. */
const reachable = new NetworkPolicy({
  metadata: metadataOf(collectorName),
  spec: {
    podSelector: { matchLabels: selectorOf(collectorName) },
    policyTypes: ["Ingress"],
    ingress: [
      {
        from: [
          { podSelector: {} },
          { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } } },
        ],
        ports: [{ port: collectorPort, protocol: "TCP" }],
      },
    ],
  },
});

export const collectorManifests = [
  new ServiceAccount({
    metadata: metadataOf(collectorName),
    automountServiceAccountToken: false,
  }),
  new Role({
    metadata: metadataOf(collectorName),
    rules: [
      { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
    ],
  }),
  new RoleBinding({
    metadata: metadataOf(collectorName),
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: collectorName },
    subjects: [{ kind: "ServiceAccount", name: collectorName, namespace }],
  }),
  // Nodes belong to no namespace. It sees no secret, anywhere.
  new ClusterRole({
    metadata: { name: collectorName, labels: labelsOf(collectorName) },
    rules: [{ apiGroups: [""], resources: ["nodes"], verbs: ["list", "watch"] }],
  }),
  new ClusterRoleBinding({
    metadata: { name: collectorName, labels: labelsOf(collectorName) },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: collectorName },
    subjects: [{ kind: "ServiceAccount", name: collectorName, namespace }],
  }),
  new ConfigMap({
    metadata: metadataOf(collectorName),
    data: { [configFile]: stringify(collectorSettings) },
  }),
  statefulSet,
  new Service({
    metadata: metadataOf(collectorName),
    spec: {
      selector: selectorOf(collectorName),
      ports: [{ name: "http", port: collectorPort, targetPort: "http", protocol: "TCP" }],
    },
  }),
  reachable,
];
