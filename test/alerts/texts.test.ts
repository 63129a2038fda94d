import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { allRules } from "../../alerts/all.ts";
import { leadingComparison } from "../../alerts/expression.ts";
import { labelsOf } from "../../alerts/promql.ts";
import { commands } from "../../cli/commands.ts";
import { allMetrics } from "../../core/catalog/index.ts";
import { renderBoards } from "../../dashboards/all.ts";
import { isTemplateFormat, placeholdersOf } from "../../collector/detect/template.ts";

const boards = [...renderBoards().keys()].map((file) => file.replace(/\.json$/, ""));

describe("every rule", () => {
  it.each(allRules.map((rule) => [rule.name, rule] as const))(
    "%s has a runbook with every section, texts that name its place, and labels that its series have",
    (name, rule) => {
      const file = new URL(`../../alerts/runbooks/${name}.md`, import.meta.url);
      expect(existsSync(file)).toBe(true);
      const runbook = readFileSync(file, "utf8");
      expect(runbook.match(/^#+ .*/gm)).toEqual([
        `# ${name}`,
        "## Meaning",
        "## Impact",
        "## Diagnosis",
        "## Mitigation",
        "## Escalation",
      ]);
      expect(runbook).toMatch(/## Diagnosis\n\n1\. [^#]*`/);
      expect(rule.runbookUrl.endsWith(`/alerts/runbooks/${name}.md`)).toBe(true);
      // What is about the fleet as a whole names no node.
      if (rule.component !== "fleet") expect(rule.summary).toContain("{{ node }}");
      const [, board] = /^\/d\/([a-z-]+)/.exec(rule.dashboardUrl) ?? [];
      expect(boards).toContain(board);
      expect(rule.source.length).toBeGreaterThan(20);
      const known = new Set([
        "value",
        "node",
        "instance",
        ...labelsOf(leadingComparison(rule.condition).left),
      ]);
      for (const { name: label, format } of placeholdersOf(rule.summary + rule.description)) {
        expect(known).toContain(label);
        expect(isTemplateFormat(format)).toBe(true);
      }
    },
  );

  it("has the only runbooks there are", () => {
    const files = readdirSync(new URL("../../alerts/runbooks", import.meta.url));
    expect(files.toSorted()).toEqual([...allRules].map((rule) => `${rule.name}.md`).toSorted());
  });

  it("names in its runbook only metrics that there are, and commands that Warpwatch has", () => {
    const metrics = allMetrics().map((entry) => ("name" in entry ? entry.name : entry.pattern));
    const exists = (name: string): boolean =>
      metrics.some((metric) =>
        metric.includes("{key}")
          ? name.startsWith(metric.slice(0, metric.indexOf("{key}")))
          : metric.startsWith(name) || name.replace(/_(bucket|sum|count)$/, "") === metric,
      );
    const strange = allRules.flatMap(({ name }) => {
      const runbook = readFileSync(
        new URL(`../../alerts/runbooks/${name}.md`, import.meta.url),
        "utf8",
      );
      const named = [...runbook.matchAll(/\b(?:warpwatch|node|DCGM_FI)_[A-Za-z0-9_]+/g)]
        .map(([metric]) => metric)
        .filter((metric) => !exists(metric));
      const called = [...runbook.matchAll(/`warpwatch (\w+)/g)]
        .flatMap(([, command = ""]) => command)
        .filter((command) => commands.every((one) => one.name !== command));
      return [...named, ...called].map((word) => `${name}: ${word}`);
    });
    expect(strange).toEqual([]);
  });

  it("waits not at all, for an event, or a minute at least", () => {
    for (const rule of allRules)
      if (rule.forMilliseconds !== 0) expect(rule.forMilliseconds).toBeGreaterThanOrEqual(60_000);
  });
});
