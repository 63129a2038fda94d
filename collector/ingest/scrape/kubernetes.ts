/** Targets from a Kubernetes cluster: pods, endpoints and nodes, listed and then watched. */
import type { Clock } from "../../../core/kit/clock.ts";
import { ownNamespace, type KubernetesAccess } from "../../../core/kit/kubernetes-api.ts";
import { watchKubernetes, type Watched } from "../../../core/kit/kubernetes-watch.ts";
import type { Discovery } from "./discovery.ts";
import {
  keepWith,
  nodeSchema,
  podSchema,
  serviceSchema,
  sliceSchema,
  type ClusterNode,
  type Pod,
  type Service,
  type Slice,
} from "./kubernetes-objects.ts";
import { findTargets, type ClusterObjects, type KubernetesRole } from "./kubernetes-targets.ts";

/** The kinds of objects that are watched. */
export type ClusterKind = keyof ClusterObjects;

export interface KubernetesQuery {
  readonly role: KubernetesRole;
  /** What is watched beside the role's own objects: their labels ride on the targets. */
  readonly beside: readonly ClusterKind[];
  /** None: all of them. */
  readonly namespaces: readonly string[];
  readonly ownNamespace: boolean;
  readonly selectors: Readonly<Partial<Record<ClusterKind, ClusterSelector>>>;
  readonly access: KubernetesAccess;
  /** Of each service its first port only. */
  readonly firstPort: boolean;
}

export interface ClusterSelector {
  readonly label: string;
  readonly field: string;
}

export interface KubernetesDiscoveryOptions {
  readonly clock: Clock;
  readonly jitter: string;
  readonly onError: (sentence: string) => void;
}

const kindOf = {
  pod: "pods",
  node: "nodes",
  endpoints: "slices",
  endpointslice: "slices",
} as const satisfies Readonly<Record<KubernetesRole, ClusterKind>>;
const places: Readonly<Record<ClusterKind, readonly [group: string, resource: string]>> = {
  pods: ["/api/v1", "pods"],
  nodes: ["/api/v1", "nodes"],
  services: ["/api/v1", "services"],
  slices: ["/apis/discovery.k8s.io/v1", "endpointslices"],
};
const schemas = {
  pods: podSchema,
  nodes: nodeSchema,
  services: serviceSchema,
  slices: sliceSchema,
};
const maximumItems = 50_000;

export function createKubernetesDiscovery(
  query: KubernetesQuery,
  options: KubernetesDiscoveryOptions,
): Discovery {
  const own = kindOf[query.role];
  const watches = [...new Set([own, ...query.beside])].map((kind) => ({
    kind,
    parts: namespacesOf(query, kind).map((namespace) => watch(kind, namespace)),
  }));
  const all = watches.flatMap(({ parts }) => parts);
  let versions = "";

  function watch(kind: ClusterKind, namespace: string | null): Watched<unknown> {
    const [group, resource] = places[kind];
    return watchKubernetes<unknown>({
      access: query.access,
      path: () => {
        if (namespace === null) return `${group}/${resource}`;
        const name = namespace === "" ? ownNamespace(query.access) : namespace;
        return `${group}/namespaces/${encodeURIComponent(name)}/${resource}`;
      },
      labelSelector: query.selectors[kind]?.label ?? "",
      fieldSelector: query.selectors[kind]?.field ?? "",
      keep: keepWith<unknown>(schemas[kind]),
      maximumItems,
      ...options,
      onError: (sentence) => options.onError(`Kubernetes' ${kind} are unknown: ${sentence}`),
    });
  }

  return {
    read() {
      // Before each has been answered once, relabelling would drop what the others are to explain.
      if (!all.every(({ listed, error }) => listed || error !== null)) return null;
      const now = all.map(({ version }) => version).join();
      if (now === versions || now === all.map(() => 0).join()) return null;
      versions = now;
      const targets = findTargets(query, collect(watches));
      return targets.toSorted(byAddress);
    },
    errors: () =>
      watches.flatMap(({ kind, parts }) =>
        parts.flatMap(({ error }) =>
          error === null ? [] : [`Kubernetes' ${kind} are unknown: ${error}`],
        ),
      ),
    stop: () => all.forEach((one) => one.stop()),
  };
}

/** null: of the whole cluster; empty: the account's own. */
function namespacesOf(query: KubernetesQuery, kind: ClusterKind): (string | null)[] {
  if (kind === "nodes") return [null];
  const named = [...(query.ownNamespace ? [""] : []), ...query.namespaces];
  return named.length === 0 ? [null] : named;
}

function collect(
  watches: readonly { readonly kind: ClusterKind; readonly parts: readonly Watched<unknown>[] }[],
): ClusterObjects {
  const of = (wanted: ClusterKind): (readonly [string, unknown])[] =>
    watches.flatMap(({ kind, parts }) =>
      kind === wanted ? parts.flatMap(({ items }) => [...items]) : [],
    );
  // Each kind was kept with its own schema.
  const nodes = of("nodes") as [string, ClusterNode][];
  return {
    pods: new Map(of("pods") as [string, Pod][]),
    services: new Map(of("services") as [string, Service][]),
    slices: new Map(of("slices") as [string, Slice][]),
    nodes: new Map(nodes.map(([, node]) => [node.metadata.name, node])),
  };
}

function byAddress(
  { targets: [one = ""] }: { readonly targets: readonly string[] },
  { targets: [other = ""] }: { readonly targets: readonly string[] },
): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
