/** What is kept of pods, nodes, services and EndpointSlices, and the meta labels Prometheus has for them (kubernetes_sd_config). */
import { z } from "zod";
import type { KubernetesObject } from "../../../core/kit/kubernetes-watch.ts";

/** Annotations hold whole manifests: what no relabelling rule reads is not kept. */
const maximumValueLength = 4096;

const texts = z
  .record(z.string(), z.string())
  .nullish()
  .transform((found) =>
    Object.fromEntries(
      Object.entries(found ?? {}).filter(([, value]) => value.length <= maximumValueLength),
    ),
  );
const text = z
  .string()
  .nullish()
  .transform((found) => found ?? "");
const list = <Item extends z.ZodType>(item: Item) =>
  z
    .array(item)
    .nullish()
    .transform((found) => found ?? []);

const metadata = z.object({ name: z.string(), namespace: text, labels: texts, annotations: texts });
const conditions = list(z.object({ type: z.string(), status: z.string() }));
const containers = list(
  z.object({
    name: z.string(),
    image: text,
    ports: list(z.object({ containerPort: z.int(), name: text, protocol: text })),
  }),
);

export const podSchema = z.object({
  metadata: metadata.extend({
    uid: text,
    ownerReferences: list(z.object({ kind: text, name: text, controller: z.boolean().nullish() })),
  }),
  spec: z.object({ nodeName: text, containers, initContainers: containers }),
  status: z.object({
    phase: text,
    podIP: text,
    hostIP: text,
    conditions,
    containerStatuses: list(z.object({ name: z.string(), containerID: text })),
  }),
});
export type Pod = z.output<typeof podSchema>;

export const nodeSchema = z.object({
  metadata,
  spec: z.object({ providerID: text }).nullish(),
  status: z.object({
    addresses: list(z.object({ type: z.string(), address: z.string() })),
    daemonEndpoints: z.object({ kubeletEndpoint: z.object({ Port: z.int() }).nullish() }).nullish(),
  }),
});
export type ClusterNode = z.output<typeof nodeSchema>;

export const serviceSchema = z.object({ metadata });
export type Service = z.output<typeof serviceSchema>;

const flag = z.boolean().nullish();
export const sliceSchema = z.object({
  metadata,
  addressType: text,
  ports: list(z.object({ name: text, protocol: text, port: z.int().nullish(), appProtocol: text })),
  endpoints: list(
    z.object({
      addresses: z.array(z.string()),
      conditions: z.object({ ready: flag, serving: flag, terminating: flag }).nullish(),
      hostname: text,
      nodeName: text,
      zone: text,
      targetRef: z.object({ kind: text, name: text, namespace: text }).nullish(),
    }),
  ),
});
export type Slice = z.output<typeof sliceSchema>;
export type SliceEndpoint = Slice["endpoints"][number];
export type SlicePort = Slice["ports"][number];

/** An object that isn't what its address promises is left out. */
export function keepWith<Item>(schema: z.ZodType<Item>): (object: KubernetesObject) => Item | null {
  return (object) => {
    const parsed = schema.safeParse(object);
    return parsed.success ? parsed.data : null;
  };
}

export type MetaLabels = Readonly<Record<string, string>>;

const prefix = "__meta_kubernetes_";
export const serviceOf = "kubernetes.io/service-name";

/** Names without the prefix, and nothing that is empty. */
export function meta(labels: Readonly<Record<string, string>>): MetaLabels {
  const named: Record<string, string> = {};
  for (const [name, value] of Object.entries(labels))
    if (value !== "") named[prefix + name] = value;
  return named;
}

/** An object's name, labels and annotations; `kind` is `pod`, `node` …  */
export function objectLabels(
  kind: string,
  { name, labels, annotations }: Omit<z.output<typeof metadata>, "namespace">,
): MetaLabels {
  const found: Record<string, string> = { [`${kind}_name`]: name };
  for (const [part, texts] of [
    ["label", labels],
    ["annotation", annotations],
  ] as const)
    for (const [key, value] of Object.entries(texts)) {
      const plain = key.replaceAll(/[^a-zA-Z0-9_]/g, "_");
      found[`${kind}_${part}_${plain}`] = value;
      found[`${kind}_${part}present_${plain}`] = "true";
    }
  return meta(found);
}

export function podLabels({ metadata, spec, status }: Pod): MetaLabels {
  const ready = status.conditions.find(({ type }) => type === "Ready")?.status ?? "Unknown";
  const controller = metadata.ownerReferences.find((owner) => owner.controller === true);
  return {
    ...objectLabels("pod", metadata),
    ...meta({
      namespace: metadata.namespace,
      pod_ip: status.podIP,
      pod_ready: ready.toLowerCase(),
      pod_phase: status.phase,
      pod_node_name: spec.nodeName,
      pod_host_ip: status.hostIP,
      pod_uid: metadata.uid,
      pod_controller_kind: controller?.kind ?? "",
      pod_controller_name: controller?.name ?? "",
    }),
  };
}

export function containerLabels(
  container: Pod["spec"]["containers"][number],
  port: Pod["spec"]["containers"][number]["ports"][number] | null,
): MetaLabels {
  return meta({
    pod_container_name: container.name,
    pod_container_image: container.image,
    pod_container_port_name: port?.name ?? "",
    pod_container_port_number: port === null ? "" : String(port.containerPort),
    pod_container_port_protocol: port?.protocol ?? "",
  });
}

/** An address as it stands in `__address__`. */
export function joinAddress(host: string, port: number | null | undefined): string {
  const bare = host.includes(":") ? `[${host}]` : host;
  return port === null || port === undefined ? bare : `${bare}:${port}`;
}
