/** Panels over metrics as they are: unit, query and legend follow from the catalogue, so that a panel only says what it is for. */
import {
  aggregate,
  increase,
  rate,
  value,
  type Expression,
  type Matchers,
} from "../alerts/expression.ts";
import type { LabelName } from "../core/catalog/labels.ts";
import type { Metric } from "../core/catalog/metric.ts";
import {
  figure,
  lines,
  timeline,
  type Extra,
  type Panel,
  type PanelUnit,
  type Query,
  type StateWord,
} from "./board.ts";

/** Grafana puts the panel's own interval in its place. */
export const window = 60_000;

/** Labels that repeat what another one in the legend says. */
const repeating = new Set([
  "UUID",
  "pci_bus_id",
  "modelName",
  "Hostname",
  "DCGM_FI_DRIVER_VERSION",
  "index",
]);
const spelled: Readonly<Record<string, string>> = {
  gpu: "gpu {{gpu}}",
  link: "link {{link}}",
  port: "port {{port}}",
};

/** A metric, the series of it that are meant, and words that tell its lines from another's. */
export interface Plotted {
  readonly metric: Metric;
  readonly match?: Matchers<string>;
  readonly words?: string;
  /** A limit, or what only a fault moves. */
  readonly still?: boolean;
}

/** A counter's rate, or a gauge's value. */
export function course({ metric, match = {}, words, still = false }: Plotted): Query {
  const selection = value(metric, match);
  const expression = metric.kind === "counter" ? rate(selection, window) : selection;
  const legend = words === undefined ? legendOf(metric) : `${legendOf(metric)} ${words}`;
  return { expression, legend, still };
}

/** What a counter gained in the time shown: for counts that a device keeps over its life. */
export function gain(plotted: Plotted): Query {
  const expression = increase(value(plotted.metric, plotted.match), window);
  return { ...course(plotted), expression, over: "range" };
}

/** Lines of metrics that share a unit. */
export function trend(
  title: string,
  description: string,
  plotted: readonly [Metric | Plotted, ...(Metric | Plotted)[]],
  extra: Extra = {},
): Panel {
  const unit = unitOf(plottedOf(plotted[0]).metric);
  return lines(title, unit, description, coursesOf(plotted), extra);
}

/** Bands for metrics that are 1 while something holds. */
export function flags(
  title: string,
  description: string,
  [no, yes]: readonly [StateWord, StateWord],
  plotted: readonly (Metric | Plotted)[],
  extra: Extra = {},
): Panel {
  return timeline(title, description, { 0: no, 1: yes }, coursesOf(plotted), extra);
}

/** One number over all that is chosen. */
export function total(
  title: string,
  unit: PanelUnit,
  description: string,
  expression: Expression,
  extra: Extra = {},
): Panel {
  return figure(title, unit, description, [{ expression, legend: "" }], extra);
}

/** What a counter gained in the time shown, over all that is chosen. */
export function totalGain(
  title: string,
  description: string,
  { metric, match = {} }: Plotted,
  extra: Extra = {},
): Panel {
  const expression = aggregate("sum", ["job"], increase(value(metric, match), window));
  return figure(title, "short", description, [{ expression, legend: "", over: "range" }], extra);
}

export interface Sheet {
  /** The info metric that has the labels of `columns`; without it they are among those of `by`. */
  readonly facts?: Metric;
  readonly columns: readonly LabelName[];
  /** What tells the rows of a node apart. */
  readonly by: readonly LabelName[];
  /** Column heads and what stands under them; a counter stands with its total. */
  readonly numbers: readonly (readonly [string, Metric | Plotted])[];
}

/** What is known now, a row for each thing: facts by their labels, and numbers beside them. */
export function sheet(
  title: string,
  description: string,
  { facts, columns, by, numbers }: Sheet,
  extra: Extra = {},
): Panel {
  const rows = ["instance", ...by];
  const queries = numbers.map(([, one]) => {
    const { metric, match = {} } = plottedOf(one);
    return { expression: aggregate("max", rows, value(metric, match)), legend: "" };
  });
  const heads = numbers.map(([head, one]) => ({
    title: head,
    unit: unitNow(plottedOf(one).metric),
  }));
  return {
    kind: "table",
    title,
    unit: "none",
    description,
    width: 24,
    still: true,
    columns,
    queries: facts ? [{ expression: value(facts), legend: "" }, ...queries] : queries,
    numbers: facts ? [null, ...heads] : heads,
    ...extra,
  };
}

export function legendOf({ labels }: Metric): string {
  const ofGpu = labels.includes("gpu");
  const told = labels.filter((label) => !repeating.has(label) && !(ofGpu && label === "device"));
  return ["{{instance}}", ...told.map((label) => spelled[label] ?? `{{${label}}}`)].join(" ");
}

/** The unit of a metric's course: seconds that are counted become a share of time. */
export function unitOf(metric: Metric): PanelUnit {
  if (metric.kind !== "counter") return unitNow(metric);
  switch (metric.unit) {
    case "seconds":
      return "percentunit";
    case "bytes":
      return "Bps";
    default:
      return "cps";
  }
}

/** Units that are no base unit of Prometheus' stand at the end of the name only. */
const unitByEnding = { rpm: "rotrpm", volts: "volt", amperes: "amp" } as const;

function unitNow({ name, unit }: Metric): PanelUnit {
  switch (unit) {
    case "seconds":
      return "s";
    case "bytes":
      return "bytes";
    case "ratio":
      return "percentunit";
    case "percent":
      return "percent";
    case "celsius":
      return "celsius";
    case "watts":
      return "watt";
    case "hertz":
      return "hertz";
    case "bytes_per_second":
      return "Bps";
    case "mebibytes":
      return "mbytes";
    default: {
      const ending = Object.entries(unitByEnding).find(([word]) => name.endsWith(`_${word}`));
      return ending ? ending[1] : "short";
    }
  }
}

function coursesOf(plotted: readonly (Metric | Plotted)[]): Query[] {
  return plotted.map((one) => course(plottedOf(one)));
}

function plottedOf(one: Metric | Plotted): Plotted {
  return "metric" in one ? one : { metric: one };
}
