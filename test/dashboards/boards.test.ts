/** What a reader of a board may expect, held for every panel of every board as it goes to Grafana. */
import { describe, expect, it } from "vitest";
import { faultKinds } from "../../simulator/fault-kinds.ts";
import { placeLabels, type Expression } from "../../alerts/expression.ts";
import { labelsOf } from "../../alerts/promql.ts";
import { boards, renderBoards } from "../../dashboards/all.ts";
import type { Query } from "../../dashboards/board.ts";
import { renderQuery } from "../../dashboards/query.ts";
import { allMetrics } from "../../core/catalog/index.ts";

interface Target {
  readonly expr: string;
  readonly legendFormat?: string;
  readonly datasource?: { readonly uid: string };
}

interface Place {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

interface GrafanaPanel {
  readonly type: string;
  readonly id: number;
  readonly title: string;
  readonly description?: string;
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly Target[];
  readonly panels?: readonly GrafanaPanel[];
  readonly gridPos: Place;
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

/** What is asked over the windows of rules, so that a board shows what they judge. */
const overOwnWindows = new Set(
  boards.flatMap((board) =>
    board.rows.flatMap(({ panels }) =>
      panels.flatMap(({ queries }) =>
        queries.flatMap((query) => (query.over === "own" ? [renderQuery(board, query)] : [])),
      ),
    ),
  ),
);
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

  it("takes its data source, cluster, job and instance from variables that can be all", () => {
    expect(file).toBe(`${board.uid}.json`);
    const [source, cluster, job, instance] = board.templating.list;
    expect(source).toMatchObject({ type: "datasource", name: "datasource", query: "prometheus" });
    for (const [variable, name, allValue] of [
      [cluster, "cluster", ".*"],
      [job, "job", ".+"],
      [instance, "instance", ".+"],
    ] as const)
      expect(variable).toMatchObject({
        type: "query",
        name,
        multi: true,
        includeAll: true,
        allValue,
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

  it("fills no row beyond the grid's 24 columns, and lays no panel over another", () => {
    for (const { gridPos, title } of panels)
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
    const over = panels.flatMap((one, index) =>
      panels
        .slice(index + 1)
        .flatMap((other) =>
          overlap(one.gridPos, other.gridPos) ? [`${one.title} / ${other.title}`] : [],
        ),
    );
    expect(over).toEqual([]);
  });

  it("asks every query for the chosen jobs and instances", () => {
    for (const { expr } of targets) {
      const selectors = expr.match(/\{[^}]*\}/g) ?? [];
      expect(selectors.length, expr).toBeGreaterThan(0);
      for (const selector of selectors) {
        expect(selector).toContain('cluster=~"$cluster"');
        expect(selector).toContain('job=~"$job"');
        expect(selector).toContain('instance=~"$instance"');
      }
    }
  });

  it("draws no counter but by its rate or increase, over an interval that Grafana chooses or a rule has", () => {
    const drawn = panels.filter(({ type }) => type !== "table");
    for (const { expr } of drawn.flatMap((panel) => panel.targets ?? [])) {
      const windows = [...expr.matchAll(/\[([^\]]*)\]/g)].map((match) => match[1]);
      if (!overOwnWindows.has(expr))
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
  it("name only labels that their metrics have, in matchers, legends and tables", () => {
    const wrong = boards.flatMap((board) =>
      board.rows.flatMap((row) =>
        row.panels.flatMap((panel) =>
          [
            ...panel.queries.flatMap((query) => strangeLabels(query)),
            ...(panel.columns ?? []).filter(
              (column) => !panel.queries.some((query) => labelsIn(query).has(column)),
            ),
          ].map((label) => `${board.title} / ${panel.title}: ${label}`),
        ),
      ),
    );
    expect(wrong).toEqual([]);
  });

  it("give each number of a table a column, and mark only times of the catalogue", () => {
    for (const board of boards) {
      for (const panel of board.rows.flatMap((row) => row.panels))
        if (panel.numbers) expect(panel.numbers.length, panel.title).toBe(panel.queries.length);
      for (const { of, title, text } of board.marks ?? []) {
        expect(of.metric.name).toMatch(/_timestamp_seconds$/);
        const told = labelsIn({ expression: of, legend: "" });
        expect(namesIn(title + text).filter((name) => !told.has(name))).toEqual([]);
      }
    }
  });
  it("name only faults that the simulator plays", () => {
    const kinds = boards.flatMap((board) =>
      board.rows.flatMap((row) => row.panels.flatMap((panel) => panel.needsFault?.kind ?? [])),
    );
    expect(kinds.filter((kind) => !(faultKinds as readonly string[]).includes(kind))).toEqual([]);
  });
});

function overlap(one: Place, other: Place): boolean {
  return (
    one.x < other.x + other.w &&
    other.x < one.x + one.w &&
    one.y < other.y + other.h &&
    other.y < one.y + one.h
  );
}

/** Those that the query matches, sums by or shows, and that what it is made of doesn't have. */
function strangeLabels(query: Query): string[] {
  const { expression, legend } = query;
  const shown = namesIn(legend).filter((name) => !labelsIn(query).has(name));
  const inside =
    expression.op === "quantile" || expression.op === "buckets" ? [] : strangeInside(expression);
  return [...shown, ...inside];
}

function strangeInside(expression: Expression): string[] {
  switch (expression.op) {
    case "value": {
      const { match, metric } = expression;
      return Object.keys(match).filter((name) => !metric.labels.includes(name));
    }
    case "constant":
      return [];
    case "+":
    case "-":
    case "*":
    case "/": {
      const { left, right } = expression;
      return [left, ...(typeof right === "number" ? [] : [right])].flatMap(strangeInside);
    }
    default: {
      const inside = new Set([...labelsOf(expression.of), ...placeLabels]);
      const by = "by" in expression ? expression.by.filter((name) => !inside.has(name)) : [];
      return [...by, ...strangeInside(expression.of)];
    }
  }
}

function labelsIn({ expression }: Query): Set<string> {
  switch (expression.op) {
    case "quantile":
      return new Set(expression.by);
    case "buckets":
      return new Set(["le"]);
    default:
      return new Set([...labelsOf(expression), "instance"]);
  }
}

function namesIn(text: string): string[] {
  return [...text.matchAll(/\{\{(\w+)\}\}/g)].flatMap(([, name]) => name ?? []);
}
