import { describe, expect, it } from "vitest";
import { gpuErrors } from "../../../../core/catalog/index.ts";
import {
  createFailureDetector,
  type FailureDetector,
} from "../../../../collector/detect/learned/failure-detector.ts";
import { createFindingBook } from "../../../../collector/detect/learned/finding.ts";
import { createIngest, defaultIngestLimits } from "../../../../collector/ingest/door.ts";
import { createFakeClock } from "../../../kit/fake-clock.ts";
import {
  createFrameMaker,
  createTestMetrics,
  quietLog,
  startMilliseconds,
  type Sample,
} from "../../../kit/rule-bench.ts";
import { describeDetector } from "../../../suites/detector-suite.ts";

const day = 86_400;
const labelsOf = (gpu: number) => ({ gpu: String(gpu), UUID: `GPU-${gpu}` });

/** Two GPUs; the first fails to remap a row. */
function scene(second: number): Sample[] {
  return [0, 1].flatMap((gpu) => [
    { metric: gpuErrors.eccDoubleBitVolatile, labels: labelsOf(gpu), value: gpu === 0 ? 1 : 0 },
    {
      metric: gpuErrors.remapFailure,
      labels: labelsOf(gpu),
      value: gpu === 0 && second > 100 ? 1 : 0,
    },
  ]);
}

describeDetector("the failure detector", {
  create: (findings, limits) => createFailureDetector(limits ? { findings, limits } : { findings }),
  scene,
  seconds: 240,
  watched: 2,
  remembers: true,
});

function start() {
  const book = createFindingBook();
  const detector: FailureDetector = createFailureDetector({ findings: book });
  const clock = createFakeClock(startMilliseconds);
  const metrics = createTestMetrics();
  const ingest = createIngest({ clock, log: quietLog, metrics, limits: defaultIngestLimits });
  ingest.listen({
    frame: (state) => detector.step(state),
    late: (frame) => detector.late?.(frame),
  });
  const make = createFrameMaker();
  return {
    book,
    detector,
    send(second: number, samples: readonly Sample[]) {
      const time = startMilliseconds + second * 1000;
      clock.setWallClock(time);
      ingest.receive(make(time, samples), { replay: false });
    },
    /** As an agent sends what waited out an outage. */
    replay(second: number, samples: readonly Sample[]) {
      ingest.receive(make(startMilliseconds + second * 1000, samples), { replay: true });
    },
    within30Days: (gpu: number) =>
      detector.predictions().find(({ uuid }) => uuid === `GPU-${gpu}`)?.within30Days ?? Number.NaN,
  };
}

const xids = (fatal: number, application: number): Sample[] => [
  { metric: gpuErrors.xidEvents, labels: { ...labelsOf(0), action: "reset_gpu" }, value: fatal },
  {
    metric: gpuErrors.xidEvents,
    labels: { ...labelsOf(0), action: "restart_app" },
    value: application,
  },
];

describe("the failure detector", () => {
  it("takes the first sample of a counter for where it stands, and counts what it grows by", () => {
    const run = start();
    run.send(0, xids(5, 5));
    const base = run.within30Days(0);
    run.send(1, xids(5, 5));
    expect(run.within30Days(0)).toBeCloseTo(base, 8);
    run.send(2, xids(5, 6));
    const afterApplication = run.within30Days(0);
    expect(afterApplication).toBeGreaterThan(base);
    run.send(3, xids(6, 6));
    expect(run.within30Days(0)).toBeGreaterThan(5 * afterApplication);
  });

  it("counts a GPU that was lost and came back within an outage, once, however often it is told", () => {
    const run = start();
    const lost = (value: number): Sample[] => [
      { metric: gpuErrors.lost, labels: labelsOf(0), value },
    ];
    run.send(0, lost(0));
    run.send(4000, lost(0));
    run.send(4001, lost(0));
    const base = run.within30Days(0);
    for (let round = 0; round < 2; round += 1)
      for (let second = 1000; second < 2000; second += 10) run.replay(second, lost(1));
    run.send(4002, lost(0));
    const once = run.within30Days(0);
    expect(once).toBeGreaterThan(3 * base);
    // One that still holds was counted when it was seen live.
    run.send(5000, lost(1));
    const live = run.within30Days(0);
    for (let second = 3000; second < 3500; second += 10) run.replay(second, lost(1));
    run.send(5001, lost(1));
    expect(run.within30Days(0)).toBeCloseTo(live, 3);
  });

  it("counts a burst once, and a counter that begins anew not at all", () => {
    const run = start();
    run.send(0, xids(0, 0));
    run.send(1, xids(1, 0));
    const once = run.within30Days(0);
    for (let second = 2; second < 60; second += 1) run.send(second, xids(second, 0));
    expect(run.within30Days(0)).toBeCloseTo(once, 3);
    run.send(3600, xids(0, 0));
    expect(run.within30Days(0)).toBeLessThanOrEqual(once);
  });

  it("opens a finding with reasons and the action, and closes it when the evidence has faded", () => {
    const run = start();
    for (let round = 0; round <= 6; round += 1) run.send(round * 3600, xids(round, 0));
    const [finding] = run.book.list();
    expect(finding?.text).toMatch(
      /^gpu0 on node-1 fails within 30 days with \d\d % \(7 days: \d+ %\): 6 × xid fatal; drain it/,
    );
    for (let later = 1; later <= 120; later += 1) run.send(later * day, xids(6, 0));
    expect(run.book.list()).toEqual([]);
  });

  it("wants a GPU replaced whose row could not be remapped, for as long as it says so", () => {
    const run = start();
    const remap = (value: number): Sample[] => [
      { metric: gpuErrors.remapFailure, labels: labelsOf(0), value },
    ];
    run.send(0, remap(1));
    run.send(60 * day, remap(1));
    expect(run.detector.predictions()[0]?.action).toBe("replace");
    expect(run.within30Days(0)).toBeGreaterThan(0.2);
  });

  it("forgets a GPU that was removed", () => {
    const run = start();
    run.send(0, scene(200));
    run.detector.remove("node-1", "GPU-0");
    expect(run.detector.predictions().map(({ uuid }) => uuid)).toEqual(["GPU-1"]);
  });
});
