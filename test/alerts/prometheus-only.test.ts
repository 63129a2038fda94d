import { describe, expect, it } from "vitest";
import { allRules } from "../../alerts/all.ts";
import { missingAlertOf, renderRuleFile } from "../../alerts/prometheus.ts";
import type { Rule } from "../../alerts/rule.ts";
import { collector, gpu, gpuDetails, gpuErrors } from "../../core/catalog/index.ts";
import { hasProgram } from "../kit/programs.ts";
import { tryRules, type InputSeries } from "../kit/promtool.ts";

const steps = 140;
const stepSeconds = 30;

function ruleOf(name: string): Rule {
  return allRules.find((rule) => rule.name === name) as Rule;
}

function series(
  name: string,
  labels: Readonly<Record<string, string>>,
  valueAt: (step: number) => number,
): InputSeries {
  return { name, labels, values: Array.from({ length: steps }, (_, step) => valueAt(step)) };
}

/** What of the rule fires at the end, as promtool sees it. */
async function expectFiring(name: string, input: InputSeries[], expected: number): Promise<void> {
  const rule = ruleOf(name);
  const counts = [
    { alert: name, count: expected },
    { alert: missingAlertOf(rule), count: 0 },
  ].map((one) => ({ ...one, step: steps - 1, state: "firing" as const }));
  const [verdict] = await tryRules([
    { ruleFile: renderRuleFile([rule]), stepSeconds, tests: [{ name, series: input, counts }] },
  ]);
  expect(verdict?.passed, verdict?.output).toBe(true);
}

function place(node: number): Record<string, string> {
  return { job: "gpus", instance: `node-${node}:9410`, cluster: "a" };
}

describe.runIf(hasProgram("promtool"))("what only Prometheus can judge", () => {
  const correcting = (count: number, perSecond: (number: number) => number): InputSeries[] =>
    Array.from({ length: count }, (_, number) =>
      series(
        gpuErrors.eccSingleBitVolatile.name,
        { ...place(number), UUID: `GPU-${number}`, modelName: "H100" },
        (step) => perSecond(number) * step * stepSeconds,
      ),
    );

  it("finds the one GPU that corrects a hundred times what its model does, and none where one in ten does", async () => {
    const name = "GpuCorrectableEccAboveFleet";
    await expectFiring(
      name,
      correcting(40, (number) => (number === 7 ? 1 : 0.001)),
      1,
    );
    await expectFiring(
      name,
      correcting(40, (number) => (number % 10 === 7 ? 1 : 0.001)),
      0,
    );
  });

  it("finds a node of which every GPU lacks the same NVLink, where none of its own is better", async () => {
    const links = [1, 2, 3].flatMap((node) =>
      [0, 1].flatMap((index) => {
        const own = { ...place(node), gpu: String(index), UUID: `GPU-${node}-${index}` };
        const link = (number: string, isUp: number): InputSeries =>
          series(gpuDetails.nvlinkActive.name, { ...own, link: number }, () => isUp);
        return [
          series(gpu.info.name, { ...own, model: "H100" }, () => 1),
          link("0", 1),
          link("1", node === 3 ? 0 : 1),
        ];
      }),
    );
    await expectFiring("GpuNvlinksBelowFleet", links, 2);
    await expectFiring("GpuNvlinkDown", links, 0);
  });

  it("finds a hot node among those of its job, and compares no two jobs", async () => {
    const heat = (node: number, job: string, celsius: number): InputSeries[] =>
      ["0", "1", "2", "3"].map((index) =>
        series(
          gpu.temperature.name,
          {
            ...place(node),
            gpu: index,
            UUID: `GPU-${node}-${index}`,
            modelName: "H100",
            hpc_job: job,
          },
          () => celsius,
        ),
      );
    const job = [heat(1, "17", 50), heat(2, "17", 52), heat(3, "17", 75)].flat();
    await expectFiring("GpuHotterThanJob", [...job, ...heat(4, "18", 90)], 4);
  });

  it("pages for an RDMA port that did not come back after a restart, and for none that nobody uses", async () => {
    const rebooted = 100;
    const down = (device: string, bytes: number): InputSeries[] => {
      const labels = { ...place(1), device, port: "1" };
      return [
        series("node_infiniband_state_id", labels, (step) =>
          step < rebooted && bytes > 0 ? 4 : 1,
        ),
        series("node_infiniband_port_data_received_bytes_total", labels, (step) =>
          step < rebooted ? bytes * step : 0,
        ),
      ];
    };
    const ports = [...down("mlx5_0", 1000), ...down("mlx5_1", 0)];
    await expectFiring("InfinibandPortNotBack", ports, 1);
    await expectFiring("InfinibandPortDown", ports, 0);
  });

  it("pages for a collector that is down and for no other target", async () => {
    const isDown = (step: number): number => (step > 60 ? 0 : 1);
    await expectFiring(
      "CollectorDown",
      [
        series(collector.targetUp.name, place(1), isDown),
        series(collector.targetUp.name, place(2), isDown),
        series(collector.evaluations.name, place(1), (step) => step),
      ],
      1,
    );
  });
});
