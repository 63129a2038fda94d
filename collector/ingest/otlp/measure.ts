/** What a data point says, and which series Prometheus makes of it (prometheus.io/docs/concepts/metric_types). */
import { formatNumber } from "../../../core/wire/number-format.ts";
import type { OtlpData, OtlpPoint } from "../../../core/wire/otlp.ts";
import type { WireLabel } from "../../../core/wire/write-request.ts";
import {
  addBuckets,
  explicitBuckets,
  exponentialBuckets,
  maximumExponentialBuckets,
  type ClassicBuckets,
} from "./buckets.ts";

export interface Measure {
  readonly shape: "number" | "histogram" | "summary";
  readonly count: number;
  /** Of a number its value; null where a histogram doesn't tell it. */
  readonly sum: number | null;
  /** Of a summary: quantiles and their values. */
  readonly buckets: ClassicBuckets;
}

/** One of the series that a stream is. */
export interface Part {
  readonly suffix: string;
  readonly label: WireLabel | null;
}

export type Unmeasured = "invalid" | "buckets";

/** Each point with what it says, or why it says nothing that can be taken. */
export function* measuresOf(data: OtlpData): Generator<[OtlpPoint, Measure | Unmeasured]> {
  switch (data.kind) {
    case "gauge":
    case "sum":
      for (const point of data.points) {
        const { value } = point;
        const isTold = value !== null || point.isMissing;
        yield [
          point,
          isTold ? { shape: "number", count: 0, sum: value, buckets: none } : "invalid",
        ];
      }
      return;
    case "histogram":
      for (const point of data.points)
        yield [point, point.isOversized ? "buckets" : histogram(point, explicitBuckets(point))];
      return;
    case "exponential":
      for (const point of data.points)
        yield [point, point.isOversized ? "buckets" : histogram(point, exponentialBuckets(point))];
      return;
    case "summary":
      for (const point of data.points) {
        const { count, sum, quantiles } = point;
        const bounds = quantiles.map(({ quantile }) => quantile);
        const buckets = { bounds, counts: quantiles.map(({ value }) => value) };
        yield [point, point.isOversized ? "buckets" : { shape: "summary", count, sum, buckets }];
      }
  }
}

function histogram(
  { count, sum }: { readonly count: number; readonly sum: number | null },
  buckets: ClassicBuckets | null,
): Measure | Unmeasured {
  return buckets === null ? "invalid" : { shape: "histogram", count, sum, buckets };
}

const none: ClassicBuckets = { bounds: [], counts: [] };

/** Two stretches of time as one. Where the bounds became too many, those of before are let go: a reset. */
export function addMeasures(total: Measure, delta: Measure): Measure {
  const buckets = isSame(total.buckets.bounds, delta.buckets.bounds)
    ? { bounds: delta.buckets.bounds, counts: addEach(total.buckets.counts, delta.buckets.counts) }
    : addBuckets(total.buckets, delta.buckets);
  const most = Math.max(2 * maximumExponentialBuckets, delta.buckets.bounds.length);
  if (buckets.bounds.length > most) return delta;
  const sum = total.sum === null || delta.sum === null ? null : total.sum + delta.sum;
  return { shape: delta.shape, count: total.count + delta.count, sum, buckets };
}

/** The value of each part. */
export function valuesOf({ shape, count, sum, buckets }: Measure): number[] {
  if (shape === "number") return [sum ?? 0];
  const last = sum === null ? [] : [sum];
  if (shape === "summary") return [count, ...buckets.counts, ...last];
  let below = 0;
  return [count, count, ...buckets.counts.map((one) => (below += one)), ...last];
}

export function partsOf({ shape, sum, buckets }: Measure): Part[] {
  if (shape === "number") return [{ suffix: "", label: null }];
  const count = { suffix: "_count", label: null };
  const last = sum === null ? [] : [{ suffix: "_sum", label: null }];
  const bucket = (bound: number): Part => ({
    suffix: "_bucket",
    label: { name: "le", value: formatNumber(bound) },
  });
  if (shape === "histogram")
    return [count, bucket(Infinity), ...buckets.bounds.map(bucket), ...last];
  const quantiles = buckets.bounds.map((quantile) => ({
    suffix: "",
    label: { name: "quantile", value: formatNumber(quantile) },
  }));
  return [count, ...quantiles, ...last];
}

export function isSame(one: readonly number[], other: readonly number[]): boolean {
  if (one === other) return true;
  if (one.length !== other.length) return false;
  for (let index = 0; index < one.length; index += 1) if (one[index] !== other[index]) return false;
  return true;
}

function addEach(one: readonly number[], other: readonly number[]): number[] {
  return one.map((value, index) => value + (other[index] ?? 0));
}
