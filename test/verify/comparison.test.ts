/** What counts as a difference between the agent and a reference. */
import { expect, test } from "vitest";
import type { Metric } from "../../core/catalog/metric.ts";
import * as errors from "../../core/catalog/gpu-errors.ts";
import * as gpu from "../../core/catalog/gpu.ts";
import { judge, type Reading } from "./comparison.ts";

/** Ten rounds of [before, reference, after]; the last one stands for those that aren't given. */
function problemOf(metric: Metric, ...rounds: [number, number, number][]): string | null {
  const last = rounds.at(-1) ?? [0, 0, 0];
  const readings = Array.from({ length: 10 }, (_, index): Reading => {
    const [before, reference, after] = rounds[index] ?? last;
    return { what: "it", metric, gpu: "GPU-0", before, reference, after };
  });
  return judge(readings)[0]?.problem ?? null;
}

test("temperature may be one degree outside what the agent told before and after, never two", () => {
  expect(problemOf(gpu.temperature, [45, 49, 48])).toBeNull();
  expect(problemOf(gpu.temperature, [45, 50, 48], [45, 46, 45])).toContain("1 of 10 rounds");
});

test("a single sample of power may move away, the mean may not", () => {
  expect(problemOf(gpu.powerUsage, [500, 600, 500], [500, 500, 500])).toBeNull();
  expect(problemOf(gpu.powerUsage, [500, 600, 500], [500, 600, 500], [500, 500, 500])).toContain(
    "2 of 10 rounds",
  );
  expect(problemOf(gpu.powerUsage, [440, 500, 500])).toContain("the means");
});

test("utilisation is compared over the run alone", () => {
  expect(problemOf(gpu.utilization, [0, 50, 0], [50, 45, 50])).toBeNull();
  expect(problemOf(gpu.utilization, [50, 44, 50])).toContain("the means are 6.00 apart");
});

test("counts are equal, or have grown between the agent's pages", () => {
  expect(problemOf(errors.remappedCorrectable, [1, 2, 3])).toBeNull();
  expect(problemOf(errors.remappedCorrectable, [1, 4, 3], [1, 1, 1])).toContain("1 of 10");
});

test("a value that only the reference has is a difference, and none where neither has it", () => {
  expect(problemOf(gpu.memoryTemperature, [Number.NaN, 60, 60], [60, 60, 60])).toContain(
    "no value in 1 of 10 rounds",
  );
  expect(judge([])).toEqual([]);
});
