/** The PromQL of a panel's query, with the board's variables in it. */
import { renderExpression } from "../alerts/promql.ts";
import type { Metric } from "../core/catalog/metric.ts";
import type { Board, Query } from "./board.ts";

/** Grafana puts at least four scrape intervals in its place, and the panel's resolution where that is longer. */
const interval = "$__rate_interval";
const range = "$__range";

export function renderQuery(board: Board, { expression, over }: Query): string {
  const window = over === "range" ? range : interval;
  const matchers = (metric: Metric): string => matchersOf(board, metric);
  if (expression.op !== "quantile" && expression.op !== "buckets")
    return renderExpression(expression, over === "own" ? { matchers } : { matchers, window });
  const { of } = expression;
  const labels = ["le", ...(expression.op === "quantile" ? expression.by : [])].join(", ");
  const buckets = `sum by (${labels}) (rate(${of.name}_bucket{${matchers(of)}}[${window}]))`;
  return expression.op === "buckets"
    ? buckets
    : `histogram_quantile(${expression.quantile}, ${buckets})`;
}

function matchersOf(board: Board, metric: Metric): string {
  const target = 'cluster=~"$cluster", job=~"$job", instance=~"$instance"';
  const chosen = board.gpusOf !== undefined && metric.labels.includes("gpu");
  return chosen ? `${target}, gpu=~"$gpu"` : target;
}
