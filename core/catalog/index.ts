/** The catalogue: every metric we author, by subject; the only barrel. */
import type { Metric, MetricFamily } from "./metric.ts";
import * as collector from "./collector.ts";
import * as fleet from "./fleet.ts";
import * as gpu from "./gpu.ts";
import * as gpuErrors from "./gpu-errors.ts";
import * as self from "./self.ts";

export { collector, fleet, gpu, gpuErrors, self };

const subjects: readonly object[] = [collector, fleet, gpu, gpuErrors, self];

/** Every metric and family, in the order of the subjects. */
export function allMetrics(): (Metric | MetricFamily)[] {
  return subjects.flatMap((subject) =>
    Object.values(subject).filter((entry: unknown) => isEntry(entry)),
  );
}

function isEntry(entry: unknown): entry is Metric | MetricFamily {
  return (
    typeof entry === "object" &&
    entry !== null &&
    "help" in entry &&
    ("name" in entry || "pattern" in entry)
  );
}
