import { describe, expect, it } from "vitest";
import { gpuHot } from "../../alerts/gpu.ts";
import { leadingComparison } from "../../alerts/expression.ts";
import { thermalMarginLow } from "../../alerts/gpu-health.ts";
import { filesystemFilling, packetLoss } from "../../alerts/host.ts";
import { vllmSlow } from "../../alerts/inference.ts";
import { deliveryBurn } from "../../alerts/objectives.ts";
import { overrideRule } from "../../alerts/override.ts";

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

  it("brings the threshold to clear nearer with a smaller threshold, so that a share can still end its alert", () => {
    for (const [rule, threshold, clear] of [
      [vllmSlow, 0.01, 0.005],
      [packetLoss, 0.000_01, 0.000_005],
      [thermalMarginLow, 2.5, 4],
    ] as const)
      expect(leadingComparison(overrideRule(rule, { threshold }).condition)).toMatchObject({
        right: threshold,
        clear,
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
