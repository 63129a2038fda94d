import { describe, expect, it } from "vitest";
import * as errors from "../../../core/catalog/gpu-errors.ts";
import { createFleetBench, gpuSample as gpu, plainSample as plain } from "../../kit/fleet-bench.ts";
import { testOrigin, type Sample } from "../../kit/rule-bench.ts";

describe("the fleet", () => {
  it("learns a node and its GPUs from what reports", async () => {
    const bench = createFleetBench();
    await bench.run(2, [gpu(0), gpu(1)]);
    expect(bench.said()).toEqual({
      "node_up node-1": 1,
      "gpus_expected node-1": 2,
      "gpus_present node-1": 2,
      "device_present node-1 0 GPU-0": 1,
      "device_present node-1 1 GPU-1": 1,
    });
    expect(bench.open()).toEqual([]);
  });

  it("says nothing of GPUs for a node that has none", async () => {
    const bench = createFleetBench();
    await bench.run(2, [plain]);
    expect(bench.said()).toEqual({ "node_up node-1": 1 });
  });

  it("misses a GPU that its node no longer lists, until it is back", async () => {
    const bench = createFleetBench();
    await bench.run(3, [gpu(0), gpu(1)]);
    await bench.run(4, [gpu(0)]);
    expect(bench.said()).toMatchObject({
      "gpus_expected node-1": 2,
      "gpus_present node-1": 1,
      "device_present node-1 1 GPU-1": 0,
    });
    expect(bench.open()).toEqual(["GpuMissing firing"]);
    expect(bench.fleet.nodes()[0]).toMatchObject({ missing: [{ id: "GPU-1" }], gpusPresent: 1 });
    await bench.run(1, [gpu(0), gpu(1)]);
    expect(bench.open()).toEqual([]);
  });

  it("misses a GPU that its agent lists as lost, until it answers again", async () => {
    const bench = createFleetBench();
    const lost = (value: number): Sample => ({ ...gpu(1, "GPU-1", value), metric: errors.lost });
    await bench.run(3, [gpu(0), gpu(1), lost(0)]);
    await bench.run(4, [gpu(0), gpu(1, "GPU-1", undefined), lost(1)]);
    expect(bench.said()).toMatchObject({
      "gpus_expected node-1": 2,
      "gpus_present node-1": 1,
      "device_present node-1 1 GPU-1": 0,
    });
    expect(bench.open()).toEqual(["GpuMissing firing"]);
    await bench.run(1, [gpu(0), gpu(1), lost(0)]);
    expect(bench.open()).toEqual([]);
  });

  it("doesn't call a GPU missing whose samples are absent while it is listed", async () => {
    const bench = createFleetBench();
    await bench.run(3, [gpu(0), gpu(1)]);
    await bench.run(5, [gpu(0), gpu(1, "GPU-1", undefined)]);
    expect(bench.said()).toMatchObject({ "gpus_present node-1": 2 });
    expect(bench.open()).toEqual([]);
  });

  it("takes an exchanged GPU in the place of the old one", async () => {
    const bench = createFleetBench();
    await bench.run(3, [gpu(0), gpu(1)]);
    await bench.run(3, [gpu(0)]);
    await bench.run(2, [gpu(0), gpu(1, "GPU-new")]);
    expect(bench.said()).toMatchObject({
      "gpus_expected node-1": 2,
      "device_present node-1 1 GPU-new": 1,
    });
    expect(bench.open()).toEqual([]);
  });

  it("tells a node down after three missed periods, and nothing of its GPUs while it is", async () => {
    const bench = createFleetBench();
    await bench.run(5, [gpu(0)]);
    await bench.run(3, null);
    expect(bench.said()).toMatchObject({ "node_up node-1": 1 });
    await bench.run(1, null);
    expect(bench.said()).toEqual({
      "node_up node-1": 0,
      "gpus_expected node-1": 1,
      "gpus_present node-1": null,
      "device_present node-1 0 GPU-0": null,
    });
    expect(bench.fleet.nodes()[0]?.state).toBe("unknown");
    await bench.run(2, null);
    expect(bench.open()).toEqual(["AgentGone firing"]);
    await bench.run(60, null);
    expect(bench.fleet.nodes()[0]?.state).toBe("gone");
  });

  it("holds a missing GPU's alert while the node doesn't report", async () => {
    const bench = createFleetBench();
    await bench.run(3, [gpu(0), gpu(1)]);
    await bench.run(3, [gpu(0)]);
    await bench.run(10, null);
    const missing = bench.engine.alerts().find(({ rule }) => rule === "GpuMissing");
    expect(missing).toMatchObject({ state: "firing", unknown: true });
  });

  it("doesn't take another exporter of the node for the one that lists its GPUs", async () => {
    const bench = createFleetBench();
    const other = { ...testOrigin, job: "node", instance: "node-1:9100" };
    await bench.run(3, [gpu(0)]);
    await bench.run(8, [plain], other);
    expect(bench.said()).toMatchObject({ "node_up node-1": 1, "gpus_present node-1": null });
    expect(bench.open()).toEqual([]);
  });

  it("doesn't count a failed scrape as a sign of life", async () => {
    const bench = createFleetBench();
    await bench.run(4, [{ metric: "up", value: 1 }, plain]);
    await bench.run(3, [
      { metric: "up", value: 0 },
      { ...plain, value: undefined },
    ]);
    expect(bench.said()).toEqual({ "node_up node-1": 1 });
    await bench.run(1, [
      { metric: "up", value: 0 },
      { ...plain, value: undefined },
    ]);
    expect(bench.said()).toEqual({ "node_up node-1": 0 });
  });

  it("judges no more nodes than the bound allows", async () => {
    const bench = createFleetBench();
    for (const name of ["a", "b", "c", "d"])
      await bench.run(1, [plain], { ...testOrigin, node: name, instance: name });
    expect(bench.fleet.nodes().map(({ node }) => node)).toEqual(["a", "b", "c"]);
  });
});

describe("the fleet's freshness", () => {
  it("counts a check of each node a second: stale once its samples are older than two periods", async () => {
    const bench = createFleetBench();
    await bench.run(10, [plain]);
    expect(bench.checked()).toEqual([10, 0]);
    await bench.run(2, null);
    expect(bench.checked()).toEqual([12, 0]);
    await bench.run(5, null);
    expect(bench.checked()).toEqual([12, 5]);
    await bench.run(1, [plain]);
    expect(bench.checked()).toEqual([13, 5]);
  });

  it("counts nothing for a node that is still waited for, or was taken out", async () => {
    const bench = createFleetBench();
    bench.fleet.applyFile({ nodes: [{ name: "node-2" }], removed: [] });
    await bench.run(10, null);
    expect(bench.checked()).toEqual([0, 0]);
    await bench.run(1, null);
    expect(bench.checked()).toEqual([0, 1]);
    bench.fleet.planRemoval("node-2", null);
    await bench.run(5, null);
    expect(bench.checked()).toEqual([0, 1]);
  });
});

describe("the fleet, over a restart", () => {
  it("still expects what it had learned", async () => {
    const first = createFleetBench();
    await first.run(3, [gpu(0), gpu(1)]);
    const second = createFleetBench(first.saved);
    await second.run(4, [gpu(0)]);
    expect(second.open()).toEqual(["GpuMissing firing"]);
  });

  it("gives nodes a while to report before it tells them down", async () => {
    const first = createFleetBench();
    await first.run(3, [gpu(0)]);
    const second = createFleetBench(first.saved);
    await second.run(10, null);
    expect(second.said()).toMatchObject({ "node_up node-1": null, "gpus_present node-1": null });
    await second.run(1, null);
    expect(second.said()).toMatchObject({ "node_up node-1": 0 });
  });

  it("begins anew where the record is another version's", async () => {
    const bench = createFleetBench({ record: { nodes: "?" } });
    await bench.run(1, [gpu(0)]);
    expect(bench.said()).toMatchObject({ "gpus_expected node-1": 1 });
  });

  it("saves only when something changed", async () => {
    const bench = createFleetBench();
    await bench.run(2, [gpu(0)]);
    bench.saved.record = "untouched";
    await bench.run(5, [gpu(0)]);
    expect(bench.saved.record).toBe("untouched");
  });
});

describe("the fleet file", () => {
  it("says how many GPUs a node should have, seen or not", async () => {
    const bench = createFleetBench();
    bench.fleet.applyFile({
      nodes: [{ name: "node-1", gpus: 8 }, { name: "node-2" }],
      removed: [],
    });
    await bench.run(4, [gpu(0)]);
    expect(bench.said()).toMatchObject({ "gpus_expected node-1": 8, "gpus_present node-1": 1 });
    expect(bench.open()).toEqual(["GpuMissing firing"]);
    await bench.run(10, [gpu(0)]);
    expect(bench.open()).toEqual(["GpuMissing firing", "AgentGone firing"]);
  });

  it("takes a node out for as long as it names it", async () => {
    const bench = createFleetBench();
    await bench.run(3, [plain]);
    await bench.run(8, null);
    expect(bench.open()).toEqual(["AgentGone firing"]);
    bench.fleet.applyFile({ nodes: [], removed: [{ node: "node-1" }] });
    await bench.run(5, null);
    expect([bench.open(), bench.said()]).toEqual([[], {}]);
    await bench.run(3, [plain]);
    expect(bench.said()).toEqual({});
    bench.fleet.applyFile({ nodes: [], removed: [] });
    await bench.run(1, [plain]);
    expect(bench.said()).toEqual({ "node_up node-1": 1 });
  });
});

describe("a planned removal", () => {
  it("ends a node's alerts, lets it go in peace, and is over when it comes back", async () => {
    const bench = createFleetBench();
    await bench.run(3, [gpu(0), gpu(1)]);
    await bench.run(3, [gpu(0)]);
    bench.fleet.planRemoval("node-1", null);
    expect(bench.open()).toEqual([]);
    await bench.run(3, [gpu(0)]);
    await bench.run(10, null);
    expect(bench.open()).toEqual([]);
    expect(bench.fleet.nodes()[0]?.state).toBe("removed");
    // Planned, and once more when it had gone: what opened in between ends too.
    expect(bench.removed).toEqual(["node-1", "node-1"]);
    await bench.run(2, [gpu(0), gpu(1)]);
    expect(bench.fleet.removals()).toEqual([]);
    expect(bench.said()).toMatchObject({ "node_up node-1": 1 });
  });

  it("takes one GPU out of what is expected", async () => {
    const bench = createFleetBench();
    await bench.run(3, [gpu(0), gpu(1)]);
    bench.fleet.planRemoval("node-1", "GPU-1");
    await bench.run(2, [gpu(0), gpu(1)]);
    expect(bench.said()).toMatchObject({ "gpus_expected node-1": 1, "gpus_present node-1": 1 });
    await bench.run(5, [gpu(0)]);
    expect(bench.open()).toEqual([]);
    await bench.run(2, [gpu(0), gpu(1)]);
    expect(bench.said()).toMatchObject({ "gpus_expected node-1": 2, "gpus_present node-1": 2 });
  });

  it("survives a restart and can be cancelled", async () => {
    const first = createFleetBench();
    await first.run(3, [plain]);
    first.fleet.planRemoval("node-1", null);
    const second = createFleetBench(first.saved);
    await second.run(15, null);
    expect(second.open()).toEqual([]);
    expect(second.fleet.cancelRemoval("node-1", null)).toBe(true);
    expect(second.fleet.cancelRemoval("node-1", null)).toBe(false);
    await second.run(3, null);
    expect(second.open()).toEqual(["AgentGone firing"]);
  });
});
