/** What history keeps of a sample, and Prometheus' staleness marker: a NaN told apart by its bits that says a series ended. */
import type { Schema } from "../../core/wire/frame.ts";

/** How far back a sample still counts as the current one: PromQL's look-back. */
export const lookBackMilliseconds = 300_000;

/** One series as queries and Parquet files know it. `labels` is JSON with its keys in order, so that equal means the same. */
export interface SeriesName {
  readonly metric: string;
  readonly labels: string;
  readonly node: string;
}

/** `microseconds`: Unix time, as whole as Parquet keeps it. `ended`: from then on there is no value. */
export type SampleVisitor = (
  slot: number,
  microseconds: number,
  value: number,
  ended: boolean,
) => void;

export const stalenessHigh = 0x7ff0_0000;
export const stalenessLow = 2;

export function writeStalenessMarker(values: Float64Array, slot: number): void {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length * 2);
  words[slot * 2] = stalenessLow;
  words[slot * 2 + 1] = stalenessHigh;
}

/** Tells the marker by the bits in the column: as a number it is any NaN. */
export function isStalenessMarker(words: Uint32Array, slot: number): boolean {
  return words[slot * 2] === stalenessLow && words[slot * 2 + 1] === stalenessHigh;
}

/** A series is known by its metric's labels and by the origin's `job` and `instance`, as in Prometheus. */
export function nameSeries({ origin, series }: Schema, slot: number): SeriesName {
  const { metric, values } = series[slot] ?? { metric: { name: "", labels: [] }, values: [] };
  const labels: Record<string, string> = { instance: origin.instance, job: origin.job };
  metric.labels.forEach((name, index) => {
    const value = values[index] ?? "";
    if (value !== "") labels[name] = value;
  });
  const ordered = Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1));
  return {
    metric: metric.name,
    labels: JSON.stringify(Object.fromEntries(ordered)),
    node: origin.node,
  };
}
