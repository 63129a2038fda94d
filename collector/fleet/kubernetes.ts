/**
 * The nodes of a Kubernetes cluster as the fleet sees them: where they stand, and which of them are being taken away on
 * purpose. A node that is only unready or silent is none of those: it is missing.
 */
import { z } from "zod";
import type { Clock } from "../../core/kit/clock.ts";
import { ownKubernetes, type KubernetesAccess } from "../../core/kit/kubernetes-api.ts";
import { watchKubernetes, type KubernetesObject } from "../../core/kit/kubernetes-watch.ts";
import { noPlace, type NodePlace } from "./place.ts";

/** A node that is in the cluster. */
export interface ClusterNode {
  readonly name: string;
  readonly place: NodePlace;
  /** Why it is being taken away: a taint's key; empty while it is to stay. */
  readonly leaving: string;
}

export interface FleetClusterSettings {
  readonly access: KubernetesAccess;
  /** Which nodes belong to the fleet. */
  readonly labelSelector: string;
  /** They are expected once they have reported, or all of them at once. */
  readonly expect: "seen" | "all";
  readonly cluster: string;
  /** Labels that tell parts of the place, beside the well-known ones. */
  readonly placeLabels: Readonly<Partial<Record<keyof NodePlace, string>>>;
  /** Further taints of nodes that are being taken away. */
  readonly removalTaints: readonly string[];
}

export interface FleetCluster {
  /** The nodes when they changed since the last call, null otherwise and before the first answer. */
  read(): ReadonlyMap<string, ClusterNode> | null;
  stop(): void;
}

/**
 * Who sets them: the cluster autoscaler; Karpenter, before and since its version 1; AWS' node termination handler for a
 * reclaimed spot instance and for one that its group gives up; GKE; and whoever declares a node out of service. A taint that
 * only proposes (DeletionCandidateOfClusterAutoscaler) or after which the node comes back is not among them.
 */
const removalTaints: readonly string[] = [
  "ToBeDeletedByClusterAutoscaler",
  "karpenter.sh/disrupted",
  "karpenter.sh/disruption",
  "aws-node-termination-handler/spot-itn",
  "aws-node-termination-handler/asg-lifecycle-termination",
  "cloud.google.com/impending-node-termination",
  "node.kubernetes.io/out-of-service",
];

/** kubernetes.io/docs: well-known labels; GPU feature discovery's. */
const wellKnown: Readonly<Partial<Record<keyof NodePlace, readonly string[]>>> = {
  region: ["topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region"],
  zone: ["topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"],
  instanceType: ["node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type"],
  gpuProduct: ["nvidia.com/gpu.product"],
  gpuClique: ["nvidia.com/gpu.clique"],
};

const maximumNodes = 20_000;
const label = z.string().min(1).max(317);
const part = z.enum(Object.keys(noPlace) as [keyof NodePlace, ...(keyof NodePlace)[]]);

export const fleetClusterSchema = z
  .strictObject({
    api: z.url({ protocol: /^https?$/ }).default(ownKubernetes.api),
    account_folder: z.string().min(1).max(1024).default(ownKubernetes.accountFolder),
    label_selector: z.string().max(1024).default(""),
    expect: z.enum(["seen", "all"]).default("seen"),
    cluster: z.string().max(200).default(""),
    place_labels: z.partialRecord(part, label).default({}),
    removal_taints: z.array(label).max(100).default([]),
  })
  .transform((entry): FleetClusterSettings => ({
    access: { api: entry.api, accountFolder: entry.account_folder },
    labelSelector: entry.label_selector,
    expect: entry.expect,
    cluster: entry.cluster,
    placeLabels: entry.place_labels,
    removalTaints: entry.removal_taints,
  }));

const nodeSchema = z.object({
  metadata: z.object({
    name: z.string().min(1).max(253),
    labels: z.record(z.string(), z.string()).nullish(),
    deletionTimestamp: z.string().nullish(),
  }),
  spec: z.object({ taints: z.array(z.object({ key: z.string() })).nullish() }).nullish(),
});

export function watchFleetCluster(
  settings: FleetClusterSettings,
  {
    clock,
    jitter,
    onError,
  }: {
    readonly clock: Clock;
    /** A hexadecimal id. */
    readonly jitter: string;
    readonly onError: (sentence: string) => void;
  },
): FleetCluster {
  const watched = watchKubernetes<ClusterNode>({
    access: settings.access,
    path: () => "/api/v1/nodes",
    labelSelector: settings.labelSelector,
    fieldSelector: "",
    keep: (object) => readNode(object, settings),
    maximumItems: maximumNodes,
    clock,
    jitter,
    onError,
  });
  let version = 0;
  return {
    read() {
      if (!watched.listed || watched.version === version) return null;
      version = watched.version;
      return new Map([...watched.items.values()].map((node) => [node.name, node]));
    },
    stop: () => watched.stop(),
  };
}

function readNode(object: KubernetesObject, settings: FleetClusterSettings): ClusterNode | null {
  const parsed = nodeSchema.safeParse(object);
  if (!parsed.success) return null;
  const { metadata, spec } = parsed.data;
  const taints = (spec?.taints ?? []).map(({ key }) => key);
  const fatal = new Set([...removalTaints, ...settings.removalTaints]);
  const leaving = metadata.deletionTimestamp ? "deletion" : taints.find((key) => fatal.has(key));
  return {
    name: metadata.name,
    place: placeOf(metadata.labels ?? {}, settings),
    leaving: leaving ?? "",
  };
}

function placeOf(
  labels: Readonly<Record<string, string>>,
  { cluster, placeLabels }: FleetClusterSettings,
): NodePlace {
  const place: Record<string, string> = { ...noPlace, cluster };
  for (const name of Object.keys(noPlace) as (keyof NodePlace)[]) {
    const chosen = placeLabels[name];
    const keys = [...(chosen === undefined ? [] : [chosen]), ...(wellKnown[name] ?? [])];
    const value = keys.map((key) => labels[key] ?? "").find((found) => found !== "");
    if (value !== undefined) place[name] = value;
  }
  return place as Record<keyof NodePlace, string>;
}
