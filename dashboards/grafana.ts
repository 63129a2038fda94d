/** A board as Grafana's JSON model, by Grafana's own Foundation SDK. */
import type { Builder } from "@grafana/grafana-foundation-sdk/cog";
import {
  AnnotationQueryBuilder,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
  VariableSort,
  type Dashboard,
} from "@grafana/grafana-foundation-sdk/dashboard";
import type { Metric } from "../core/catalog/metric.ts";
import { multiply } from "../alerts/expression.ts";
import type { Board, Mark } from "./board.ts";
import { buildPanel, datasource } from "./panel.ts";
import { renderQuery } from "./query.ts";

const tag = "warpwatch";

/** Equal boards give equal text. */
export function buildBoard(board: Board): Dashboard {
  const builder = new DashboardBuilder(board.title)
    .uid(board.uid)
    .description(board.description)
    .tags([tag])
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from: "now-1h", to: "now" })
    .refresh("10s")
    .timezone("browser")
    .link(linkToBoards())
    .annotation(firingAlerts());
  for (const mark of board.marks ?? []) builder.annotation(marked(board, mark));
  addVariables(builder, board);
  let id = 0;
  for (const row of board.rows) {
    const rowBuilder = new RowBuilder(row.title).id((id += 1));
    if (row.collapsed !== true) {
      builder.withRow(rowBuilder);
      for (const panel of row.panels) builder.withPanel(buildPanel(board, panel, (id += 1)));
      continue;
    }
    for (const panel of row.panels) rowBuilder.withPanel(buildPanel(board, panel, (id += 1)));
    builder.withRow(rowBuilder.collapsed(true));
  }
  return builder.build();
}

function addVariables(builder: DashboardBuilder, board: Board): void {
  const { name } = board.instancesOf;
  builder
    .withVariable(
      new DatasourceVariableBuilder("datasource").label("Data source").type("prometheus"),
    )
    .withVariable(selector("cluster", "Cluster", `label_values(${name}, cluster)`, ".*"))
    .withVariable(selector("job", "Job", `label_values(${name}{cluster=~"$cluster"}, job)`))
    .withVariable(
      selector(
        "instance",
        "Node",
        `label_values(${name}{cluster=~"$cluster", job=~"$job"}, instance)`,
      ),
    );
  if (board.gpusOf) builder.withVariable(selector("gpu", "GPU", gpusQuery(board.gpusOf)));
}

function gpusQuery(metric: Metric): string {
  return `label_values(${metric.name}{cluster=~"$cluster", job=~"$job", instance=~"$instance"}, gpu)`;
}

/** `all` is what stands for every value: `.*` also takes in series without the label, as where nobody names clusters. */
function selector(name: string, label: string, query: string, all = ".+"): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(datasource)
    .query(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.NaturalAsc)
    .multi(true)
    .includeAll(true)
    .allValue(all)
    .current({ text: "All", value: "$__all" });
}

/** The other boards, with the same time and the same choice. */
function linkToBoards(): Builder<ReturnType<DashboardLinkBuilder["build"]>> {
  return new DashboardLinkBuilder("Warpwatch")
    .type(DashboardLinkType.Dashboards)
    .tags([tag])
    .includeVars(true)
    .keepTime(true);
}

/** What fired is marked in every graph. */
function firingAlerts(): AnnotationQueryBuilder {
  return new AnnotationQueryBuilder()
    .name("Firing alerts")
    .datasource(datasource)
    .enable(true)
    .iconColor("red")
    .expr('ALERTS{alertstate="firing", cluster=~"$cluster", instance=~"$instance", component!=""}');
}

/** Grafana takes instants in milliseconds. */
function marked(board: Board, { name, color, of, title, text }: Mark): AnnotationQueryBuilder {
  return new AnnotationQueryBuilder()
    .name(name)
    .datasource(datasource)
    .enable(true)
    .iconColor(color)
    .expr(renderQuery(board, { expression: multiply(of, 1000), legend: "" }))
    .useValueForTime(true)
    .titleFormat(title)
    .textFormat(text);
}
