import { expect, it, onTestFinished, vi } from "vitest";
import {
  createKubernetesDiscovery,
  type KubernetesQuery,
} from "../../../../collector/ingest/scrape/kubernetes.ts";
import type { TargetGroup } from "../../../../collector/ingest/scrape/target.ts";
import { createSystemClock } from "../../../../core/kit/clock.ts";
import { startStandInApi, type StandInApi } from "../../../standins/kubernetes-api.ts";

function discover(api: StandInApi, query: Partial<KubernetesQuery>) {
  const errors: string[] = [];
  const discovery = createKubernetesDiscovery(
    {
      role: "pod",
      beside: [],
      namespaces: [],
      ownNamespace: false,
      selectors: {},
      access: api.access,
      firstPort: false,
      ...query,
    },
    { clock: createSystemClock(), jitter: "0", onError: (sentence) => errors.push(sentence) },
  );
  onTestFinished(() => discovery.stop());
  /** The next groups, by address. */
  const found = () =>
    vi.waitFor(() => {
      const groups = discovery.read();
      if (groups === null) throw new Error("nothing new yet");
      return new Map(
        groups.map((group): [string, TargetGroup["labels"]] => [
          group.targets[0] ?? "",
          group.labels,
        ]),
      );
    }, 5000);
  return { discovery, errors, found };
}

const slice = (name: string, ...endpoints: object[]) => ({
  metadata: { name, namespace: "watch", labels: { "kubernetes.io/service-name": "agents" } },
  addressType: "IPv4",
  ports: [
    { name: "http", port: 9410, protocol: "TCP" },
    { name: "other", port: 9999, protocol: "TCP" },
  ],
  endpoints,
});

const pod = (name: string, ip: string, labels: Record<string, string> = {}) => ({
  metadata: {
    name,
    namespace: "gpu",
    uid: `uid-${name}`,
    labels,
    annotations: { "prometheus.io/scrape": "true", "a.b/manifest": "x".repeat(5000) },
    ownerReferences: [{ kind: "DaemonSet", name: "exporter", controller: true }],
  },
  spec: {
    nodeName: "node-a",
    containers: [
      {
        name: "exporter",
        image: "dcgm:4",
        ports: [{ containerPort: 9400, name: "metrics", protocol: "TCP" }],
      },
      { name: "sidecar", image: "proxy:1" },
    ],
  },
  status: {
    phase: "Running",
    podIP: ip,
    hostIP: "192.0.2.1",
    conditions: [{ type: "Ready", status: "True" }],
    containerStatuses: [{ name: "exporter", containerID: "containerd://c1" }],
  },
});

it("finds a service's pods under their nodes' names, at its first port, with one right only", async () => {
  const api = await startStandInApi();
  api.put("endpointslices", slice("a", { addresses: ["10.0.0.2"], nodeName: "node-b" }));
  api.put(
    "endpointslices",
    slice("b", { addresses: ["fd00::1"], nodeName: "node-a", conditions: { ready: false } }),
  );
  const { found, discovery } = discover(api, {
    role: "endpointslice",
    ownNamespace: true,
    firstPort: true,
    selectors: { slices: { label: "kubernetes.io/service-name=agents", field: "" } },
  });
  const groups = await found();
  expect([...groups.keys()]).toEqual(["10.0.0.2:9410", "[fd00::1]:9410"]);
  expect(groups.get("10.0.0.2:9410")).toMatchObject({
    __meta_kubernetes_endpointslice_endpoint_node_name: "node-b",
    __meta_kubernetes_service_name: "agents",
    __meta_kubernetes_endpointslice_port_name: "http",
  });
  expect(new Set(api.asked.map(({ path }) => path))).toEqual(
    new Set(["/apis/discovery.k8s.io/v1/namespaces/watch/endpointslices"]),
  );
  expect(discovery.read()).toBeNull();
  api.remove("endpointslices", "a", "watch");
  expect([...(await found()).keys()]).toEqual(["[fd00::1]:9410"]);
});

it("names what it knows of a pod as Prometheus does", async () => {
  const api = await startStandInApi();
  api.put("pods", pod("exporter-1", "10.0.0.1", { "app.kubernetes.io/name": "dcgm-exporter" }));
  api.put("pods", pod("starting", ""));
  const { found } = discover(api, { selectors: { pods: { label: "", field: "" } } });
  const groups = await found();
  expect([...groups.keys()]).toEqual(["10.0.0.1", "10.0.0.1:9400"]);
  expect(groups.get("10.0.0.1")).toMatchObject({ __meta_kubernetes_pod_container_name: "sidecar" });
  expect(groups.get("10.0.0.1:9400")).toEqual({
    __meta_kubernetes_namespace: "gpu",
    __meta_kubernetes_pod_name: "exporter-1",
    __meta_kubernetes_pod_uid: "uid-exporter-1",
    __meta_kubernetes_pod_ip: "10.0.0.1",
    __meta_kubernetes_pod_host_ip: "192.0.2.1",
    __meta_kubernetes_pod_node_name: "node-a",
    __meta_kubernetes_pod_phase: "Running",
    __meta_kubernetes_pod_ready: "true",
    __meta_kubernetes_pod_controller_kind: "DaemonSet",
    __meta_kubernetes_pod_controller_name: "exporter",
    __meta_kubernetes_pod_label_app_kubernetes_io_name: "dcgm-exporter",
    __meta_kubernetes_pod_labelpresent_app_kubernetes_io_name: "true",
    __meta_kubernetes_pod_annotation_prometheus_io_scrape: "true",
    __meta_kubernetes_pod_annotationpresent_prometheus_io_scrape: "true",
    __meta_kubernetes_pod_container_init: "false",
    __meta_kubernetes_pod_container_id: "containerd://c1",
    __meta_kubernetes_pod_container_name: "exporter",
    __meta_kubernetes_pod_container_image: "dcgm:4",
    __meta_kubernetes_pod_container_port_name: "metrics",
    __meta_kubernetes_pod_container_port_number: "9400",
    __meta_kubernetes_pod_container_port_protocol: "TCP",
  });
});

it("chooses pods by label and namespace, and lays their node's labels on them", async () => {
  const api = await startStandInApi();
  api.put("pods", pod("one", "10.0.0.1", { app: "dcgm" }));
  api.put("pods", pod("two", "10.0.0.2", { app: "other" }));
  api.put("nodes", {
    metadata: { name: "node-a", labels: { "topology.kubernetes.io/zone": "z1" } },
    spec: {},
    status: { addresses: [{ type: "InternalIP", address: "192.0.2.1" }] },
  });
  const { found } = discover(api, {
    namespaces: ["gpu"],
    beside: ["nodes"],
    selectors: { pods: { label: "app=dcgm", field: "" } },
  });
  const groups = await found();
  expect([...groups.keys()]).toEqual(["10.0.0.1", "10.0.0.1:9400"]);
  expect(groups.get("10.0.0.1:9400")).toMatchObject({
    __meta_kubernetes_node_name: "node-a",
    __meta_kubernetes_node_label_topology_kubernetes_io_zone: "z1",
  });
  expect(api.asked.map(({ path }) => path)).toContain("/api/v1/namespaces/gpu/pods");
});

it("joins endpoints with their service and pod, and finds the pod's other ports", async () => {
  const api = await startStandInApi();
  const reference = { kind: "Pod", name: "one", namespace: "gpu" };
  api.put("endpointslices", {
    ...slice("a", { addresses: ["10.0.0.1"], nodeName: "node-a", targetRef: reference }),
    ports: [{ name: "http", port: 8080, protocol: "TCP" }],
  });
  api.put("services", {
    metadata: {
      name: "agents",
      namespace: "watch",
      annotations: { "prometheus.io/scrape": "true" },
    },
  });
  api.put("pods", pod("one", "10.0.0.1", { app: "dcgm" }));
  const { found } = discover(api, { role: "endpoints", beside: ["services", "pods"] });
  const groups = await found();
  expect([...groups.keys()]).toEqual(["10.0.0.1:8080", "10.0.0.1:9400"]);
  expect(groups.get("10.0.0.1:8080")).toMatchObject({
    __meta_kubernetes_endpoints_name: "agents",
    __meta_kubernetes_endpoint_ready: "true",
    __meta_kubernetes_endpoint_port_name: "http",
    __meta_kubernetes_service_annotation_prometheus_io_scrape: "true",
    __meta_kubernetes_pod_label_app: "dcgm",
  });
  expect(groups.get("10.0.0.1:9400")).toMatchObject({
    __meta_kubernetes_service_name: "agents",
    __meta_kubernetes_pod_container_port_name: "metrics",
  });
});

it("finds nodes at their kubelet's port", async () => {
  const api = await startStandInApi();
  api.put("nodes", {
    metadata: { name: "node-a", labels: { "nvidia.com/gpu.product": "H100" } },
    spec: { providerID: "aws:///i-1" },
    status: {
      addresses: [
        { type: "Hostname", address: "node-a.local" },
        { type: "InternalIP", address: "192.0.2.1" },
      ],
      daemonEndpoints: { kubeletEndpoint: { Port: 10_250 } },
    },
  });
  const { found } = discover(api, { role: "node" });
  expect((await found()).get("192.0.2.1:10250")).toMatchObject({
    instance: "node-a",
    __meta_kubernetes_node_name: "node-a",
    __meta_kubernetes_node_provider_id: "aws:///i-1",
    __meta_kubernetes_node_address_Hostname: "node-a.local",
    __meta_kubernetes_node_label_nvidia_com_gpu_product: "H100",
  });
});

it("keeps the targets it knows while the API refuses, and says so once", async () => {
  const api = await startStandInApi();
  api.put("pods", pod("one", "10.0.0.1"));
  const { found, discovery, errors } = discover(api, {});
  await found();
  await vi.waitFor(() => expect(api.watches()).toBe(1), 5000);
  api.fail(403);
  await vi.waitFor(() => expect(discovery.errors()).toHaveLength(1), 5000);
  expect(discovery.errors()[0]).toMatch(/Kubernetes' pods are unknown: .*\(status 403\)/);
  expect(discovery.read()).toBeNull();
  expect(errors).toHaveLength(1);
});

it("has targets without the labels of what the account may not see, and says what that is", async () => {
  const api = await startStandInApi();
  api.forbidden.add("services");
  api.put("endpointslices", slice("a", { addresses: ["10.0.0.2"] }));
  const { found, discovery } = discover(api, { role: "endpointslice", beside: ["services"] });
  expect([...(await found()).keys()]).toEqual(["10.0.0.2:9410", "10.0.0.2:9999"]);
  expect(discovery.errors()).toEqual([
    expect.stringMatching(/may not list and watch \/api\/v1\/services \(status 403\)/),
  ]);
});
