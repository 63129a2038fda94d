import { describe, expect, it } from "vitest";
import { objectiveRules, recordingRules, renderRecordingFile } from "../../alerts/recording.ts";
import { attribution, fleet, gpu, gpuErrors } from "../../core/catalog/index.ts";
import { hasProgram } from "../kit/programs.ts";
import { checkRules, tryRules, type InputSeries } from "../kit/promtool.ts";

function steady(name: string, labels: Record<string, string>, value: number): InputSeries {
  return { name, labels: { cluster: "a", ...labels }, values: [value, value, value] };
}

describe("the recording rules", () => {
  it("have a name of their own each", () => {
    const names = [...recordingRules, ...objectiveRules].map(({ record }) => record);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[a-z_]+:\w+:[a-z0-9_]+$/);
  });

  it.runIf(hasProgram("promtool"))("are ones that promtool accepts", () => {
    expect(checkRules(renderRecordingFile())).toMatchObject({ passed: true });
  });

  it.runIf(hasProgram("promtool"))(
    "keep what failed of an objective over every window",
    async () => {
      const counted = (outcome: string, perStep: number): InputSeries => ({
        name: fleet.nodeChecks.name,
        labels: { instance: "c", outcome },
        values: Array.from({ length: 11 }, (_, step) => step * perStep),
      });
      const windows = ["5m", "30m", "1h", "2h", "6h", "1d", "3d"];
      const [verdict] = await tryRules([
        {
          ruleFile: renderRecordingFile(),
          stepSeconds: 30,
          tests: [
            {
              name: "one look in four",
              series: [counted("fresh", 3), counted("stale", 1)],
              values: windows.map((window) => ({
                step: 10,
                expression: `sum(instance:telemetry_freshness_errors:ratio_rate${window})`,
                labels: "{}",
                value: 0.25,
              })),
            },
          ],
        },
      ]);
      expect(verdict?.passed, verdict?.output).toBe(true);
    },
  );

  it.runIf(hasProgram("promtool"))("sum up GPUs by cluster, node and model", async () => {
    const one = { node: "n1", instance: "n1:9410", modelName: "H100", UUID: "GPU-1" };
    const other = { node: "n2", instance: "n2:9410", modelName: "A100", UUID: "GPU-2" };
    const at = (expression: string, labels: string, value: number) => ({
      step: 2,
      expression,
      labels,
      value,
    });
    const [verdict] = await tryRules([
      {
        ruleFile: renderRecordingFile(),
        stepSeconds: 30,
        tests: [
          {
            name: "two nodes",
            series: [
              steady(gpu.utilization.name, one, 90),
              steady(gpu.utilization.name, other, 30),
              steady(gpu.powerUsage.name, one, 700),
              steady(gpu.powerUsage.name, other, 300),
              steady(gpu.memoryUsed.name, one, 60),
              steady(gpu.memoryFree.name, one, 20),
              steady(attribution.allocatable.name, one, 1),
              steady(attribution.allocatable.name, other, 0),
              {
                name: gpuErrors.xidEvents.name,
                labels: { ...one, cluster: "a", action: "reset_gpu" },
                values: [0, 1, 1],
              },
            ],
            values: [
              at(
                `cluster:${gpu.utilization.name}:avg`,
                `cluster:${gpu.utilization.name}:avg{cluster="a"}`,
                60,
              ),
              at(
                `model:${gpu.utilization.name}:avg{modelName="A100"}`,
                `model:${gpu.utilization.name}:avg{cluster="a",modelName="A100"}`,
                30,
              ),
              at(
                `cluster:${gpu.powerUsage.name}:sum`,
                `cluster:${gpu.powerUsage.name}:sum{cluster="a"}`,
                1000,
              ),
              at(`sum(node:${gpu.memoryUsed.name}:ratio)`, "{}", 0.75),
              at(`sum(cluster:${attribution.allocatable.name}:sum)`, "{}", 1),
              // From 0 to 1 over the whole of what is known.
              at(`sum(cluster_action:${gpuErrors.xidEvents.name}:increase1h) > bool 0`, "{}", 1),
            ],
          },
        ],
      },
    ]);
    expect(verdict?.passed, verdict?.output).toBe(true);
  });
});
