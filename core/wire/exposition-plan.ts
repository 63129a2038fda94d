/** The render plan of a schema: every byte of its exposition that isn't a sample's number, made once per schema. Truth: Prometheus text format 0.0.4 and OpenMetrics 1.0.0. */
import { familyName, type Metric } from "../catalog/metric.ts";
import type { Schema, Series } from "./frame.ts";

export type ExpositionFormat = "text" | "openmetrics";

/** A family's lines stand together; `first` and `end` index the lines. */
export interface PlannedFamily {
  readonly header: Uint8Array;
  readonly first: number;
  readonly end: number;
}

export interface ExpositionPlan {
  readonly families: readonly PlannedFamily[];
  /** The slot whose sample a line shows. */
  readonly slots: Uint32Array;
  /** Line i's prefix, the space before the number included, is `prefixes[starts[i] .. starts[i + 1]]`. */
  readonly starts: Uint32Array;
  readonly prefixes: Buffer;
  /** Series that can't be exposed: a name outside the format's alphabet, or a repetition of another series. */
  readonly skipped: number;
}

interface Line {
  readonly prefix: string;
  readonly slot: number;
}

const metricName = /^[A-Za-z_:][A-Za-z0-9_:]*$/;
const labelName = /^[A-Za-z_][A-Za-z0-9_]*$/;

export function planExposition(schema: Schema, format: ExpositionFormat): ExpositionPlan {
  const { families, skipped } = collectFamilies(schema);
  const ordered = [...families.values()];
  const lines = ordered.flatMap((family) => family.lines);
  const prefixes = lines.map((line) => Buffer.from(line.prefix));
  const starts = new Uint32Array(lines.length + 1);
  prefixes.forEach((prefix, index) => {
    starts[index + 1] = (starts[index] ?? 0) + prefix.length;
  });
  let first = 0;
  const taken = new Set(ordered.map((family) => family.metric.name));
  const planned = ordered.map((family) => {
    const start = first;
    first += family.lines.length;
    const header = Buffer.from(renderHeader(family.metric, format, taken));
    return { header, first: start, end: first };
  });
  return {
    families: planned,
    slots: Uint32Array.from(lines, (line) => line.slot),
    starts,
    prefixes: Buffer.concat(prefixes),
    skipped,
  };
}

/** Groups series by family in order of first appearance: the formats want a family in one piece. */
function collectFamilies(schema: Schema): {
  families: Map<string, { metric: Metric; lines: Line[] }>;
  skipped: number;
} {
  const families = new Map<string, { metric: Metric; lines: Line[] }>();
  const seen = new Set<string>();
  let skipped = 0;
  schema.series.forEach((series, slot) => {
    const identity = [
      series.metric.name,
      ...series.metric.labels.map((name, index) => `${name}=${series.values[index] ?? ""}`).sort(),
    ].join("\u0000");
    if (!isExposable(series.metric) || seen.has(identity)) {
      skipped += 1;
      return;
    }
    seen.add(identity);
    const prefix = renderPrefix(series);
    const name = familyName(series.metric);
    const family = families.get(name);
    if (family) family.lines.push({ prefix, slot });
    else families.set(name, { metric: series.metric, lines: [{ prefix, slot }] });
  });
  return { families, skipped };
}

function isExposable(metric: Metric): boolean {
  return (
    metricName.test(metric.name) &&
    metric.labels.every((name) => labelName.test(name)) &&
    new Set(metric.labels).size === metric.labels.length
  );
}

/** A sample's line up to its number. */
export function renderPrefix({ metric, values }: Pick<Series, "metric" | "values">): string {
  const { name, labels } = metric;
  if (labels.length === 0) return `${name} `;
  // An empty label is no label to Prometheus: dcgm-exporter writes none, and most GPUs would have several.
  const isWritten = (index: number): boolean =>
    metric.authority !== "dcgm-exporter" || (values[index] ?? "") !== "";
  const pairs = labels
    .map((label, index) => `${label}="${escapeQuoted(values[index] ?? "")}"`)
    .filter((_, index) => isWritten(index));
  return `${name}{${pairs.join(",")}} `;
}

/** `taken` are the families' names so far, in OpenMetrics. */
export function renderHeader(metric: Metric, format: ExpositionFormat, taken: Set<string>): string {
  const { family, type } =
    format === "text"
      ? { family: familyName(metric), type: textType(metric) }
      : openMetricsFamily(metric, taken);
  const unit =
    format === "openmetrics" &&
    metric.unit !== "none" &&
    type !== "info" &&
    family.endsWith(`_${metric.unit}`)
      ? `# UNIT ${family} ${metric.unit}\n`
      : "";
  const help = format === "text" ? escapeHelp(metric.help) : escapeQuoted(metric.help);
  return `${help === "" ? "" : `# HELP ${family} ${help}\n`}# TYPE ${family} ${type}\n${unit}`;
}

function textType(metric: Metric): string {
  if (metric.kind === "info") return "gauge";
  return metric.kind;
}

/**
 * OpenMetrics names a family without the suffix that its samples carry. Where a name hasn't got the suffix, or
 * the shortened name belongs to another family, the metric keeps its name under a type that allows it.
 */
function openMetricsFamily(metric: Metric, taken: Set<string>): { family: string; type: string } {
  if (metric.kind === "histogram") return { family: familyName(metric), type: "histogram" };
  const suffix = metric.kind === "counter" ? "_total" : metric.kind === "info" ? "_info" : null;
  if (suffix !== null && metric.name.endsWith(suffix)) {
    const family = metric.name.slice(0, -suffix.length);
    if (metricName.test(family) && !taken.has(family)) {
      taken.add(family);
      return { family, type: metric.kind };
    }
  }
  const plain = metric.kind === "gauge" || metric.kind === "info";
  return { family: metric.name, type: plain ? "gauge" : "unknown" };
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function escapeQuoted(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
