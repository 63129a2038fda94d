import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { allRules } from "../../../../alerts/all.ts";
import { createAlertBook } from "../../../../collector/detect/alert-book.ts";
import { createEngine } from "../../../../collector/detect/engine.ts";
import type { Backfill, Pupils } from "../../../../collector/detect/learned/backfill.ts";
import { createLearned } from "../../../../collector/detect/learned/learned.ts";
import { createThresholdDetector } from "../../../../collector/detect/threshold/detector.ts";
import { createIngest, defaultIngestLimits } from "../../../../collector/ingest/door.ts";
import type { OriginState } from "../../../../collector/origin.ts";
import { filesystem, gpuErrors } from "../../../../core/catalog/index.ts";
import type { Metric } from "../../../../core/catalog/metric.ts";
import { createLog } from "../../../../core/kit/log.ts";
import { createExposition } from "../../../../core/wire/exposition.ts";
import { createFakeClock } from "../../../kit/fake-clock.ts";
import { makeFolder } from "../../../kit/folder.ts";
import {
  createFrameMaker,
  createMemoryStore,
  createTestMetrics,
  startMilliseconds,
  testOrigin,
  type MemoryStore,
} from "../../../kit/rule-bench.ts";

const mount = { device: "/dev/sda1", mountpoint: "/data", fstype: "xfs" };
const gpu = { gpu: "3", UUID: "GPU-3" };

/** The collector's judges as its main puts them together. */
function start(
  folder: string,
  store: MemoryStore = createMemoryStore(),
  fromSecond = 0,
  backfill: ((pupils: Pupils) => Backfill) | null = null,
) {
  const clock = createFakeClock(startMilliseconds + fromSecond * 1000);
  const metrics = createTestMetrics();
  const lines: string[] = [];
  const log = createLog({ clock, write: (line) => void lines.push(line) });
  const ingest = createIngest({ clock, log, metrics, limits: defaultIngestLimits });
  const sink = ingest.own;
  const learned = createLearned({ clock, log, metrics, sink, boot: "boot", folder, backfill });
  const rules = allRules.filter(({ component }) => component === "detector");
  const book = createAlertBook({ rules, store, clock, log, metrics });
  const threshold = createThresholdDetector({ rules, book, log, metrics });
  const engine = createEngine({
    clock,
    metrics,
    book,
    detectors: [threshold, ...learned.detectors],
  });
  ingest.listen(engine);
  const make = createFrameMaker();
  /** A filesystem that loses so many bytes a second from where it is. */
  async function fill(first: number, last: number, bytesPerSecond: number): Promise<void> {
    for (let second = first; second < last; second += 1) {
      await clock.advance(startMilliseconds + second * 1000 - clock.now());
      ingest.accept(
        make(clock.now(), [
          { metric: filesystem.available, labels: mount, value: 1e10 - bytesPerSecond * second },
          { metric: gpuErrors.remapFailure, labels: gpu, value: 0 },
        ]),
      );
      learned.tick();
    }
  }
  return { learned, engine, metrics, lines, fill, store };
}

/** The only series of the filesystem, as a replay plays it. */
function stateOf(metric: Metric, timeMilliseconds: number, value: number): OriginState {
  const values = metric.labels.map((name) => (mount as Record<string, string>)[name] ?? "");
  return {
    key: `${testOrigin.job}/${testOrigin.instance}`,
    origin: testOrigin,
    schema: {
      origin: testOrigin,
      version: 1,
      groups: [{ source: "backfill", first: 0, length: 1 }],
      series: [{ metric, values, device: null }],
    },
    sequence: 1,
    revision: 1,
    changed: Uint8Array.of(255),
    values: Float64Array.of(value),
    present: Uint8Array.of(1),
    times: Float64Array.of(timeMilliseconds),
    complete: true,
    timeMilliseconds,
    arrivedMonotonic: 0,
    periodMilliseconds: 0,
  };
}

function page(frame: ReturnType<ReturnType<typeof start>["learned"]["lastFrame"]>): string {
  if (!frame) throw new Error("there is no frame");
  return Buffer.from(createExposition().render(frame, "text")).toString();
}

describe("the learned detectors in the collector", () => {
  it("learn of an origin that they don't know when its past was played, tell nothing of that, and know it after a restart", async () => {
    const folder = makeFolder();
    const told: Pupils[] = [];
    let isAwaited = true;
    const backfill = (pupils: Pupils): Backfill => {
      told.push(pupils);
      return { isAwaited: () => isAwaited, done: Promise.resolve(), close: () => undefined };
    };
    const first = start(folder, createMemoryStore(), 0, backfill);
    const key = `${testOrigin.job}/${testOrigin.instance}`;
    const [pupils] = told;
    expect(pupils?.knew(key)).toBe(false);
    // Nothing of what it sends meanwhile is learned.
    await first.fill(0, 130, 1e7);
    expect(first.learned.findings()).toEqual([]);
    for (let second = 0; second < 130; second += 1)
      pupils?.replay(
        stateOf(filesystem.available, startMilliseconds + second * 1000, 1e10 - 1e7 * second),
      );
    expect(first.learned.findings()).toEqual([]);
    isAwaited = false;
    // What was found in the past still holds: the next samples tell it.
    await first.fill(130, 145, 1e7);
    expect(first.learned.findings()).toMatchObject([{ detector: "forecast", subject: "/data" }]);
    await first.learned.close();
    start(folder, createMemoryStore(), 200, backfill);
    expect(told[1]?.knew(key)).toBe(true);
    expect(told[1]?.knew("other/origin")).toBe(false);
  });

  it("open a ticket through an ordinary rule, show it as metrics, and end it when it is over", async () => {
    const { learned, engine, fill } = start(makeFolder());
    await fill(0, 130, 1e7);
    expect(learned.findings()).toMatchObject([{ detector: "forecast", subject: "/data" }]);
    expect(engine.alerts()).toMatchObject([
      { rule: "LimitForecast", state: "firing", labels: { node: "node-1", severity: "warning" } },
    ]);
    const text = page(learned.lastFrame());
    const subject = 'node="node-1",subject="/data",UUID="",metric="node_filesystem_avail_bytes"';
    expect(text).toContain(`warpwatch_finding_active{detector="forecast",${subject}} 1`);
    const [, date] = /warpwatch_forecast_limit_timestamp_seconds\{.*\} (.*)/.exec(text) ?? [];
    expect(Number(date)).toBeCloseTo(startMilliseconds / 1000 + 1000, -1);
    expect(text).toContain('warpwatch_findings{detector="anomaly"} 0');
    expect(text).toMatch(
      /warpwatch_gpu_failure_probability_ratio\{gpu="3",UUID="GPU-3",node="node-1",horizon="30d"\} 0\.00/,
    );
    await fill(130, 500, 0);
    expect(learned.findings()).toEqual([]);
    expect(engine.alerts()).toEqual([]);
    expect(page(learned.lastFrame())).toContain(
      `warpwatch_finding_active{detector="forecast",${subject}} 0`,
    );
  });

  it("take up after a restart what they knew, and the alert with it", async () => {
    const folder = makeFolder();
    const before = start(folder);
    await before.fill(0, 130, 1e7);
    await before.learned.close();
    for (const file of readdirSync(folder))
      expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
    const after = start(folder, before.store, 131);
    expect(after.learned.findings()).toEqual(before.learned.findings());
    const transitions = before.store.steps.length;
    await after.fill(132, 140, 1e7);
    expect(after.engine.alerts()).toMatchObject([{ rule: "LimitForecast", unknown: false }]);
    expect(before.store.steps.length).toBe(transitions);
  });

  it("start anew from a file that is damaged, and say so", async () => {
    const folder = makeFolder();
    const names = ["anomaly", "forecast", "failure", "findings"];
    for (const name of names) writeFileSync(join(folder, `${name}.snapshot`), "no snapshot");
    const { learned, lines, fill } = start(folder);
    expect(lines.filter((line) => line.includes("starts anew"))).toHaveLength(names.length);
    await fill(0, 130, 1e7);
    expect(learned.findings()).toHaveLength(1);
  });

  it("say nothing more of what was removed on purpose", async () => {
    const { learned, fill } = start(makeFolder());
    await fill(0, 130, 1e7);
    learned.remove("node-1", null);
    expect(learned.findings()).toEqual([]);
    expect(learned.failures()).toEqual([]);
  });
});
