/** One panel as Grafana's JSON model: units, thresholds, legends and links follow from what the panel says of itself. */
import type { Builder } from "@grafana/grafana-foundation-sdk/cog";
import {
  BigValueColorMode,
  BigValueGraphMode,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  SortOrder,
  TooltipDisplayMode,
  VisibilityMode,
  VizLegendOptionsBuilder,
  VizTooltipOptionsBuilder,
} from "@grafana/grafana-foundation-sdk/common";
import {
  DashboardLinkBuilder,
  DashboardLinkType,
  MappingType,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type Panel as GrafanaPanel,
  type Threshold,
} from "@grafana/grafana-foundation-sdk/dashboard";
import { DataqueryBuilder, PromQueryFormat } from "@grafana/grafana-foundation-sdk/prometheus";
import {
  PanelBuilder as Heatmap,
  YAxisConfigBuilder,
} from "@grafana/grafana-foundation-sdk/heatmap";
import { PanelBuilder as Stat } from "@grafana/grafana-foundation-sdk/stat";
import { PanelBuilder as Timeline } from "@grafana/grafana-foundation-sdk/statetimeline";
import { PanelBuilder as Table } from "@grafana/grafana-foundation-sdk/table";
import { PanelBuilder as TimeSeries } from "@grafana/grafana-foundation-sdk/timeseries";
import { leadingComparison } from "../alerts/expression.ts";
import type { Rule } from "../alerts/rule.ts";
import type { Board, Panel } from "./board.ts";
import { renderQuery } from "./query.ts";

type AnyPanel = TimeSeries | Stat | Timeline | Table | Heatmap;

export const datasource = { type: "prometheus", uid: "$datasource" } as const;

const heights: Readonly<Record<Panel["kind"], number>> = {
  timeseries: 8,
  stat: 4,
  timeline: 8,
  table: 8,
  heatmap: 8,
};
/** Grafana colours from a threshold on, and a rule that fires above 0 doesn't at 0. */
const justAboveZero = 1e-9;
const severityColors = { critical: "red", warning: "orange", info: "blue" } as const;

export function buildPanel(board: Board, panel: Panel, id: number): Builder<GrafanaPanel> {
  const builder = makePanel(panel)
    .id(id)
    .title(panel.title)
    .description(panel.description)
    .datasource(datasource)
    .unit(panel.unit)
    .noValue("no data")
    .span(panel.width)
    .height(heights[panel.kind])
    .links((panel.rules ?? []).map(runbookLink))
    .thresholds(
      new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(thresholdsOf(panel)),
    );
  if (panel.minimum !== "any") builder.min(panel.minimum ?? 0);
  if (panel.maximum !== undefined) builder.max(panel.maximum);
  if (panel.leadsTo !== undefined) builder.dataLinks([seriesLink(panel, panel.leadsTo)]);
  if (panel.states !== undefined)
    builder.mappings([{ type: MappingType.ValueToText, options: { ...panel.states } }]);
  panel.queries.forEach((query, index) => {
    const target = new DataqueryBuilder()
      .datasource(datasource)
      .expr(renderQuery(board, query))
      .legendFormat(query.legend)
      .refId(refId(index));
    if (panel.kind === "table") target.format(PromQueryFormat.Table).instant();
    else if (panel.kind === "heatmap") target.format(PromQueryFormat.Heatmap).range();
    else target.range();
    builder.withTarget(target);
  });
  return builder;
}

function makePanel(panel: Panel): AnyPanel {
  switch (panel.kind) {
    case "stat":
      return new Stat()
        .reduceOptions(new ReduceDataOptionsBuilder().calcs(["lastNotNull"]))
        .graphMode(BigValueGraphMode.Area)
        .colorMode(BigValueColorMode.Value);
    case "timeline":
      return new Timeline().mergeValues(true).showValue(VisibilityMode.Never).rowHeight(0.85);
    case "table":
      return tableOf(panel);
    case "heatmap":
      return new Heatmap().calculate(false).yAxis(new YAxisConfigBuilder().unit(panel.unit));
    default:
      return linesOf(panel);
  }
}

/** Current value and maximum beside each name, the highest first: with eight GPUs on a node nobody reads colours. */
function linesOf(panel: Panel): TimeSeries {
  return new TimeSeries()
    .lineWidth(1)
    .fillOpacity(8)
    .showPoints(VisibilityMode.Never)
    .legend(
      new VizLegendOptionsBuilder()
        .displayMode(LegendDisplayMode.Table)
        .placement(LegendPlacement.Bottom)
        .showLegend(true)
        .calcs(["lastNotNull", "max"])
        .sortBy("Last *")
        .sortDesc(true),
    )
    .tooltip(
      new VizTooltipOptionsBuilder().mode(TooltipDisplayMode.Multi).sort(SortOrder.Descending),
    )
    .thresholdsStyle(
      new GraphThresholdsStyleConfigBuilder().mode(
        thresholdsOf(panel).length > 1
          ? GraphThresholdsStyleMode.Dashed
          : GraphThresholdsStyleMode.Off,
      ),
    );
}

/**
 * Only the labels and numbers that are asked for, in that order; an info metric's number, always 1, is of no interest.
 * Rows of several queries become one where the labels that all of them have are equal.
 */
function tableOf(panel: Panel): Table {
  const labels = ["instance", ...(panel.columns ?? [])];
  const heads = (panel.numbers ?? []).flatMap((head, index) =>
    head === null ? [] : [{ ...head, field: numberField(panel, index) }],
  );
  const fields = [...labels, ...heads.map(({ field }) => field)];
  const table = new Table()
    .withTransformation({ id: "merge", options: {} })
    .withTransformation({
      id: "filterFieldsByName",
      options: { include: { names: fields } },
    })
    .withTransformation({
      id: "organize",
      options: {
        indexByName: Object.fromEntries(fields.map((name, index) => [name, index])),
        renameByName: Object.fromEntries(heads.map(({ field, title }) => [field, title])),
      },
    });
  for (const { title, unit } of heads) table.overrideByName(title, [{ id: "unit", value: unit }]);
  return table;
}

/** As Grafana's Prometheus data source calls the number of a query in a table. */
function numberField({ queries }: Panel, index: number): string {
  return queries.length > 1 ? `Value #${refId(index)}` : "Value";
}

function refId(index: number): string {
  return String.fromCodePoint(65 + index);
}

/** Colours from low to high. A rule that fires below its threshold colours what is under it. */
function thresholdsOf(panel: Panel): Threshold[] {
  const [rule] = panel.rules ?? [];
  if (rule) {
    const { op, right } = leadingComparison(rule.condition);
    const color = severityColors[rule.severity];
    return op.startsWith("<")
      ? [
          { value: null, color },
          { value: right, color: "green" },
        ]
      : [
          { value: null, color: "green" },
          { value: right === 0 ? justAboveZero : right, color },
        ];
  }
  return [
    { value: null, color: "green" },
    ...(panel.warning === undefined ? [] : [{ value: panel.warning, color: "orange" }]),
    ...(panel.critical === undefined ? [] : [{ value: panel.critical, color: "red" }]),
  ];
}

function runbookLink(rule: Rule): DashboardLinkBuilder {
  return new DashboardLinkBuilder(`Runbook: ${rule.name}`)
    .type(DashboardLinkType.Link)
    .url(rule.runbookUrl)
    .targetBlank(true);
}

function seriesLink({ queries }: Panel, uid: string): DashboardLinkBuilder {
  const gpu = queries.every(({ legend }) => legend.includes("{{gpu}}"))
    ? "&var-gpu=${__field.labels.gpu}"
    : "";
  return new DashboardLinkBuilder(gpu === "" ? "This node's board" : "This GPU in depth")
    .type(DashboardLinkType.Link)
    .url(`/d/${uid}?var-instance=\${__field.labels.instance}${gpu}&\${__url_time_range}`);
}
