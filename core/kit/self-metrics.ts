/** The collector's own metrics: counters, gauges and histograms made from catalogue entries, and of its process what prom-client tells, in both formats. */
import { collectDefaultMetrics, Registry } from "prom-client";
import type { LabelValues, Metric } from "../catalog/metric.ts";
import type { ExpositionFormat } from "../wire/exposition.ts";
import { formatNumber } from "../wire/number-format.ts";
import type { Clock } from "./clock.ts";
import { createMetricLines } from "./metric-lines.ts";

export interface SelfCounter<Label extends string> {
  increase(labels: LabelValues<Label>, by?: number): void;
}

export interface SelfGauge<Label extends string> {
  set(labels: LabelValues<Label>, value: number): void;
}

export interface SelfHistogram<Label extends string> {
  observe(labels: LabelValues<Label>, value: number): void;
  /** Makes its counters there at 0: one that is born at 1 shows no increase. */
  prepare(labels: LabelValues<Label>): void;
}

export interface SelfMetrics {
  /** A counter without labels shows 0 from the start; one with labels, each combination from its first use. */
  counter<Label extends string>(metric: Metric<Label>): SelfCounter<Label>;
  /** `read`, where given, is asked for the value whenever the metrics are rendered; for gauges without labels. */
  gauge<Label extends string>(metric: Metric<Label>, read?: () => number): SelfGauge<Label>;
  histogram<Label extends string>(metric: Metric<Label>): SelfHistogram<Label>;
  /** Whole families in the given format, without `# EOF`; at most a second old, what tells of the process at most ten. */
  render(format: ExpositionFormat): Promise<string>;
}

export interface SelfMetricsOptions {
  readonly clock: Clock;
  /** prom-client's own list: CPU, memory, event-loop lag, heap, handles, garbage collection. On unless false. */
  readonly processMetrics?: boolean;
}

type Family = Awaited<ReturnType<Registry["getMetricsAsJSON"]>>[number];

/** What prom-client says of the process costs more to read than a host's /proc; nobody needs it every second. */
const processMilliseconds = 10_000;
/** prom-client wakes the process every 10 ms to measure its lag; that costs an idle agent more than its sampling. */
const lagResolutionMilliseconds = 1000;
/** What Node's histogram gives as its minimum when nothing was measured yet: 2^63 - 1 nanoseconds. */
const lagWithoutSamples = 2 ** 63 / 1e9;
export function createSelfMetrics(options: SelfMetricsOptions): SelfMetrics {
  const own = createMetricLines(options);
  if (options.processMetrics === false) return own;
  const renderProcess = createProcessRenderer(options.clock);
  return {
    ...own,
    render: async (format) => (await own.render(format)) + (await renderProcess(format)),
  };
}

function createProcessRenderer(clock: Clock): (format: ExpositionFormat) => Promise<string> {
  const registry = createProcessRegistry();
  let families: readonly Family[] = [];
  let collectedAt = -Infinity;
  let pending: Promise<void> | null = null;
  const rendered = new Map<ExpositionFormat, string>();

  async function collect(): Promise<void> {
    families = await registry.getMetricsAsJSON();
    rendered.clear();
    collectedAt = clock.monotonic();
    pending = null;
  }

  return async (format) => {
    if (clock.monotonic() - collectedAt > processMilliseconds) await (pending ??= collect());
    const known = rendered.get(format);
    if (known !== undefined) return known;
    const text = families.map((family) => renderFamily(family, format)).join("");
    rendered.set(format, text);
    return text;
  };
}

/** prom-client's own list, without what costs most and tells nobody anything. */
function createProcessRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({
    register: registry,
    eventLoopMonitoringPrecision: lagResolutionMilliseconds,
  });
  for (const part of ["size_total", "size_used", "size_available"])
    registry.removeSingleMetric(`nodejs_heap_space_${part}_bytes`);
  return registry;
}

/**
 * OpenMetrics names a counter's family without the `_total` that its samples carry.
 * prom-client has three gauges called `_total`: each is the sum of another of its families, and no format likes it.
 */
function renderFamily(family: Family, format: ExpositionFormat): string {
  const kind = String(family.type);
  if (kind === "gauge" && family.name.endsWith("_total")) return "";
  const counter = kind === "counter" && family.name.endsWith("_total");
  const shown = format === "openmetrics" && counter ? family.name.slice(0, -6) : family.name;
  const type = format === "openmetrics" && kind === "counter" && !counter ? "unknown" : kind;
  let text = "";
  for (const { metricName, labels, value } of family.values as readonly FamilyValue[]) {
    if (Number.isNaN(value) || value === lagWithoutSamples) continue;
    text += `${metricName ?? family.name}${renderLabels(labels)} ${formatNumber(value)}\n`;
  }
  if (text === "") return "";
  return `# HELP ${shown} ${escapeHelp(family.help, format)}\n# TYPE ${shown} ${type}\n${text}`;
}

interface FamilyValue {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly metricName?: string;
}

function renderLabels(labels: Readonly<Record<string, string | number>>): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${escapeQuoted(labelText(name, value))}"`,
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

/** OpenMetrics wants a float in `le`: `1.0` rather than `1`; Prometheus 3 reads both as the same. */
function labelText(name: string, value: string | number): string {
  const text = String(value);
  return name === "le" && /^\d+$/.test(text) ? `${text}.0` : text;
}

function escapeHelp(text: string, format: ExpositionFormat): string {
  const escaped = text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return format === "openmetrics" ? escaped.replaceAll('"', '\\"') : escaped;
}

function escapeQuoted(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}
