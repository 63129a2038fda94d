import { describe, expect, test } from "vitest";
import { inhibitions as ours } from "../../../../alerts/inhibition.ts";
import {
  createInhibitions,
  type InhibitionPair,
} from "../../../../collector/notify/mute/inhibition.ts";
import type { Alert } from "../../../../collector/state/alert.ts";
import { makeAlert, resolved } from "../../../kit/alerts.ts";

const pair: InhibitionPair = {
  source: [{ label: "alertname", op: "=", value: "GpuLost" }],
  target: [
    { label: "component", op: "=", value: "gpu" },
    { label: "severity", op: "!=", value: "critical" },
  ],
  equal: ["node", "UUID"],
};

function alert(alertname: string, node: string, labels: Record<string, string> = {}): Alert {
  return makeAlert({
    rule: alertname,
    labels: { alertname, node, UUID: "GPU-1", severity: "warning", component: "gpu", ...labels },
  });
}

describe("inhibition", () => {
  test("hides what the source explains, while it fires and where the labels are equal", () => {
    const inhibitions = createInhibitions([pair]);
    const lost = alert("GpuLost", "n1", { severity: "critical" });
    const warm = alert("GpuWarm", "n1");
    expect(inhibitions.find(warm)).toBeNull();
    inhibitions.observe([{ ...lost, state: "pending" }]);
    expect(inhibitions.find(warm)).toBeNull();
    inhibitions.observe([lost, warm]);
    expect(inhibitions.find(warm)).toBe(lost.fingerprint);
    expect(inhibitions.find(lost)).toBeNull();
    expect(inhibitions.find(alert("GpuWarm", "n2"))).toBeNull();
    expect(inhibitions.find(alert("GpuWarm", "n1", { UUID: "GPU-2" }))).toBeNull();
    expect(inhibitions.find(alert("GpuWarm", "n1", { severity: "critical" }))).toBeNull();
    inhibitions.observe([resolved(lost)]);
    expect(inhibitions.find(warm)).toBeNull();
  });

  test("a source that is gone without having resolved hides nothing any more", () => {
    const inhibitions = createInhibitions([pair]);
    const lost = alert("GpuLost", "n1", { severity: "critical" });
    inhibitions.observe([lost]);
    inhibitions.observe([], [lost.fingerprint]);
    expect(inhibitions.find(alert("GpuWarm", "n1"))).toBeNull();
  });

  test("a label that both lack counts as equal", () => {
    const inhibitions = createInhibitions([{ ...pair, equal: ["rack"] }]);
    const lost = alert("GpuLost", "n1", { severity: "critical" });
    inhibitions.observe([lost]);
    expect(inhibitions.find(alert("GpuWarm", "n2"))).toBe(lost.fingerprint);
    expect(inhibitions.find(alert("GpuWarm", "n2", { rack: "r1" }))).toBeNull();
  });

  test("of alerts that are both source and target, none hides another", () => {
    const same: InhibitionPair = { source: pair.target, target: pair.target, equal: ["node"] };
    const inhibitions = createInhibitions([same]);
    const [one, other] = [alert("A", "n1"), alert("B", "n1")];
    inhibitions.observe([one, other]);
    expect([one, other].map((each) => inhibitions.find(each))).toEqual([null, null]);
  });

  test("the collector's own equal labels take the place of Prometheus'", () => {
    const inhibitions = createInhibitions([
      { ...pair, equal: ["instance"], equalInCollector: ["node"] },
    ]);
    const lost = alert("GpuLost", "n1", { severity: "critical", instance: "a" });
    inhibitions.observe([lost]);
    expect(inhibitions.find(alert("GpuWarm", "n1", { instance: "b" }))).toBe(lost.fingerprint);
    expect(inhibitions.find(alert("GpuWarm", "n2", { instance: "a" }))).toBeNull();
  });

  test("our own pairs are taken as they are", () => {
    const inhibitions = createInhibitions(ours);
    const lost = alert("GpuLost", "n1", { severity: "critical", instance: "n1:9410" });
    const hot = alert("GpuThermalSlowdown", "n1", { instance: "n1:9410" });
    inhibitions.observe([lost, hot]);
    expect(inhibitions.find(hot)).toBe(lost.fingerprint);
    expect(inhibitions.find(lost)).toBeNull();
  });

  test("ten times the alerts take about ten times the time", () => {
    const seconds = (count: number): number => {
      const inhibitions = createInhibitions(ours);
      const alerts = Array.from({ length: count }, (_, index) =>
        alert(index % 2 === 0 ? "GpuLost" : "GpuThermalSlowdown", `n${index % 125}`, {
          UUID: `GPU-${index >> 1}`,
          instance: `n${index % 125}:9410`,
        }),
      );
      const started = process.cpuUsage();
      inhibitions.observe(alerts);
      const hidden = alerts.filter((each) => inhibitions.find(each) !== null).length;
      expect(hidden).toBe(0);
      const { user, system } = process.cpuUsage(started);
      return (user + system) / 1e6;
    };
    seconds(400);
    const [few, many] = [seconds(400), seconds(4000)];
    expect(many).toBeLessThan(Math.max(0.05, few * 40));
  });
});
