import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { allRules } from "../../alerts/all.ts";
import { leadingComparison } from "../../alerts/expression.ts";
import { labelsOf } from "../../alerts/promql.ts";
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

  it("waits not at all, for an event, or a minute at least", () => {
    for (const rule of allRules)
      if (rule.forMilliseconds !== 0) expect(rule.forMilliseconds).toBeGreaterThanOrEqual(60_000);
  });
});
