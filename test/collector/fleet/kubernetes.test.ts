import { expect, it, onTestFinished, vi } from "vitest";
import {
  fleetClusterSchema,
  watchFleetCluster,
  type ClusterNode,
} from "../../../collector/fleet/kubernetes.ts";
import { noPlace } from "../../../collector/fleet/place.ts";
import { createSystemClock } from "../../../core/kit/clock.ts";
import { labelsOf } from "../../../core/wire/frame.ts";
import { createFleetBench, gpuSample } from "../../kit/fleet-bench.ts";
import { startStandInApi, type StandInApi } from "../../standins/kubernetes-api.ts";

const samples = [gpuSample(0), gpuSample(1)];

const node = (name: string, ...taints: string[]) => ({
  metadata: {
    name,
    labels: {
      "topology.kubernetes.io/region": "eu-1",
      "topology.kubernetes.io/zone": "eu-1a",
      "node.kubernetes.io/instance-type": "p5.48xlarge",
      "nvidia.com/gpu.product": "NVIDIA-H100-80GB-HBM3",
      "example.com/rack": "r7",
    },
  },
  spec: { taints: taints.map((key) => ({ key, effect: "NoSchedule" })) },
  status: { conditions: [{ type: "Ready", status: "True" }] },
});

function follow(api: StandInApi, settings: object = {}) {
  const cluster = watchFleetCluster(
    fleetClusterSchema.parse({
      api: api.access.api,
      account_folder: api.access.accountFolder,
      ...settings,
    }),
    { clock: createSystemClock(), jitter: "0", onError: () => {} },
  );
  onTestFinished(() => cluster.stop());
  return () =>
    vi.waitFor((): ReadonlyMap<string, ClusterNode> => {
      const nodes = cluster.read();
      if (nodes === null) throw new Error("nothing new yet");
      return nodes;
    }, 5000);
}

/** A fleet of one node that reports, in a cluster that has it and another. */
async function startFleet(settings: object = {}) {
  const api = await startStandInApi();
  api.put("nodes", node("node-1"));
  api.put("nodes", node("other"));
  const changed = follow(api, settings);
  const bench = createFleetBench();
  bench.fleet.applyCluster(await changed());
  await vi.waitFor(() => expect(api.watches()).toBe(1), 5000);
  await bench.run(3, samples);
  return {
    ...bench,
    api,
    clusterChanged: async (): Promise<void> => {
      bench.fleet.applyCluster(await changed());
    },
  };
}

it("expects the cluster's nodes once they reported, and says where they stand", async () => {
  const { fleet, said } = await startFleet({
    cluster: "c1",
    place_labels: { rack: "example.com/rack" },
  });
  expect(said()).toMatchObject({ "node_up node-1": 1 });
  expect(Object.keys(said()).some((key) => key.includes("other"))).toBe(false);
  const info = fleet.lastFrame()?.schema.series.find(({ metric }) => metric.name.endsWith("_info"));
  expect(info && labelsOf(info)).toEqual({
    node: "node-1",
    cluster: "c1",
    region: "eu-1",
    zone: "eu-1a",
    rack: "r7",
    chassis: "",
    slot: "",
    instance_type: "p5.48xlarge",
    modelName: "NVIDIA-H100-80GB-HBM3",
    clique: "",
  });
});

it("says in an alert where the node stands that it is about", async () => {
  const { run, store } = await startFleet({ place_labels: { rack: "example.com/rack" } });
  await run(10, null);
  const told = store.steps.flatMap(({ notify }) => notify.map(({ annotations }) => annotations));
  expect(told).toMatchObject([{ place: "region eu-1, zone eu-1a, rack r7" }]);
});

it("raises nothing for a node that the autoscaler takes away", async () => {
  const { run, open, api, clusterChanged, fleet, removed } = await startFleet();
  api.put("nodes", node("node-1", "ToBeDeletedByClusterAutoscaler"));
  await clusterChanged();
  expect(removed).toEqual(["node-1"]);
  await run(30, null);
  api.remove("nodes", "node-1");
  await clusterChanged();
  await run(20, null);
  expect(open()).toEqual([]);
  expect(fleet.nodes()).toMatchObject([{ node: "node-1", state: "removed" }]);
  // Silent for as long as makes it gone: a node of that name is none the fleet knows.
  await run(20, null);
  expect(fleet.nodes()).toEqual([]);
  expect(fleet.removals()).toEqual([]);
});

it.each([
  "karpenter.sh/disrupted",
  "karpenter.sh/disruption",
  "aws-node-termination-handler/spot-itn",
  "aws-node-termination-handler/asg-lifecycle-termination",
  "cloud.google.com/impending-node-termination",
  "node.kubernetes.io/out-of-service",
  "example.com/ours",
])("takes the taint %s for a removal", async (taint) => {
  const { run, open, api, clusterChanged } = await startFleet({
    removal_taints: ["example.com/ours"],
  });
  api.put("nodes", node("node-1", taint));
  await clusterChanged();
  await run(10, null);
  expect(open()).toEqual([]);
});

it("ends the alert of a node that was silent when the cluster deletes it", async () => {
  const { run, open, api, clusterChanged } = await startFleet();
  await run(10, null);
  expect(open()).toEqual(["AgentGone firing"]);
  api.remove("nodes", "node-1");
  await clusterChanged();
  await run(2, null);
  expect(open()).toEqual([]);
});

it("pages once for a node that is only unready, cordoned or a candidate", async () => {
  const { run, open, api, store, clusterChanged } = await startFleet();
  const unready = node(
    "node-1",
    "node.kubernetes.io/unreachable",
    "node.kubernetes.io/unschedulable",
    "DeletionCandidateOfClusterAutoscaler",
  );
  api.put("nodes", { ...unready, spec: { ...unready.spec, unschedulable: true } });
  // Nothing of it concerns the fleet: only what comes after is told.
  api.put("nodes", node("third"));
  await clusterChanged();
  await run(60, null);
  expect(open()).toEqual(["AgentGone firing"]);
  expect(store.steps.flatMap(({ notify }) => notify)).toHaveLength(1);
});

it("expects a node again whose removal was called off", async () => {
  const { run, open, api, clusterChanged, said } = await startFleet();
  api.put("nodes", node("node-1", "ToBeDeletedByClusterAutoscaler"));
  await clusterChanged();
  await run(2, samples);
  expect(said()).toEqual({});
  api.put("nodes", node("node-1"));
  await clusterChanged();
  await run(2, samples);
  expect(said()).toMatchObject({ "node_up node-1": 1, "gpus_expected node-1": 2 });
  await run(10, null);
  expect(open()).toEqual(["AgentGone firing"]);
});

it("knows after a restart that a node was the cluster's, and that it went meanwhile", async () => {
  const { saved, api, run } = await startFleet();
  await run(1, samples);
  api.remove("nodes", "node-1");
  const next = createFleetBench(saved);
  next.fleet.applyCluster(await follow(api)());
  await next.run(20, null);
  expect(next.open()).toEqual([]);
});

it("leaves nodes alone that never were the cluster's, and believes no empty list", async () => {
  const { fleet, run, open } = await startFleet();
  fleet.applyCluster(new Map());
  await run(2, samples);
  expect(fleet.removals()).toEqual([]);
  const elsewhere = { node: "metal", job: "j", instance: "metal:1", boot: "b" };
  await run(2, [{ metric: "node_load1", value: 1 }], elsewhere);
  fleet.applyCluster(new Map([["node-1", { name: "node-1", place: noPlace, leaving: "" }]]));
  await run(10, samples);
  expect(open()).toEqual(["AgentGone firing"]);
});

it("expects nodes that never reported where that is asked for", async () => {
  const bench = createFleetBench({ record: null }, "all");
  bench.fleet.applyCluster(new Map([["node-1", { name: "node-1", place: noPlace, leaving: "" }]]));
  await bench.run(15, null);
  expect(bench.open()).toEqual(["AgentGone firing"]);
});

it("expects again what a cluster took away that is no longer followed", async () => {
  const { saved, api, clusterChanged, run } = await startFleet();
  api.put("nodes", node("node-1", "ToBeDeletedByClusterAutoscaler"));
  await clusterChanged();
  await run(1, samples);
  const next = createFleetBench(saved, null);
  expect(next.fleet.removals()).toEqual([]);
  const followed = createFleetBench(saved);
  expect(followed.fleet.removals()).toMatchObject([{ node: "node-1", source: "kubernetes" }]);
});
