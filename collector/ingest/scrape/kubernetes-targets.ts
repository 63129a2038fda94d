/** The targets that objects of a cluster make, each role as Prometheus has it (kubernetes_sd_config). */
import {
  containerLabels,
  joinAddress,
  meta,
  objectLabels,
  podLabels,
  serviceOf,
  type ClusterNode,
  type MetaLabels,
  type Pod,
  type Service,
  type Slice,
  type SliceEndpoint,
  type SlicePort,
} from "./kubernetes-objects.ts";
import type { TargetGroup } from "./target.ts";

/** By `namespace/name`; nodes by name alone. Empty where they aren't watched. */
export interface ClusterObjects {
  readonly pods: ReadonlyMap<string, Pod>;
  readonly nodes: ReadonlyMap<string, ClusterNode>;
  readonly services: ReadonlyMap<string, Service>;
  readonly slices: ReadonlyMap<string, Slice>;
}

export const kubernetesRoles = ["pod", "endpointslice", "endpoints", "node"] as const;
export type KubernetesRole = (typeof kubernetesRoles)[number];

export interface TargetsWanted {
  readonly role: KubernetesRole;
  /** Of each service its first port only. */
  readonly firstPort: boolean;
}

export function findTargets(
  { role, firstPort }: TargetsWanted,
  objects: ClusterObjects,
): TargetGroup[] {
  if (role === "pod") return [...objects.pods.values()].flatMap((pod) => podTargets(pod, objects));
  if (role === "node") return [...objects.nodes.values()].flatMap(nodeTargets);
  return [...objects.slices.values()].flatMap((slice) => {
    const ports = firstPort ? slice.ports.slice(0, 1) : slice.ports;
    return sliceTargets(role, { ...slice, ports }, objects);
  });
}

/** One per port; for a container without ports one whose port relabelling has to add. */
function podTargets(pod: Pod, { nodes }: ClusterObjects): TargetGroup[] {
  const address = pod.status.podIP;
  if (address === "") return [];
  const labels = { ...podLabels(pod), ...attached(nodes, pod.spec.nodeName) };
  const of = (containers: Pod["spec"]["containers"], isInit: string): TargetGroup[] =>
    containers.flatMap((container) => {
      const ports = container.ports.length === 0 ? [null] : container.ports;
      return ports.map((port) =>
        group(joinAddress(address, port?.containerPort), {
          ...labels,
          ...containerLabels(container, port),
          ...meta({
            pod_container_init: isInit,
            pod_container_id:
              pod.status.containerStatuses.find(({ name }) => name === container.name)
                ?.containerID ?? "",
          }),
        }),
      );
    });
  return [...of(pod.spec.containers, "false"), ...of(pod.spec.initContainers, "true")];
}

const addressOrder = ["InternalIP", "InternalDNS", "ExternalIP", "ExternalDNS", "Hostname"];

/** A node's kubelet. */
function nodeTargets(node: ClusterNode): TargetGroup[] {
  const { addresses, daemonEndpoints } = node.status;
  const best = addressOrder.flatMap((type) => addresses.filter((one) => one.type === type))[0];
  if (best === undefined) return [];
  const byType = Object.fromEntries(
    addresses.toReversed().map(({ type, address }) => [`node_address_${type}`, address]),
  );
  return [
    group(joinAddress(best.address, daemonEndpoints?.kubeletEndpoint?.Port), {
      ...objectLabels("node", node.metadata),
      ...meta({ node_provider_id: node.spec?.providerID ?? "", ...byType }),
      instance: node.metadata.name,
    }),
  ];
}

function sliceTargets(
  role: "endpoints" | "endpointslice",
  slice: Slice,
  objects: ClusterObjects,
): TargetGroup[] {
  const common = sliceLabels(role, slice, objects);
  const byPod = new Map<Pod, Set<number>>();
  const targets: TargetGroup[] = [];
  for (const endpoint of slice.endpoints)
    for (const port of slice.ports)
      for (const address of endpoint.addresses) {
        const { namespace } = slice.metadata;
        const reference = endpoint.targetRef;
        const pod =
          reference?.kind === "Pod"
            ? objects.pods.get(`${reference.namespace || namespace}/${reference.name}`)
            : undefined;
        targets.push(
          group(joinAddress(address, port.port), {
            ...common,
            ...endpointLabels[role](endpoint, port),
            ...attached(objects.nodes, endpoint.nodeName),
            ...(pod && podLabels(pod)),
            ...(pod && portLabels(pod, port.port)),
          }),
        );
        if (!pod) continue;
        const covered = byPod.get(pod) ?? new Set();
        byPod.set(pod, covered.add(port.port ?? 0));
      }
  return [...targets, ...uncoveredPorts(byPod, common)];
}

/** Ports of the pods behind a service that the service doesn't name are targets too. */
function uncoveredPorts(
  byPod: ReadonlyMap<Pod, ReadonlySet<number>>,
  common: MetaLabels,
): TargetGroup[] {
  return [...byPod].flatMap(([pod, covered]) =>
    pod.status.podIP === ""
      ? []
      : pod.spec.containers.flatMap((container) =>
          container.ports
            .filter(({ containerPort }) => !covered.has(containerPort))
            .map((port) =>
              group(joinAddress(pod.status.podIP, port.containerPort), {
                ...common,
                ...podLabels(pod),
                ...containerLabels(container, port),
              }),
            ),
        ),
  );
}

function portLabels(pod: Pod, number: number | null | undefined): MetaLabels {
  for (const container of pod.spec.containers)
    for (const port of container.ports)
      if (port.containerPort === number) return containerLabels(container, port);
  return {};
}

function sliceLabels(
  role: "endpoints" | "endpointslice",
  { metadata, addressType }: Slice,
  { services }: ClusterObjects,
): MetaLabels {
  const name = metadata.labels[serviceOf] ?? "";
  const service = services.get(`${metadata.namespace}/${name}`);
  return {
    ...meta({ namespace: metadata.namespace, service_name: name }),
    ...(service && objectLabels("service", service.metadata)),
    ...(role === "endpointslice"
      ? { ...objectLabels(role, metadata), ...meta({ endpointslice_address_type: addressType }) }
      : objectLabels(role, { ...metadata, name })),
  };
}

type EndpointLabels = (endpoint: SliceEndpoint, port: SlicePort) => MetaLabels;

const endpointLabels: Readonly<Record<"endpoints" | "endpointslice", EndpointLabels>> = {
  endpointslice: ({ conditions, hostname, nodeName, zone, targetRef }, port) =>
    meta({
      endpointslice_port_name: port.name,
      endpointslice_port_protocol: port.protocol,
      endpointslice_port: numberText(port.port),
      endpointslice_port_app_protocol: port.appProtocol,
      endpointslice_endpoint_conditions_ready: flagText(conditions?.ready),
      endpointslice_endpoint_conditions_serving: flagText(conditions?.serving),
      endpointslice_endpoint_conditions_terminating: flagText(conditions?.terminating),
      endpointslice_endpoint_hostname: hostname,
      endpointslice_endpoint_node_name: nodeName,
      endpointslice_endpoint_zone: zone,
      endpointslice_address_target_kind: targetRef?.kind ?? "",
      endpointslice_address_target_name: targetRef?.name ?? "",
    }),
  endpoints: ({ conditions, hostname, nodeName, targetRef }, port) =>
    meta({
      endpoint_port_name: port.name,
      endpoint_port_protocol: port.protocol,
      // Unknown counts as ready, as the API has it.
      endpoint_ready: flagText(conditions?.ready ?? true),
      endpoint_hostname: hostname,
      endpoint_node_name: nodeName,
      endpoint_address_target_kind: targetRef?.kind ?? "",
      endpoint_address_target_name: targetRef?.name ?? "",
    }),
};

function attached(nodes: ReadonlyMap<string, ClusterNode>, name: string): MetaLabels {
  const node = nodes.get(name);
  return node ? objectLabels("node", node.metadata) : {};
}

function group(address: string, labels: MetaLabels): TargetGroup {
  return { targets: [address], labels };
}

function flagText(flag: boolean | null | undefined): string {
  return flag === null || flag === undefined ? "" : String(flag);
}

function numberText(number: number | null | undefined): string {
  return number === null || number === undefined ? "" : String(number);
}
