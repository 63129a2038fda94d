import { describe, expect, it } from "vitest";
import { allRules } from "../../alerts/all.ts";
import type { Rule } from "../../alerts/rule.ts";
import { createOwnFrames } from "../../collector/own-frames.ts";
import { collector, notify } from "../../core/catalog/index.ts";
import { labelsOf, type Frame } from "../../core/wire/frame.ts";
import { createBench, createTestMetrics, quietLog } from "../kit/rule-bench.ts";
import { createFakeClock } from "../kit/fake-clock.ts";

describe("the collector's own frames", () => {
  it("hold what its own rules read, and nothing else of its page", async () => {
    const clock = createFakeClock();
    const metrics = createTestMetrics(clock);
    metrics.counter(collector.commitFailures);
    metrics.gauge(collector.origins).set({}, 7);
    metrics.gauge(notify.outboxDepth).set({ notifier: "pager" }, 3);
    const frames: Frame[] = [];
    const own = createOwnFrames({
      clock,
      log: quietLog,
      metrics,
      sink: { accept: (frame) => frames.push(frame) },
      node: "host-1",
      boot: "boot-1",
    });
    await own.send();
    const [frame] = frames;
    const shown = frame?.schema.series.map((series, slot) => [
      series.metric.name,
      labelsOf(series),
      frame.values[slot],
    ]);
    expect(shown).toEqual([
      [collector.commitFailures.name, {}, 0],
      [notify.outboxDepth.name, { notifier: "pager" }, 3],
    ]);
    expect(frame?.schema.origin.node).toBe("");
  });

  it("make an alert that names the collector's machine when notifications wait", async () => {
    const waiting = allRules.find(({ name }) => name === "NotificationsWaiting") as Rule;
    const bench = createBench([waiting]);
    const depth = bench.metrics.gauge(notify.outboxDepth);
    const own = createOwnFrames({
      clock: bench.clock,
      log: quietLog,
      metrics: bench.metrics,
      sink: bench.ingest.own,
      node: "host-1",
      boot: "boot-1",
    });
    depth.set({ notifier: "pager" }, 3);
    for (let round = 0; round <= 20; round += 1) {
      await own.send();
      await bench.clock.advance(15_000);
    }
    const [alert] = bench.engine.alerts();
    expect(alert?.state).toBe("firing");
    expect(alert?.annotations["summary"]).toBe("3 notifications for pager wait at host-1");
  });
});
