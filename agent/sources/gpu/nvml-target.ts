/** Where one value of a GPU goes: a metric, its labels beside those that name the GPU, and how the value is put into its unit. */
import type { DcgmLabel } from "../../../core/catalog/gpu-labels.ts";
import type { Metric } from "../../../core/catalog/metric.ts";

export interface Target {
  readonly metric: Metric;
  readonly extraLabels: Readonly<Record<string, string>>;
  /** NaN where the value means that there is none. */
  readonly convert: (value: number) => number;
  /** The slot is the sum of all values that go there; NaN unless every one of them is there. */
  readonly adds?: boolean;
}

/** Labels beyond those that name the GPU. */
type ExtraLabels<Label extends string> = Readonly<Record<Exclude<Label, DcgmLabel>, string>>;

export function target<Label extends string>(
  metric: Metric<Label>,
  ...[extraLabels, factor = 1]: [Exclude<Label, DcgmLabel>] extends [never]
    ? [extraLabels?: ExtraLabels<Label>, factor?: number]
    : [extraLabels: ExtraLabels<Label>, factor?: number]
): Target {
  return { metric, extraLabels: extraLabels ?? {}, convert: scaledBy(factor) };
}

/** 1 while the value is this number: one of a set of states. */
export function constant(number: number): (value: number) => number {
  return (value) => (value === number ? 1 : 0);
}

/** Divides where that is exact and a product isn't: 0.001 × 650123 is not 650.123. */
function scaledBy(factor: number): (value: number) => number {
  if (factor === 1) return (value) => value;
  const divisor = Math.round(1 / factor);
  return factor < 1 && Math.abs(divisor * factor - 1) < 1e-9
    ? (value) => value / divisor
    : (value) => value * factor;
}
