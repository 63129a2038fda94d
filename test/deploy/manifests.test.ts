/** The manifests: valid, without privileges, and complete enough that agent and collector find each other. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { agentFlags } from "../../agent/flags.ts";
import { modelled, renderDeployment } from "../../deploy/all.ts";
import { hasProgram } from "../kit/programs.ts";
import { repositoryRoot } from "../kit/sources.ts";

interface Container {
  readonly name: string;
  readonly image: string;
  readonly args: readonly string[];
  readonly env?: readonly { readonly name: string }[];
  readonly securityContext: unknown;
  readonly volumeMounts: readonly Readonly<Record<string, unknown>>[];
  readonly resources: { readonly limits: { readonly memory: string } };
}

interface PodSpec {
  readonly containers: readonly Container[];
  readonly securityContext: unknown;
  readonly automountServiceAccountToken: boolean;
  readonly runtimeClassName?: string;
  readonly volumes: readonly { readonly name: string; readonly secret?: { secretName: string } }[];
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: { readonly template?: { readonly spec: PodSpec } };
  readonly data?: Readonly<Record<string, string>>;
}

/** No root, no way up, nothing to write to but volumes. */
function expectRestricted(spec: PodSpec): void {
  expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 65_532 });
  expectWithoutPrivilege(spec);
}

/** No capability and no way to one, whoever the user is. */
function expectWithoutPrivilege(spec: PodSpec): void {
  expect(spec.securityContext).toMatchObject({ seccompProfile: { type: "RuntimeDefault" } });
  for (const { securityContext, resources } of spec.containers) {
    expect(securityContext).toEqual({
      allowPrivilegeEscalation: false,
      privileged: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
    expect(resources.limits.memory).toBeTruthy();
  }
}

describe("the manifests", () => {
  it("hold to Kubernetes' own schemas", () => {
    for (const manifest of modelled) expect(() => manifest.validate(), manifest.kind).not.toThrow();
  });

  it("are found wanting by the schemas when something is", () => {
    const set = modelled.find(({ kind }) => kind === "DaemonSet");
    const broken = structuredClone(JSON.parse(JSON.stringify(set))) as {
      spec: { selector?: unknown };
    };
    delete broken.spec.selector;
    const Model = set?.constructor as new (data: unknown) => { validate(): void };
    expect(() => new Model(broken).validate()).toThrow(/selector/);
  });

  it("are listed in a kustomization each", () => {
    const files = renderDeployment();
    for (const [path, text] of files) {
      if (!path.endsWith("/kustomization.yaml")) continue;
      const folder = path.slice(0, -"kustomization.yaml".length);
      const { resources = [] } = parse(text) as { resources?: string[] };
      const own = [...files.keys()].filter(
        (other) => other.startsWith(folder) && !other.slice(folder.length).includes("/"),
      );
      const listed = resources
        .filter((name) => name.endsWith(".yaml"))
        .map((name) => folder + name);
      for (const name of listed) expect(own).toContain(name);
    }
  });
});

describe("what takes more than the base has", () => {
  const podPatch = (component: string): PodSpec => {
    const text = renderDeployment().get(`deploy/kustomize/components/${component}/agent.yaml`);
    const spec = (parse(text ?? "") as Manifest).spec?.template?.spec;
    if (!spec) throw new Error(`${component} changes no pod`);
    return spec;
  };

  it("is the host's processes and root without a capability, to say who holds a GPU", () => {
    expect(podPatch("attribution")).toEqual({
      hostPID: true,
      securityContext: { runAsNonRoot: false, runAsUser: 0, runAsGroup: 0 },
    });
  });

  it("is a privileged container in a component of its own, which no overlay has", () => {
    expect(podPatch("privileged").containers[0]?.securityContext).toMatchObject({
      privileged: true,
    });
    for (const [path, text] of renderDeployment())
      if (path.includes("/overlays/") || path.includes("/base/"))
        expect(text, path).not.toMatch(/privileged: true|components\/privileged/);
  });
});

describe("a unit for systemd", () => {
  const units = ["agent", "collector"].map((name) =>
    join(repositoryRoot, `deploy/systemd/warpwatch-${name}.service`),
  );

  it.runIf(hasProgram("systemd-analyze"))(
    "is one that systemd understands, and closed up well",
    () => {
      for (const unit of units) {
        const verified = spawnSync("systemd-analyze", ["verify", unit], { encoding: "utf8" });
        expect(verified.stderr).toBe("");
        expect(verified.status).toBe(0);
        const judged = spawnSync(
          "systemd-analyze",
          ["security", "--offline=yes", "--threshold=30", unit],
          { encoding: "utf8" },
        );
        expect(judged.status, judged.stdout).toBe(0);
      }
    },
  );
});

describe("the container file", () => {
  it("copies what is there, and runs as a number that isn't root", () => {
    const text = readFileSync(join(repositoryRoot, "deploy/container/Containerfile"), "utf8");
    const copied = [...text.matchAll(/\/src\/([\w.-]+)/g)].map((match) => match[1] ?? "");
    // npm makes these two during the build.
    const made = new Set(["dist", "node_modules"]);
    for (const name of copied.filter((one) => !made.has(one)))
      expect(existsSync(join(repositoryRoot, name)), name).toBe(true);
    expect(text).toMatch(/^USER 65532:65532$/m);
  });
});

/** Debian's kubernetes-client brings it; without it the schemas above are all there is. */
describe.runIf(hasProgram("kubectl"))("kubectl kustomize", () => {
  const build = (folder: string): Manifest[] => {
    const path = join(repositoryRoot, "deploy/kustomize", folder);
    const { status, stdout, stderr } = spawnSync("kubectl", ["kustomize", path], {
      encoding: "utf8",
    });
    expect(stderr).toBe("");
    expect(status).toBe(0);
    return parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
  };
  const podOf = (manifests: readonly Manifest[], kind: string): PodSpec => {
    const spec = manifests.find((manifest) => manifest.kind === kind)?.spec?.template?.spec;
    if (!spec) throw new Error(`no ${kind}`);
    return spec;
  };

  it("renders the base, everything of it in one namespace but what has none", () => {
    const manifests = build("base");
    const cluster = new Set(["ClusterRole", "ClusterRoleBinding", "Namespace", "PriorityClass"]);
    for (const { kind, metadata } of manifests)
      expect(metadata.namespace, kind).toBe(cluster.has(kind) ? undefined : "warpwatch");
  });

  it("gives the agent its host read-only, no privilege, and flags that it knows", () => {
    const spec = podOf(build("base"), "DaemonSet");
    expectRestricted(spec);
    expect(spec.automountServiceAccountToken).toBe(false);
    const [container] = spec.containers;
    expect(container?.image).toMatch(/^ghcr\.io\/warpwatch\/warpwatch:\d/);
    for (const mount of container?.volumeMounts ?? [])
      if (mount["name"] !== "state") expect(mount["readOnly"]).toBe(true);
    const flags = (container?.args ?? [])
      .slice(1)
      .map((flag) => /^--([^=]+)=/.exec(flag)?.[1] ?? flag);
    for (const flag of flags) expect(Object.keys(agentFlags)).toContain(flag);
  });

  it("gives the collector no privilege either", () => {
    expectRestricted(podOf(build("base"), "StatefulSet"));
  });

  it("adds the NVIDIA runtime for GPU nodes, the user who may ask the kubelet, and no privilege", () => {
    const manifests = build("overlays/gpu");
    const spec = podOf(manifests, "DaemonSet");
    expectWithoutPrivilege(spec);
    expect(spec.securityContext).toMatchObject({ runAsUser: 0 });
    expect(spec.runtimeClassName).toBe("nvidia");
    const names = spec.containers[0]?.env?.map(({ name }) => name) ?? [];
    expect(names).toEqual(expect.arrayContaining(["NODE_NAME", "NVIDIA_VISIBLE_DEVICES"]));
    const kinds = manifests.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "ServiceMonitor")).toHaveLength(2);
    expect(kinds).toContain("PrometheusRule");
  });
});
