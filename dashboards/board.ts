/** What a board is: rows of panels over catalogue metrics, as values; dashboards/grafana.ts turns them into Grafana's JSON. */
import type { Expression, Selection } from "../alerts/expression.ts";
import type { Rule } from "../alerts/rule.ts";
import type { LabelName } from "../core/catalog/labels.ts";
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
  | "cps"
  | "reqps"
  | "rotrpm"
  | "volt"
  | "amp"
  | "ppm"
  | "short"
  | "none";

/** A quantile of a histogram's observations, per value of `by`. */
export interface HistogramQuantile {
  readonly op: "quantile";
  readonly of: Metric;
  readonly quantile: number;
  readonly by: readonly LabelName[];
}

/** How many observations a second fell into each bucket of a histogram. */
export interface HistogramBuckets {
  readonly op: "buckets";
  readonly of: Metric;
}

export interface Query {
  readonly expression: Expression | HistogramQuantile | HistogramBuckets;
  /** `{{label}}` stands for a label's value. */
  readonly legend: string;
  /** Rates and increases are over this: as short as the scrapes allow, all of the time that is shown, or the window that they name themselves. */
  readonly over?: "interval" | "range" | "own";
  /** A fact or a limit among lines that move. */
  readonly still?: boolean;
}

/** A number that is a state, as a word and a colour. */
export interface StateWord {
  readonly text: string;
  readonly color: "green" | "orange" | "red" | "blue" | "text";
}

/** A number in a table: what stands above it, and its unit. */
export interface ColumnHead {
  readonly title: string;
  readonly unit: PanelUnit;
}

export interface Panel {
  readonly kind: "timeseries" | "stat" | "timeline" | "table" | "heatmap";
  readonly title: string;
  /** What it shows and what to make of it. */
  readonly description: string;
  readonly unit: PanelUnit;
  readonly queries: readonly Query[];
  /** Grid columns of 24. */
  readonly width: number;
  /** The rules that judge what the panel shows: their thresholds are drawn, their runbooks are linked. */
  readonly rules?: readonly Rule[];
  /** Values from which the panel turns orange and red, where no rule says so. */
  readonly warning?: number;
  readonly critical?: number;
  /** The axis begins and ends here, where the unit has a natural end; it begins at 0 if not given. */
  readonly minimum?: number | "any";
  readonly maximum?: number;
  readonly states?: Readonly<Record<string, StateWord>>;
  /** The labels that a table shows. */
  readonly columns?: readonly LabelName[];
  /** For each query of a table the column of its number; null where only the labels are of interest. */
  readonly numbers?: readonly (ColumnHead | null)[];
  /** The board that a click on a series leads to, for the series' instance and, where it has one, its GPU. */
  readonly leadsTo?: string;
  /** Facts and limits, which don't move by themselves. */
  readonly still?: boolean;
  /** What has to happen before the queries return anything, or anything that moves. */
  readonly needsFault?: NeededFault;
}

/** A fault of the simulator (docs/simulator.md). */
export interface NeededFault {
  readonly kind: string;
  readonly code?: number;
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
  /** Closed until someone opens it: details that are seldom needed cost no query until then. */
  readonly collapsed?: boolean;
}

/** Instants that are marked in every graph of a board. */
export interface Mark {
  readonly name: string;
  readonly color: string;
  /** Holds the instants themselves, as Unix timestamps in seconds. */
  readonly of: Selection;
  /** `{{label}}` stands for a label's value. */
  readonly title: string;
  readonly text: string;
}

export interface Board {
  /** Stable: links and provisioning go by it. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  /** The metric whose `job` and `instance` labels list what the board can show. */
  readonly instancesOf: Metric;
  /** The metric whose `gpu` label lists the GPUs to choose from; without it the board has no such choice. */
  readonly gpusOf?: Metric<"gpu" | LabelName>;
  readonly marks?: readonly Mark[];
  readonly rows: readonly Row[];
}

export type Extra = Partial<Omit<Panel, "kind" | "title" | "unit" | "description" | "queries">>;

/** A panel of lines over time, a third of the width if not said otherwise. */
export function lines(
  title: string,
  unit: PanelUnit,
  description: string,
  queries: readonly Query[],
  extra: Extra = {},
): Panel {
  return { kind: "timeseries", title, unit, description, queries, width: 8, ...extra };
}

/** The value now, with its course behind it. */
export function figure(
  title: string,
  unit: PanelUnit,
  description: string,
  queries: readonly Query[],
  extra: Extra = {},
): Panel {
  return { kind: "stat", title, unit, description, queries, width: 4, ...extra };
}

/** Bands of states over time. */
export function timeline(
  title: string,
  description: string,
  states: Readonly<Record<string, StateWord>>,
  queries: readonly Query[],
  extra: Extra = {},
): Panel {
  return {
    kind: "timeline",
    title,
    unit: "none",
    description,
    queries,
    width: 12,
    states,
    ...extra,
  };
}

/** Facts by their labels. */
export function table(
  title: string,
  description: string,
  metric: Metric,
  columns: readonly LabelName[],
  extra: Extra = {},
): Panel {
  const expression = { op: "value", metric, match: {} } as const;
  return {
    kind: "table",
    title,
    unit: "none",
    description,
    queries: [{ expression, legend: "" }],
    width: 24,
    columns,
    still: true,
    ...extra,
  };
}

export function one(expression: Query["expression"], legend: string): readonly Query[] {
  return [{ expression, legend }];
}

export function quantile(
  of: Metric,
  wanted: number,
  by: readonly LabelName[] = ["instance"],
): HistogramQuantile {
  return { op: "quantile", of, quantile: wanted, by };
}
