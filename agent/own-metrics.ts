/** The agent's own metrics, with what it tells of its process without prom-client: that code would stay in memory. */
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
import type { Metric } from "../core/catalog/metric.ts";
import type { Clock } from "../core/kit/clock.ts";
import { createMetricLines, type MetricLine, type MetricLines } from "../core/kit/metric-lines.ts";
import type { SelfMetrics, SelfMetricsOptions } from "../core/kit/self-metrics.ts";
import { renderPrefix } from "../core/wire/exposition-plan.ts";

/** Counting descriptors and measuring the heap costs more than a host's /proc; nobody needs it every second. */
const processMilliseconds = 10_000;

export function createOwnMetrics({
  clock,
  processMetrics = true,
}: SelfMetricsOptions): SelfMetrics {
  if (!processMetrics) return createMetricLines({ clock });
  const families: MetricLines[] = [];
  return createMetricLines({ clock, families, refresh: addProcess(families, clock) });
}

/** Returns what brings the process's lines up to date where they are too old. */
function addProcess(families: MetricLines[], clock: Clock): () => void {
  const add = (metric: Metric): MetricLine => {
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
