/** A histogram that a source fills itself: what it observed, added up, in the slots of its parts. */
import type { Device } from "../../core/catalog/device.ts";
import { histogramParts, type LabelValues, type Metric } from "../../core/catalog/metric.ts";
import type { SlotRegistrar } from "../../core/wire/slots.ts";

export interface HistogramSeries {
  /** Counts `count` observations of one value. */
  observe(value: number, count: number): void;
  write(column: Float64Array): void;
}

/** What was counted for one set of labels; kept where its series are declared anew. */
export interface HistogramState {
  /** Per bucket and not added up; the last is what lies above every bound. */
  readonly counts: Float64Array;
  sum: number;
}

export function emptyHistogram(metric: Metric): HistogramState {
  return { counts: new Float64Array(metric.buckets.length + 1), sum: 0 };
}

/** Declares the series: a bucket per bound and one above them, sum and count. */
export function declareHistogram<Label extends string>(
  slots: SlotRegistrar,
  metric: Metric<Label>,
  labels: LabelValues<Label>,
  state: HistogramState,
  device: Device | null = null,
): HistogramSeries {
  const { bucket, sum, count } = histogramParts(metric);
  const bounds = metric.buckets;
  const bucketSlots = [...bounds.map(String), "+Inf"].map((le) =>
    slots.slot<string>(bucket, { ...labels, le }, device),
  );
  const sumSlot = slots.slot(sum, labels, device);
  const countSlot = slots.slot(count, labels, device);
  return {
    observe(value, observations) {
      let index = 0;
      while (index < bounds.length && value > (bounds[index] ?? 0)) index += 1;
      state.counts[index] = (state.counts[index] ?? 0) + observations;
      state.sum += value * observations;
    },
    write(column) {
      let total = 0;
      bucketSlots.forEach((slot, index) => {
        total += state.counts[index] ?? 0;
        column[slot] = total;
      });
      column[sumSlot] = state.sum;
      column[countSlot] = total;
    },
  };
}
