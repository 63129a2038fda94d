/**
 * The agent's own metrics, kept as the lines that they are shown in: prom-client makes new objects for every value of
 * every page, and its code stays in memory.
 */
import { readdirSync, readFileSync } from "node:fs";
import {
  processCpuSeconds,
  processExternalMemory,
  processHeapTotal,
  processHeapUsed,
  processMaximumDescriptors,
  processOpenDescriptors,
  processResidentMemory,
  processStartTime,
} from "../core/catalog/self.ts";
import { histogramParts, type LabelValues, type Metric } from "../core/catalog/metric.ts";
import type { Clock } from "../core/kit/clock.ts";
import type { SelfMetrics, SelfMetricsOptions } from "../core/kit/self-metrics.ts";
import { findMeter, makeInstrument, observeGauge } from "../core/kit/tracing.ts";
import { renderHeader, renderPrefix, type ExpositionFormat } from "../core/wire/exposition-plan.ts";
import { formatNumber } from "../core/wire/number-format.ts";

interface Line {
  readonly prefix: string;
  value: number;
  /** Asked for the value whenever the page is made. */
  readonly read?: () => number;
}

interface Family {
  readonly metric: Metric;
  readonly lines: Line[];
}

const cacheMilliseconds = 1000;
/** Counting descriptors and measuring the heap costs more than a host's /proc; nobody needs it every second. */
const processMilliseconds = 10_000;
/** Label combinations per metric: what comes from outside (routes, codes) can't make more. */
const maximumCombinations = 1000;

export function createOwnMetrics({
  clock,
  processMetrics = true,
}: SelfMetricsOptions): SelfMetrics {
  const families: Family[] = [];
  const pages = new Map<ExpositionFormat, { readonly text: string; readonly at: number }>();
  const meter = findMeter();
  const refreshProcess = processMetrics ? addProcess(families, clock) : () => {};

  function addFamily(metric: Metric): Line[] {
    const lines: Line[] = [];
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
      refreshProcess();
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
  const find = (values: readonly string[]): Found | null => {
    const key = values.join("\u0000");
    const found = known.get(key);
    if (found !== undefined || known.size >= maximumCombinations) return found ?? null;
    const made = make(values);
    known.set(key, made);
    return made;
  };
  if (metric.labels.length === 0) find([]);
  return (labels) => find(metric.labels.map((name) => labels[name]));
}

function addLines(metric: Metric, lines: Line[]): (values: readonly string[]) => Line {
  return (values) => {
    const line = { prefix: renderPrefix({ metric, values }), value: 0 };
    lines.push(line);
    return line;
  };
}

/** For each combination the lines of a histogram, and what counts a value into them. */
function addBuckets(
  metric: Metric,
  lines: Line[],
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
  { metric, lines }: Family,
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

/** Returns what brings the process's lines up to date where they are too old. */
function addProcess(families: Family[], clock: Clock): () => void {
  const add = (metric: Metric): Line => {
    const line = { prefix: renderPrefix({ metric, values: [] }), value: Number.NaN };
    families.push({ metric, lines: [line] });
    return line;
  };
  const cpu = add(processCpuSeconds);
  const resident = add(processResidentMemory);
  const heapUsed = add(processHeapUsed);
  const heapTotal = add(processHeapTotal);
  const external = add(processExternalMemory);
  const descriptors = add(processOpenDescriptors);
  add(processMaximumDescriptors).value = maximumDescriptors();
  add(processStartTime).value = clock.now() / 1000 - process.uptime();
  let readAt = -Infinity;
  return () => {
    if (clock.monotonic() - readAt <= processMilliseconds) return;
    readAt = clock.monotonic();
    const { user, system } = process.cpuUsage();
    const memory = process.memoryUsage();
    cpu.value = (user + system) / 1e6;
    resident.value = memory.rss;
    heapUsed.value = memory.heapUsed;
    heapTotal.value = memory.heapTotal;
    external.value = memory.external;
    descriptors.value = countDescriptors();
  };
}

function countDescriptors(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return Number.NaN;
  }
}

/** The soft limit; NaN where there is none or it isn't told. */
function maximumDescriptors(): number {
  try {
    const limits = readFileSync("/proc/self/limits", "latin1");
    return Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Number.NaN);
  } catch {
    return Number.NaN;
  }
}
