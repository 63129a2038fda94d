import { describe, expect, it } from "vitest";
import { gpu, network } from "../../../../core/catalog/index.ts";
import { createAnomalyDetector } from "../../../../collector/detect/learned/anomaly-detector.ts";
import { createFindingBook } from "../../../../collector/detect/learned/finding.ts";
import { createForecastDetector } from "../../../../collector/detect/learned/forecast-detector.ts";
import { createFleet } from "../../../../simulator/fleet.ts";
import { parseScenario } from "../../../../simulator/script.ts";
import { playFleet } from "../../../kit/fleet-player.ts";
import { createRandom } from "../../../kit/random.ts";
import { startMilliseconds, type Sample } from "../../../kit/rule-bench.ts";
import { describeDetector } from "../../../suites/detector-suite.ts";

const labels = { gpu: "3", UUID: "GPU-3" };
const size = { nodes: 2, gpusPerNode: 8 };

/** A GPU under a steady load that turns hot after five minutes, and a network interface that loses nothing. */
function scene(second: number): Sample[] {
  const random = createRandom(second);
  const power = 500 + random.between(-20, 20);
  const fault = second < 300 ? 0 : 15;
  return [
    { metric: gpu.temperature, labels, value: 20 + power / 12 + fault + random.between(-1, 1) },
    { metric: gpu.powerUsage, labels, value: power },
    { metric: network.receiveErrors, labels: { device: "eth0" }, value: 7 },
    { metric: network.transmitErrors, labels: { device: "eth0" }, value: 1 },
  ];
}

describeDetector("the anomaly detector", {
  create: (findings, limits) => createAnomalyDetector(limits ? { findings, limits } : { findings }),
  scene,
  seconds: 450,
  watched: 3,
});

async function play(script: string, seconds: number, seed = 1) {
  const scenario = parseScenario(script, "test", size);
  const startMs = startMilliseconds;
  const fleet = createFleet({
    seed,
    ...size,
    model: "H100",
    scenario,
    startMilliseconds: startMs,
  });
  const book = createFindingBook();
  const detectors = [
    createAnomalyDetector({ findings: book }),
    createForecastDetector({ findings: book }),
  ];
  const opened = new Map<string, number>();
  await playFleet(
    fleet,
    seconds,
    { frame: (state) => detectors.forEach((one) => one.step(state)) },
    (time) => {
      for (const { detector, node, subject, metric, sinceMilliseconds } of book.list()) {
        const name = `${detector} ${node} ${subject} ${metric}`;
        if (!opened.has(`${name} ${sinceMilliseconds}`))
          opened.set(`${name} ${sinceMilliseconds}`, (time - startMs) / 1000);
      }
    },
  );
  return { book, opened: [...opened] };
}

describe("learned findings on a synthetic fleet", () => {
  it("are at most one in half an hour of sixteen sound GPUs", async () => {
    const { opened } = await play("workload: mixed", 1800);
    expect(opened.length).toBeLessThanOrEqual(1);
  });

  it("tell of heat, a filling filesystem and a bad cable within three minutes, and of nothing else", async () => {
    const { opened } = await play(
      `workload: training
faults:
  - { at: 10m, node: 0, gpu: 5, kind: thermal_runaway, severity: 0.7, duration: 6m }
  - { at: 10m, node: 1, gpu: 4, kind: nic_loss, severity: 0.3, duration: 5m }
  - { at: 10m, node: 1, kind: filesystem_fill, severity: 1, duration: 4m, mountpoint: /scratch }`,
      800,
    );
    const byPart = new Map(
      opened.map(([name, second]) => [name.split(" ").slice(0, 3).join(" "), second]),
    );
    expect([...byPart.keys()].toSorted()).toEqual([
      "anomaly synthetic-00 gpu5",
      "anomaly synthetic-01 rail4",
      "forecast synthetic-00 gpu5",
      "forecast synthetic-01 /scratch",
    ]);
    for (const second of byPart.values()) {
      expect(second).toBeGreaterThan(600);
      expect(second).toBeLessThan(780);
    }
  });
});
