import { describe, expect, it } from "vitest";
import { gpuHot } from "../../alerts/gpu.ts";
import { filesystemFilling } from "../../alerts/host.ts";
import { deliveryBurn } from "../../alerts/objectives.ts";
import { makeOwnRule, overrideRule, type OwnRule } from "../../alerts/override.ts";
import { createBench } from "../kit/rule-bench.ts";

const own: OwnRule = {
  alert: "InletHot",
  metric: "ipmi_temperature_celsius",
  labels: { name: "Inlet" },
  op: ">",
  threshold: 35,
  clear: 33,
  forMilliseconds: 0,
  severity: "warning",
  summary: "inlet of {{ node }} at {{ value }}",
  description: "",
  runbookUrl: "",
};

describe("a changed rule", () => {
  it("takes the threshold to clear along with the threshold", () => {
    expect(overrideRule(gpuHot, { threshold: 90 }).condition).toMatchObject({
      right: 90,
      clear: 85,
    });
    expect(overrideRule(gpuHot, { threshold: 90, clear: 88 }).condition).toMatchObject({
      right: 90,
      clear: 88,
    });
  });

  it("changes the leftmost comparison of a condition with several", () => {
    const { condition } = overrideRule(filesystemFilling, { threshold: 0.05, clear: 0.06 });
    expect(condition).toMatchObject({ op: "and", left: { right: 0.05, clear: 0.06 } });
    expect(condition).toMatchObject({ right: { right: 0 } });
  });

  it("moves both windows of a burn rate along, since they share their threshold", () => {
    const { condition } = overrideRule(deliveryBurn, { threshold: 0.5 });
    expect(condition).toMatchObject({ left: { right: 0.5 }, right: { right: 0.5 } });
  });

  it("takes times and severity, and leaves what isn't named", () => {
    const changed = overrideRule(gpuHot, { forMilliseconds: 0, severity: "critical" });
    expect(changed).toMatchObject({ forMilliseconds: 0, severity: "critical", name: "GpuHot" });
    expect(changed.condition).toEqual(gpuHot.condition);
  });

  it("refuses a threshold to clear on the bad side", () => {
    expect(() => overrideRule(gpuHot, { clear: 86 })).toThrow(/good side of the threshold/);
    expect(() => overrideRule(filesystemFilling, { clear: 0.01 })).toThrow(/good side/);
  });
});

describe("a user's own rule", () => {
  it("is judged as ours are, over a metric that the catalogue doesn't know", async () => {
    const bench = createBench([makeOwnRule(own)]);
    const sample = (name: string, value: number) => ({
      metric: own.metric,
      labels: { name },
      value,
    });
    await bench.send(0, [sample("Inlet", 36), sample("Exhaust", 60)]);
    expect(bench.engine.alerts().map(({ annotations }) => annotations["summary"])).toEqual([
      "inlet of node-1 at 36",
    ]);
    await bench.send(1, [sample("Inlet", 34), sample("Exhaust", 60)]);
    expect(bench.engine.alerts()).toHaveLength(1);
    await bench.send(2, [sample("Inlet", 33), sample("Exhaust", 60)]);
    expect(bench.engine.alerts()).toEqual([]);
  });

  it("can't have a threshold to clear where a value must be equal", () => {
    expect(() => makeOwnRule({ ...own, op: "==" })).toThrow(RangeError);
  });
});
