/** The catalogue: every metric we author, by subject; the only barrel. */
import type { Metric, MetricFamily } from "./metric.ts";
import * as gpu from "./gpu.ts";
import * as gpuErrors from "./gpu-errors.ts";

export { gpu, gpuErrors };

const subjects: readonly object[] = [gpu, gpuErrors];

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
