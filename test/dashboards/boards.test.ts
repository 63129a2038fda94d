/** What a reader of a board may expect, held for every panel of every board as it goes to Grafana. */
import { describe, expect, it } from "vitest";
import { faultKinds } from "../../simulator/fault-kinds.ts";
import { boards, renderBoards } from "../../dashboards/all.ts";
import { allMetrics } from "../../core/catalog/index.ts";

interface Target {
  readonly expr: string;
  readonly legendFormat?: string;
  readonly datasource?: { readonly uid: string };
}

interface GrafanaPanel {
  readonly type: string;
  readonly id: number;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly Target[];
  readonly panels?: readonly GrafanaPanel[];
  readonly gridPos: { readonly x: number; readonly w: number };
  readonly fieldConfig?: {
    readonly defaults: { readonly unit?: string; readonly noValue?: string };
  };
}

interface GrafanaBoard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly GrafanaPanel[];
  readonly templating: { readonly list: readonly Readonly<Record<string, unknown>>[] };
  readonly links: readonly { readonly type: string }[];
}

const counters = allMetrics().flatMap((entry) =>
  "name" in entry && entry.kind === "counter" ? [entry.name] : [],
);

describe.each(
  [...renderBoards()].map(([file, text]) => [file, JSON.parse(text) as GrafanaBoard] as const),
)("%s", (file, board) => {
  const panels = board.panels.flatMap((panel) =>
    panel.type === "row" ? (panel.panels ?? []) : [panel],
  );
  const targets = panels.flatMap((panel) => panel.targets ?? []);

  it("takes its data source, job and instance from variables that can be all", () => {
    expect(file).toBe(`${board.uid}.json`);
    const [source, job, instance] = board.templating.list;
    expect(source).toMatchObject({ type: "datasource", name: "datasource", query: "prometheus" });
    for (const [variable, name] of [
      [job, "job"],
      [instance, "instance"],
    ] as const)
      expect(variable).toMatchObject({
        type: "query",
        name,
        multi: true,
        includeAll: true,
        allValue: ".+",
        datasource: { uid: "$datasource" },
      });
    for (const { datasource } of [...panels, ...targets])
      expect(datasource?.uid).toBe("$datasource");
  });

  it("leads to the other boards", () => {
    expect(board.links.map(({ type }) => type)).toContain("dashboards");
  });

  it("gives every panel an id and a title of its own, a description, a unit and a word for no data", () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
    for (const panel of panels) {
      expect(panel.description, panel.title).toMatch(/^[A-Z0-9].{20,}\.$/);
      const { unit, noValue } = panel.fieldConfig?.defaults ?? {};
      expect(unit, panel.title).toBeTruthy();
      expect(noValue, panel.title).toBe("no data");
      expect(panel.targets?.length, panel.title).toBeGreaterThan(0);
    }
  });

  it("fills no row beyond the grid's 24 columns", () => {
    for (const { gridPos, title } of panels)
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
  });

  it("asks every query for the chosen jobs and instances", () => {
    for (const { expr } of targets) {
      const selectors = expr.match(/\{[^}]*\}/g) ?? [];
      expect(selectors.length, expr).toBeGreaterThan(0);
      for (const selector of selectors) {
        expect(selector).toContain('job=~"$job"');
        expect(selector).toContain('instance=~"$instance"');
      }
    }
  });

  it("shows no counter but by its rate or increase, over an interval that Grafana chooses", () => {
    for (const { expr } of targets) {
      const windows = [...expr.matchAll(/\[([^\]]*)\]/g)].map((match) => match[1]);
      for (const window of windows) expect(["$__rate_interval", "$__range"]).toContain(window);
      for (const name of counters) {
        const bare = new RegExp(`(?<!(rate|increase|count by \\([^)]*\\) )\\()\\b${name}\\{`);
        expect(bare.test(expr), expr).toBe(false);
      }
    }
  });

  it("names every line where there can be several", () => {
    for (const panel of panels)
      if (panel.type === "timeseries" || panel.type === "state-timeline")
        for (const { legendFormat, expr } of panel.targets ?? [])
          expect(legendFormat, expr).toMatch(/\{\{\w+\}\}/);
  });
});

describe("the boards", () => {
  it("name only faults that the simulator plays", () => {
    const kinds = boards.flatMap((board) =>
      board.rows.flatMap((row) => row.panels.flatMap((panel) => panel.needsFault?.kind ?? [])),
    );
    expect(kinds.filter((kind) => !(faultKinds as readonly string[]).includes(kind))).toEqual([]);
  });
});
