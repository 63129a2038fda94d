/** Which series of a page get the labels of who holds the GPU. */
import { expect, test } from "vitest";
import { createHolders, holderLabelNames } from "../../../agent/attribution/holders.ts";
import { createJoin } from "../../../agent/attribution/join.ts";
import { openMetric, type Metric } from "../../../core/catalog/metric.ts";
import { labelsOf, type Schema } from "../../../core/wire/frame.ts";

const pod = { namespace: "research", pod: "train-0", container: "main", replica: "", job: "" };

function joined(metric: Metric, values: readonly string[]): Record<string, string> | undefined {
  const holders = createHolders();
  holders.set("kubelet", [{ uuid: "GPU-1", gpuInstance: "", ...pod }]);
  const schema: Schema = {
    origin: { node: "", job: "", instance: "", boot: "" },
    version: 1,
    groups: [{ source: "dcgm", first: 0, length: 1 }],
    series: [{ metric, values, device: null }],
  };
  const [series] = createJoin(holders).apply(schema).series;
  return series && labelsOf(series);
}

test("a field that a user's file asks DCGM for names its pod, though no catalogue has it", () => {
  const metric = openMetric("DCGM_FI_DEV_NEW_ONE", "gauge", "A field.", ["gpu", "UUID"]);
  expect(joined(metric, ["0", "GPU-1"])).toMatchObject({ pod: "train-0", namespace: "research" });
});

test("series that say already who holds the GPU, or are of nobody's, stay as they are", () => {
  const passedOn = openMetric("DCGM_FI_DEV_GPU_UTIL", "gauge", "Load.", ["UUID", "pod"]);
  expect(joined(passedOn, ["GPU-1", "other"])).toEqual({ UUID: "GPU-1", pod: "other" });
  const ours = openMetric("warpwatch_gpu_lost", "gauge", "Lost.", ["UUID"]);
  expect(Object.keys(joined(ours, ["GPU-1"]) ?? {})).not.toContain(holderLabelNames[0]);
});
