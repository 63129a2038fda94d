import { expect, test } from "vitest";
import { neutralTwinOf } from "../../../../agent/sources/gpu/neutral-twins.ts";
import { createNvidiaSmiSource } from "../../../../agent/sources/gpu/nvidia-smi.ts";
import { targetsOf } from "../../../../agent/sources/gpu/nvml-targets.ts";
import { createSyntheticGpuSource } from "../../../../agent/sources/synthetic/gpu.ts";
import * as details from "../../../../core/catalog/gpu-details.ts";
import * as errors from "../../../../core/catalog/gpu-errors.ts";
import * as gpu from "../../../../core/catalog/gpu.ts";
import * as neutral from "../../../../core/catalog/gpu-neutral.ts";
import type { Metric } from "../../../../core/catalog/metric.ts";
import { createFleet } from "../../../../simulator/fleet.ts";

/** NVIDIA's metric and a sample of it, what it becomes, and the label that says which of several. */
const pairs: [Metric, number, Metric, number, Record<string, string>][] = [
  [gpu.utilization, 97, neutral.utilization, 0.97, {}],
  [gpu.memoryUsed, 80_995, neutral.memoryUsed, 84_929_413_120, {}],
  [details.memoryTotal, 81_559, neutral.memoryTotal, 85_520_809_984, {}],
  [gpu.powerUsage, 627.4, neutral.power, 627.4, {}],
  [gpu.temperature, 52, neutral.temperature, 52, { sensor: "core" }],
  [gpu.memoryTemperature, 61, neutral.temperature, 61, { sensor: "memory" }],
  [errors.eccSingleBitVolatile, 2 ** 32, neutral.errors, 2 ** 32, { kind: "corrected" }],
  [errors.eccDoubleBitVolatile, 1, neutral.errors, 1, { kind: "uncorrected" }],
];

test("what NVIDIA tells becomes what all makes share, in base units; what is absent stays so", () => {
  for (const [metric, sample, common, expected, labels] of pairs) {
    const twin = neutralTwinOf(metric);
    expect(twin?.metric).toBe(common);
    expect(twin?.extraLabels).toEqual({ vendor: "nvidia", ...labels });
    expect(twin?.convert(sample)).toBe(expected);
    expect(twin?.convert(Number.NaN)).toBeNaN();
  }
  expect(neutralTwinOf(gpu.smClock)).toBeUndefined();
});

test("NVML's, nvidia-smi's and the synthetic GPUs have all of them, eight series for a GPU", () => {
  const wanted = new Set(pairs.map(([, , common]) => common));
  const synthetic = createSyntheticGpuSource(
    createFleet({ seed: 1, nodes: 1, model: "H100", startMilliseconds: 0 }),
    0,
  );
  for (const { metrics } of [createNvidiaSmiSource(), synthetic])
    expect(new Set(metrics.filter((one) => wanted.has(one as Metric)))).toEqual(wanted);
  const keys =
    "utilization.gpu memory.used memory.total power.usage temperature.gpu temperature.memory ecc.corrected.volatile ecc.uncorrected.volatile";
  const common = keys
    .split(" ")
    .flatMap((key) => targetsOf(key))
    .filter(({ metric }) => wanted.has(metric));
  expect(common).toHaveLength(8);
  // The driver tells thousandths of a watt and bytes.
  expect(common.find(({ metric }) => metric === neutral.power)?.convert(627_400)).toBe(627.4);
  expect(common.find(({ metric }) => metric === neutral.memoryUsed)?.convert(2 ** 30)).toBe(
    2 ** 30,
  );
});
