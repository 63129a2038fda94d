import { describe, expect, it } from "vitest";
import { filesystem, gpu } from "../../../../core/catalog/index.ts";
import type { Finding } from "../../../../collector/detect/learned/finding.ts";
import { createForecastDetector } from "../../../../collector/detect/learned/forecast-detector.ts";
import { createIngest, defaultIngestLimits } from "../../../../collector/ingest/door.ts";
import { createFakeClock } from "../../../kit/fake-clock.ts";
import { createRandom } from "../../../kit/random.ts";
import {
  createFrameMaker,
  createTestMetrics,
  quietLog,
  startMilliseconds,
  type Sample,
} from "../../../kit/rule-bench.ts";
import { describeDetector } from "../../../suites/detector-suite.ts";

const mount = { device: "/dev/sda1", mountpoint: "/data", fstype: "xfs" };
const labels = { gpu: "3", UUID: "GPU-3" };

/** A filesystem that loses 10 MB a second of 10 GB, and a GPU that stays as it is. */
function scene(second: number): Sample[] {
  const random = createRandom(second);
  return [
    { metric: filesystem.available, labels: mount, value: 1e10 - 1e7 * second },
    { metric: gpu.temperature, labels, value: 60 + random.between(-1, 1) },
    { metric: gpu.powerUsage, labels, value: 500 },
  ];
}

describeDetector("the forecast detector", {
  create: (findings, limits) =>
    createForecastDetector(limits ? { findings, limits } : { findings }),
  scene,
  seconds: 300,
  watched: 2,
});

function run(seconds: number, samples: (second: number) => Sample[]): (Finding | string)[] {
  const told: (Finding | string)[] = [];
  const detector = createForecastDetector({
    findings: {
      report: (finding) => void told.push(finding),
      close: (_, subject) => void told.push(`closed ${subject.subject}`),
    },
  });
  const clock = createFakeClock(startMilliseconds);
  const metrics = createTestMetrics();
  const ingest = createIngest({ clock, log: quietLog, metrics, limits: defaultIngestLimits });
  ingest.listen({ frame: (state) => detector.step(state) });
  const make = createFrameMaker();
  for (let second = 0; second < seconds; second += 1) {
    const time = startMilliseconds + second * 1000;
    clock.setWallClock(time);
    ingest.accept(make(time, samples(second)));
  }
  return told;
}

describe("the forecast detector", () => {
  it("tells the date with its interval, in words and as numbers", () => {
    const [finding] = run(120, scene);
    if (typeof finding !== "object") throw new Error("there is no finding");
    expect(finding.forecast?.expectedMilliseconds).toBeCloseTo(startMilliseconds + 1_000_000, -4);
    expect(finding.text).toMatch(
      /^\/data on node-1 is full in 16 minutes, 2023-11-14 22:30:\d\d UTC \(.* to .*\): its free space is .* GiB and falls by 33\.5 GiB an hour$/,
    );
  });

  it("closes when the series stops going there", () => {
    const level = (second: number): number => 1e10 - 1e7 * Math.min(second, 200);
    const told = run(500, (second) => [
      { metric: filesystem.available, labels: mount, value: level(second) },
    ]);
    expect(told.at(-1)).toBe("closed /data");
  });

  it("says nothing of a temperature that only follows the power", () => {
    const told = run(900, (second) => {
      const power = 300 + 200 * Math.sin(second / 60);
      const celsius = 25 + power / 12;
      return [
        { metric: gpu.temperature, labels, value: celsius },
        { metric: gpu.powerUsage, labels, value: power },
      ];
    });
    expect(told).toEqual([]);
  });

  it("looks no further ahead than what it has seen can carry", () => {
    const told = run(900, (second) => [
      { metric: filesystem.available, labels: mount, value: 1e12 - 1e6 * second },
    ]);
    expect(told).toEqual([]);
  });
});
