/** Boards as values: panels over catalogue metrics, turned into Grafana's JSON by its own Foundation SDK. */
import { PanelBuilder as BarGauge } from "@grafana/grafana-foundation-sdk/bargauge";
import type { Builder } from "@grafana/grafana-foundation-sdk/cog";
import {
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  VariableRefresh,
  VariableSort,
  type Dashboard,
  type Panel as GrafanaPanel,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder } from "@grafana/grafana-foundation-sdk/prometheus";
import { PanelBuilder as Stat } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as TimeSeries } from "@grafana/grafana-foundation-sdk/timeseries";
import type { Expression } from "../alerts/expression.ts";
import { renderExpression } from "../alerts/promql.ts";
import type { Metric } from "../core/catalog/metric.ts";

/** Units as Grafana's panels know them. */
export type PanelUnit =
  | "percent"
  | "percentunit"
  | "bytes"
  | "mbytes"
  | "Bps"
  | "celsius"
  | "watt"
  | "hertz"
  | "s"
  | "ops"
  | "short";

export interface Query {
  readonly expression: Expression;
  /** `{{label}}` stands for a label's value. */
  readonly legend: string;
}

export interface Panel {
  readonly kind: "timeseries" | "stat" | "bargauge";
  readonly title: string;
  /** What it shows and what to make of it. */
  readonly description: string;
  readonly unit: PanelUnit;
  readonly queries: readonly Query[];
  /** Grid columns of 24. */
  readonly width: number;
  /** Values from which the panel turns orange and red. */
  readonly warning?: number;
  readonly critical?: number;
  /** The axis ends here, where the unit has a natural end. */
  readonly maximum?: number;
  /** The fault that has to have happened before the queries return anything; none for most. */
  readonly needsFault?: string;
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

export interface Board {
  /** Stable: links and provisioning go by it. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  /** The metric whose `instance` label lists the nodes that the board can show. */
  readonly instancesOf: Metric;
  readonly rows: readonly Row[];
}

const datasource = { type: "prometheus", uid: "$datasource" } as const;
const matchers = 'job=~"$job", instance=~"$instance"';
const panelHeight = 8;

/** The PromQL of a panel's query, with the board's variables in it. */
export function renderQuery(query: Query): string {
  return renderExpression(query.expression, { matchers, window: "$__rate_interval" });
}

/** Grafana's JSON model of a board; equal boards give equal text. */
export function buildBoard(board: Board): Dashboard {
  const builder = new DashboardBuilder(board.title)
    .uid(board.uid)
    .description(board.description)
    .tags(["warpwatch"])
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: "now-1h", to: "now" })
    .refresh("10s")
    .timezone("browser")
    .withVariable(
      new DatasourceVariableBuilder("datasource").label("Data source").type("prometheus"),
    )
    .withVariable(selector("job", "Job", `label_values(${board.instancesOf.name}, job)`))
    .withVariable(
      selector(
        "instance",
        "Instance",
        `label_values(${board.instancesOf.name}{job=~"$job"}, instance)`,
      ),
    );
  let id = 0;
  for (const row of board.rows) {
    builder.withRow(new RowBuilder(row.title).id((id += 1)));
    for (const panel of row.panels) builder.withPanel(buildPanel(panel, (id += 1)));
  }
  return builder.build();
}

function selector(name: string, label: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(datasource)
    .query(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue(".+")
    .current({ text: "All", value: "$__all" });
}

function buildPanel(panel: Panel, id: number): Builder<GrafanaPanel> {
  const builder = makePanel(panel.kind)
    .id(id)
    .title(panel.title)
    .description(panel.description)
    .datasource(datasource)
    .unit(panel.unit)
    .span(panel.width)
    .height(panelHeight)
    .min(0)
    .thresholds(
      new ThresholdsConfigBuilder()
        .mode(ThresholdsMode.Absolute)
        .steps([
          { value: null, color: "green" },
          ...(panel.warning === undefined ? [] : [{ value: panel.warning, color: "orange" }]),
          ...(panel.critical === undefined ? [] : [{ value: panel.critical, color: "red" }]),
        ]),
    );
  if (panel.maximum !== undefined) builder.max(panel.maximum);
  panel.queries.forEach((query, index) => {
    const target = new DataqueryBuilder()
      .expr(renderQuery(query))
      .legendFormat(query.legend)
      .refId(String.fromCodePoint(65 + index));
    builder.withTarget(panel.kind === "timeseries" ? target.range() : target.instant());
  });
  return builder;
}

function makePanel(kind: Panel["kind"]): TimeSeries | Stat | BarGauge {
  if (kind === "stat") return new Stat();
  return kind === "bargauge" ? new BarGauge() : new TimeSeries().lineWidth(1).fillOpacity(8);
}
