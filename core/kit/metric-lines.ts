/** A process's own metrics, kept as the lines that they are shown in: what is counted at each request costs it next to nothing. */
import { histogramParts, type LabelValues, type Metric } from "../catalog/metric.ts";
import { renderHeader, renderPrefix, type ExpositionFormat } from "../wire/exposition-plan.ts";
import { formatNumber } from "../wire/number-format.ts";
import type { Clock } from "./clock.ts";
import type { SelfMetrics } from "./self-metrics.ts";
import { findMeter, makeInstrument, observeGauge } from "./tracing.ts";

export interface MetricLine {
  readonly prefix: string;
  value: number;
  /** Asked for the value whenever the page is made. */
  readonly read?: () => number;
}

export interface MetricLines {
  readonly metric: Metric;
  readonly lines: MetricLine[];
}

export interface MetricLinesOptions {
  readonly clock: Clock;
  /** Shown before the others; whoever gives them keeps them. */
  readonly families?: MetricLines[];
  /** Called before a page is made. */
  readonly refresh?: () => void;
}

const cacheMilliseconds = 1000;
/** Label combinations per metric: what comes from outside (routes, codes) can't make more. */
const maximumCombinations = 1000;

export function createMetricLines({
  clock,
  families = [],
  refresh,
}: MetricLinesOptions): SelfMetrics {
  const pages = new Map<ExpositionFormat, { readonly text: string; readonly at: number }>();
  const meter = findMeter();

  function addFamily(metric: Metric): MetricLine[] {
    const lines: MetricLine[] = [];
    families.push({ metric, lines });
    return lines;
  }

  return {
    counter(metric) {
      const find = createFinder(metric, addLines(metric, addFamily(metric)));
      const instrument = meter && makeInstrument(meter, metric);
      return {
        increase(labels, by = 1) {
          const line = find(labels);
          if (!line) return;
          line.value += by;
          instrument?.record(by, labels);
        },
      };
    },
    gauge(metric, read) {
      const lines = addFamily(metric);
      if (read) lines.push({ prefix: renderPrefix({ metric, values: [] }), value: 0, read });
      if (read && meter) observeGauge(meter, metric, read);
      const find = createFinder(metric, addLines(metric, read ? [] : lines));
      const instrument = read ? null : meter && makeInstrument(meter, metric);
      return {
        set(labels, value) {
          const line = find(labels);
          if (!line) return;
          line.value = value;
          instrument?.record(value, labels);
        },
      };
    },
    histogram(metric) {
      const find = createFinder(metric, addBuckets(metric, addFamily(metric)));
      const instrument = meter && makeInstrument(meter, metric);
      return {
        observe(labels, value) {
          const observe = find(labels);
          if (!observe) return;
          observe(value);
          instrument?.record(value, labels);
        },
        prepare: (labels) => void find(labels),
      };
    },
    render(format) {
      const now = clock.monotonic();
      const known = pages.get(format);
      if (known && now - known.at <= cacheMilliseconds) return Promise.resolve(known.text);
      refresh?.();
      const taken = new Set<string>();
      const text = families.map((family) => renderFamily(family, format, taken)).join("");
      pages.set(format, { text, at: now });
      return Promise.resolve(text);
    },
  };
}

/** What belongs to a combination of labels, made when it is first met; null for those past the bound. */
function createFinder<Label extends string, Found>(
  metric: Metric<Label>,
  make: (values: readonly string[]) => Found,
): (labels: LabelValues<Label>) => Found | null {
  const known = new Map<string, Found>();
  const keyOf = createKeys(metric.labels);
  // One without labels is there from the start.
  if (metric.labels.length === 0) known.set("", make([]));
  return (labels) => {
    const key = keyOf(labels);
    const found = known.get(key);
    if (found !== undefined || known.size >= maximumCombinations) return found ?? null;
    const made = make(metric.labels.map((name) => labels[name]));
    known.set(key, made);
    return made;
  };
}

function createKeys<Label extends string>(
  names: readonly Label[],
): (labels: LabelValues<Label>) => string {
  const [only] = names;
  if (only === undefined) return () => "";
  if (names.length === 1) return (labels) => labels[only];
  return (labels) => {
    let key = "";
    for (const name of names) key += `${labels[name]}\u0000`;
    return key;
  };
}

function addLines(metric: Metric, lines: MetricLine[]): (values: readonly string[]) => MetricLine {
  return (values) => {
    const line = { prefix: renderPrefix({ metric, values }), value: 0 };
    lines.push(line);
    return line;
  };
}

/** For each combination the lines of a histogram, and what counts a value into them. */
function addBuckets(
  metric: Metric,
  lines: MetricLine[],
): (values: readonly string[]) => (value: number) => void {
  const parts = histogramParts(metric);
  const addBucket = addLines(parts.bucket, lines);
  const addSum = addLines(parts.sum, lines);
  const addCount = addLines(parts.count, lines);
  return (values) => {
    const bounds = [...metric.buckets, Infinity];
    const buckets = bounds.map((bound) => addBucket([...values, boundText(bound)]));
    const sum = addSum(values);
    const count = addCount(values);
    return (value) => {
      buckets.forEach((bucket, index) => {
        if (value <= (bounds[index] ?? 0)) bucket.value += 1;
      });
      sum.value += value;
      count.value += 1;
    };
  };
}

/** OpenMetrics wants a float: `1.0` rather than `1`; Prometheus 3 reads both as the same. */
function boundText(bound: number): string {
  return Number.isInteger(bound) ? bound.toFixed(1) : formatNumber(bound);
}

function renderFamily(
  { metric, lines }: MetricLines,
  format: ExpositionFormat,
  taken: Set<string>,
): string {
  let text = "";
  for (const line of lines) {
    const value = line.read ? line.read() : line.value;
    if (!Number.isNaN(value)) text += `${line.prefix}${formatNumber(value)}\n`;
  }
  return text === "" ? "" : renderHeader(metric, format, taken) + text;
}
