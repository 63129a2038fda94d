/** Every generated manifest: a kustomize base, a component for the Prometheus operator, and an overlay for GPU nodes. */
import { Namespace } from "kubernetes-models/v1";
import { stringify } from "yaml";
import { agentManifests } from "./agent.ts";
import { collectorManifests } from "./collector.ts";
import { agentName, imageName, imageTag, namespace } from "./names.ts";
import { operatorManifests } from "./prometheus-operator.ts";

interface Manifest {
  readonly kind: string;
  readonly metadata?: { readonly name?: string | undefined } | undefined;
}

const generated = "# Written by `npm run generate` from deploy/*.ts; changes made here are lost.\n";
const kustomization = { apiVersion: "kustomize.config.k8s.io/v1beta1", kind: "Kustomization" };
const component = { apiVersion: "kustomize.config.k8s.io/v1alpha1", kind: "Component" };

/** The agent mounts folders of its host and shares its network: what Pod Security calls privileged, though nothing runs as root. */
const home = new Namespace({
  metadata: {
    name: namespace,
    labels: { "pod-security.kubernetes.io/enforce": "privileged" },
  },
});

/** The container runtime brings nvidia-smi and the driver's library along; no privilege is needed for that. */
const gpuPatch = agentPatch({
  runtimeClassName: "nvidia",
  nodeSelector: { "nvidia.com/gpu.present": "true" },
  containers: [
    {
      name: "agent",
      env: [
        { name: "NVIDIA_VISIBLE_DEVICES", value: "all" },
        { name: "NVIDIA_DRIVER_CAPABILITIES", value: "utility" },
      ],
    },
  ],
});

/** A change of the agent's pod on every node. */
function agentPatch(spec: object): object {
  return {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: agentName },
    spec: { template: { spec } },
  };
}

/** Root, who owns the kubelet's socket and may read whose a process is, yet without a capability; and the host's process numbers. */
const attributionPatch = agentPatch({
  hostPID: true,
  securityContext: { runAsNonRoot: false, runAsUser: 0, runAsGroup: 0 },
});

/** For the kernel's log, drives' SMART logs and the BMC: their device files open to privileged containers only. */
const privilegedPatch = agentPatch({
  hostPID: true,
  securityContext: { runAsNonRoot: false, runAsUser: 0, runAsGroup: 0 },
  containers: [
    {
      name: "agent",
      securityContext: {
        privileged: true,
        allowPrivilegeEscalation: true,
        capabilities: { add: ["ALL"], drop: [] },
      },
    },
  ],
});

/** Manifests that are held to Kubernetes' own schemas. */
export const modelled = [home, ...agentManifests, ...collectorManifests];

/** Path from the repository's root → text. */
export function renderDeployment(): ReadonlyMap<string, string> {
  return new Map([
    ...folder("base", modelled, {
      ...kustomization,
      namespace,
      images: [{ name: imageName, newTag: imageTag }],
    }),
    ...folder("components/prometheus-operator", operatorManifests, { ...component, namespace }),
    ...patchComponent("attribution", attributionPatch),
    ...patchComponent("privileged", privilegedPatch),
    file("overlays/gpu/agent.yaml", gpuPatch),
    file("overlays/gpu/kustomization.yaml", {
      ...kustomization,
      resources: ["../../base"],
      components: ["../../components/prometheus-operator", "../../components/attribution"],
      patches: [{ path: "agent.yaml" }],
    }),
  ]);
}

/** A component that changes the agent and adds nothing. */
function patchComponent(name: string, patch: object): (readonly [string, string])[] {
  return [
    file(`components/${name}/agent.yaml`, patch),
    file(`components/${name}/kustomization.yaml`, {
      ...component,
      patches: [{ path: "agent.yaml" }],
    }),
  ];
}

/** One file per object, and a kustomization that lists them. */
function folder(
  path: string,
  manifests: readonly Manifest[],
  head: object,
): (readonly [string, string])[] {
  const files = manifests.map((manifest) => {
    const name = `${manifest.metadata?.name ?? ""}.${manifest.kind.toLowerCase()}.yaml`;
    return [name, manifest] as const;
  });
  return [
    ...files.map(([name, manifest]) => file(`${path}/${name}`, manifest)),
    file(`${path}/kustomization.yaml`, { ...head, resources: files.map(([name]) => name) }),
  ];
}

function file(path: string, manifest: object): readonly [string, string] {
  // Through JSON, as the API server will get it: the models' classes and what is undefined stay behind.
  const plain: unknown = JSON.parse(JSON.stringify(manifest));
  return [`deploy/kustomize/${path}`, generated + stringify(plain, { lineWidth: 0 })];
}
