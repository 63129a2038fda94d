import { describe, expect, it } from "vitest";
import { allRules } from "../../alerts/all.ts";
import { leadingComparison } from "../../alerts/expression.ts";
import { inhibitions, type LabelMatcher } from "../../alerts/inhibition.ts";
import { missingAlertOf } from "../../alerts/prometheus.ts";
import { labelsOf } from "../../alerts/promql.ts";

/** Every alert that there is, with the labels that decide what hides it. */
const alerts = allRules.flatMap((rule) => {
  const { severity, component } = rule;
  return [
    { alertname: rule.name, severity, component },
    { alertname: missingAlertOf(rule), severity: "warning", component },
  ];
});

/** The names of the alerts that one of this name hides where the labels of the place are the same. */
function hiddenBy(name: string): string[] {
  return inhibitions
    .filter(({ source }) => source.every((one) => holds(one, { alertname: name })))
    .flatMap(({ target }) =>
      alerts.filter((alert) => target.every((one) => holds(one, alert))).map((a) => a.alertname),
    );
}

function holds({ label, op, value }: LabelMatcher, labels: Record<string, string>): boolean {
  const has = labels[label] ?? "";
  const same = op.endsWith("~") ? new RegExp(`^(?:${value})$`).test(has) : has === value;
  return op.startsWith("!") ? !same : same;
}

describe("the inhibitions", () => {
  it("hide only what shares a label with their source that the source always carries", () => {
    for (const { source, equal } of inhibitions) {
      const rule = allRules.find(({ name }) => name === source[0]?.value);
      expect(equal.length).toBeGreaterThan(0);
      const own = rule ? labelsOf(leadingComparison(rule.condition).left) : [];
      const carried = new Set(["job", "instance", ...own]);
      expect(
        equal.filter((label) => !carried.has(label)),
        rule?.name,
      ).toEqual([]);
    }
  });

  it("never let a warning hide what pages", () => {
    const severityOf = new Map(alerts.map(({ alertname, severity }) => [alertname, severity]));
    for (const { source } of inhibitions) {
      const name = source[0]?.value ?? "";
      if (severityOf.get(name) === "critical") continue;
      expect(hiddenBy(name).filter((one) => severityOf.get(one) === "critical")).toEqual([]);
    }
  });

  it("never hide the source itself, or what is about telling people", () => {
    for (const { source } of inhibitions) {
      const name = source[0]?.value ?? "";
      const hidden = hiddenBy(name);
      expect(hidden.length, name).toBeGreaterThan(0);
      expect(hidden).not.toContain(name);
      const told = alerts.filter(({ component }) => component === "delivery");
      expect(told.filter(({ alertname }) => hidden.includes(alertname))).toEqual([]);
    }
  });

  it("hide a GPU's heat behind its loss, its staleness behind a hanging driver, its tickets behind a silent node", () => {
    expect(hiddenBy("GpuLost")).toEqual(
      expect.arrayContaining(["GpuHot", "GpuThermalSlowdown", "GpuThermalMarginLow"]),
    );
    expect(hiddenBy("GpuDriverUnresponsive")).toEqual(
      expect.arrayContaining(["AgentSourceDown", "GpuTelemetryMissing", "GpuHotDataMissing"]),
    );
    expect(hiddenBy("AgentGone")).toEqual(expect.arrayContaining(["GpuHot", "GpuRemapBanksLow"]));
  });
});
