/** Slots: how a source says which series it has; the numbers it is given back are where it writes their samples. */
import type { Device } from "../catalog/device.ts";
import type { LabelValues, Metric } from "../catalog/metric.ts";
import type { Series } from "./frame.ts";

export interface SlotRegistrar {
  /**
   * Registers one series and returns its index in the source's column.
   * A series that is there already, or past the bound, is counted as refused and given an index beyond the column:
   * a typed array ignores writes to it.
   */
  slot<Label extends string>(
    metric: Metric<Label>,
    labels: LabelValues<Label>,
    device?: Device | null,
  ): number;
}

export interface SeriesList extends SlotRegistrar {
  readonly series: Series[];
  /** Series that did not fit the bound or were there already. */
  readonly refused: number;
}

/** Collects what one source registers, at most `maximumSeries`. */
export function createSeriesList(maximumSeries: number): SeriesList {
  const series: Series[] = [];
  const seen = new Set<string>();
  let refused = 0;
  return {
    series,
    get refused() {
      return refused;
    },
    slot(metric, labels, device = null) {
      const values = metric.labels.map((name) => labels[name]);
      const key = `${metric.name}\u0000${values.join("\u0000")}`;
      if (seen.has(key) || series.length >= maximumSeries) {
        refused += 1;
        return maximumSeries;
      }
      seen.add(key);
      series.push({ metric, values, device });
      return series.length - 1;
    },
  };
}
