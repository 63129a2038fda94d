/** The agent on every node: a DaemonSet that sees its host read-only and needs no privilege, and the service behind which it is found. */
import { DaemonSet } from "kubernetes-models/apps/v1";
import { PriorityClass } from "kubernetes-models/scheduling.k8s.io/v1";
import { Service, ServiceAccount } from "kubernetes-models/v1";
import type { IContainer } from "kubernetes-models/v1/Container";
import {
  agentName,
  agentPort,
  labelsOf,
  metadataOf,
  selectorOf,
  stateFolder,
  stateMount,
  tokenFile,
} from "./names.ts";
import { containerSecurity, image, podSecurity, tokenMount, tokenVolume } from "./pods.ts";

/** Where the host is seen in the container. */
const hostPaths = { procfs: "/proc", sysfs: "/sys", rootfs: "/" } as const;
const folderOf = (name: string): string => `/host/${name}`;

/** The kubelet asks from the host's own network, which this pod shares: on loopback health needs no token. */
function probe(path: string) {
  return { httpGet: { path, port: agentPort, host: "127.0.0.1" } };
}

const container: IContainer = {
  name: "agent",
  ...image,
  args: [
    "agent",
    `--web.listen-address=:${agentPort}`,
    `--web.token-file=${tokenFile}`,
    ...Object.keys(hostPaths).map((name) => `--path.${name}=${folderOf(name)}`),
    "--node.name=$(NODE_NAME)",
    `--state.folder=${stateFolder}`,
  ],
  env: [{ name: "NODE_NAME", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } }],
  ports: [{ name: "metrics", containerPort: agentPort, protocol: "TCP" }],
  // No limit of processor time: an agent that is throttled misses what it is there to see.
  resources: {
    requests: { cpu: "20m", memory: "96Mi" },
    limits: { memory: "256Mi" },
  },
  securityContext: containerSecurity,
  startupProbe: { ...probe("/-/healthy"), periodSeconds: 2, failureThreshold: 30 },
  livenessProbe: {
    ...probe("/-/healthy"),
    periodSeconds: 15,
    timeoutSeconds: 5,
    failureThreshold: 4,
  },
  readinessProbe: { ...probe("/-/ready"), periodSeconds: 5, timeoutSeconds: 3 },
  volumeMounts: [
    ...Object.keys(hostPaths).map((name) => ({
      name,
      mountPath: folderOf(name),
      readOnly: true,
      // What is mounted on the host later is seen too; nothing of ours is seen there.
      mountPropagation: "HostToContainer" as const,
    })),
    tokenMount,
    { name: "state", mountPath: stateMount },
  ],
};

const daemonSet = new DaemonSet({
  metadata: metadataOf(agentName),
  spec: {
    selector: { matchLabels: selectorOf(agentName) },
    updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "10%" } },
    template: {
      metadata: { labels: labelsOf(agentName) },
      spec: {
        serviceAccountName: agentName,
        automountServiceAccountToken: false,
        // The host's interfaces can only be counted from its own network namespace.
        hostNetwork: true,
        dnsPolicy: "ClusterFirstWithHostNet",
        priorityClassName: agentName,
        tolerations: [{ operator: "Exists" }],
        nodeSelector: { "kubernetes.io/os": "linux" },
        terminationGracePeriodSeconds: 10,
        securityContext: podSecurity,
        containers: [container],
        volumes: [
          ...Object.entries(hostPaths).map(([name, path]) => ({
            name,
            hostPath: { path, type: "Directory" as const },
          })),
          tokenVolume,
          { name: "state", emptyDir: { medium: "Memory", sizeLimit: "16Mi" } },
        ],
      },
    },
  },
});

export const agentManifests = [
  new ServiceAccount({ metadata: metadataOf(agentName), automountServiceAccountToken: false }),
  new PriorityClass({
    metadata: metadataOf(agentName),
    value: 1_000_000,
    globalDefault: false,
    description: "Warpwatch's agent: a node under pressure is the one that has to be watched.",
  }),
  daemonSet,
  new Service({
    metadata: metadataOf(agentName),
    spec: {
      clusterIP: "None",
      publishNotReadyAddresses: true,
      selector: selectorOf(agentName),
      ports: [{ name: "metrics", port: agentPort, targetPort: "metrics", protocol: "TCP" }],
    },
  }),
];
