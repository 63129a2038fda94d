/** The process's own metrics, on prom-client: counters, gauges and histograms made from catalogue entries, rendered in both formats. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { LabelValues, Metric } from "../catalog/metric.ts";
import type { ExpositionFormat } from "../wire/exposition.ts";
import { formatNumber } from "../wire/number-format.ts";
import type { Clock } from "./clock.ts";
import { findMeter, makeInstrument, observeGauge, type Instrument } from "./tracing.ts";

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

const cacheMilliseconds = 1000;
/** What prom-client says of the process costs more to read than a host's /proc; nobody needs it every second. */
const processMilliseconds = 10_000;
/** prom-client wakes the process every 10 ms to measure its lag; that costs an idle agent more than its sampling. */
const lagResolutionMilliseconds = 1000;
/** What Node's histogram gives as its minimum when nothing was measured yet: 2^63 - 1 nanoseconds. */
const lagWithoutSamples = 2 ** 63 / 1e9;
/** Label combinations per metric: what comes from outside (routes, codes) can't make more. */
const maximumCombinations = 1000;

export function createSelfMetrics(options: SelfMetricsOptions): SelfMetrics {
  const { clock } = options;
  const registry = new Registry();
  const registers = [registry];
  const meter = findMeter();
  const mirror = (metric: Metric): Instrument | null => meter && makeInstrument(meter, metric);
  const renderOwn = createRenderer(registry, clock, cacheMilliseconds);
  const renderProcess =
    options.processMetrics === false
      ? null
      : createRenderer(createProcessRegistry(), clock, processMilliseconds);

  return {
    counter(metric) {
      const counter = new Counter({ ...describe(metric), registers });
      const admit = createAdmission(metric);
      const instrument = mirror(metric);
      return {
        increase(labels, by = 1) {
          if (!admit(labels)) return;
          counter.inc({ ...labels }, by);
          instrument?.record(by, labels);
        },
      };
    },
    gauge(metric, read) {
      const gauge = new Gauge({ ...describe(metric), registers, ...collector(read) });
      const admit = createAdmission(metric);
      if (read && meter) observeGauge(meter, metric, read);
      const instrument = read ? null : mirror(metric);
      return {
        set(labels, value) {
          if (!admit(labels)) return;
          gauge.set({ ...labels }, value);
          instrument?.record(value, labels);
        },
      };
    },
    histogram(metric) {
      const histogram = new Histogram({
        ...describe(metric),
        registers,
        buckets: [...metric.buckets],
      });
      const admit = createAdmission(metric);
      const instrument = mirror(metric);
      return {
        observe(labels, value) {
          if (!admit(labels)) return;
          histogram.observe({ ...labels }, value);
          instrument?.record(value, labels);
        },
        prepare(labels) {
          if (admit(labels)) histogram.zero({ ...labels });
        },
      };
    },
    async render(format) {
      const own = await renderOwn(format);
      return renderProcess === null ? own : own + (await renderProcess(format));
    },
  };
}

/** The registry's families as text; asked again when they are older than given. */
function createRenderer(
  registry: Registry,
  clock: Clock,
  maximumAgeMilliseconds: number,
): (format: ExpositionFormat) => Promise<string> {
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
    if (clock.monotonic() - collectedAt > maximumAgeMilliseconds) await (pending ??= collect());
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

function describe<Label extends string>(
  metric: Metric<Label>,
): { name: string; help: string; labelNames: readonly Label[] } {
  return { name: metric.name, help: metric.help, labelNames: metric.labels };
}

function collector(read: (() => number) | undefined): { collect?: (this: Gauge) => void } {
  if (!read) return {};
  return {
    collect() {
      this.set(read());
    },
  };
}

/** Says whether a combination of labels may be counted: one that is known, or new within the bound. */
function createAdmission<Label extends string>(
  metric: Metric<Label>,
): (labels: LabelValues<Label>) => boolean {
  if (metric.labels.length === 0) return () => true;
  const known = new Set<string>();
  return (labels) => {
    const key = metric.labels.map((name) => labels[name]).join("\u0000");
    if (known.has(key)) return true;
    if (known.size >= maximumCombinations) return false;
    known.add(key);
    return true;
  };
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
