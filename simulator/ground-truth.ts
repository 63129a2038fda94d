/** The ground truth: what was truly wrong, where, from when to when; what detectors are scored against. */
import type { FaultKind } from "./fault-kinds.ts";

export interface GroundTruthLabel {
  /** Unix milliseconds of the fleet's own clock. */
  readonly startMilliseconds: number;
  /** Null while it lasts. */
  readonly endMilliseconds: number | null;
  readonly node: string;
  /** UUID; empty for a fault of the whole node. */
  readonly gpu: string;
  /** A kind of the script, or an uncorrected memory error that came by itself. */
  readonly kind: FaultKind | "uncorrected_error";
  readonly severity: number;
}

const columns = ["start", "end", "node", "gpu", "kind", "severity"] as const;

/** Times in Unix seconds; an open end is empty. No value holds a comma or a quote. */
export function groundTruthCsv(labels: readonly GroundTruthLabel[]): string {
  const rows = labels.map((label) => {
    const row = plain(label);
    return columns.map((column) => String(row[column] ?? "")).join(",");
  });
  return `${[columns.join(","), ...rows].join("\n")}\n`;
}

/** One JSON object a line; an open end is null. */
export function groundTruthJsonLines(labels: readonly GroundTruthLabel[]): string {
  return labels.map((label) => `${JSON.stringify(plain(label))}\n`).join("");
}

function plain(label: GroundTruthLabel): Record<(typeof columns)[number], string | number | null> {
  return {
    start: label.startMilliseconds / 1000,
    end: label.endMilliseconds === null ? null : label.endMilliseconds / 1000,
    node: label.node,
    gpu: label.gpu,
    kind: label.kind,
    severity: label.severity,
  };
}
