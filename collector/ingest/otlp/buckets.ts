/**
 * Histograms as Prometheus' classic buckets. Exponential ones (opentelemetry.io/docs/specs/otel/metrics/data-model) get the
 * bounds of a fixed grid, four to each doubling, or a coarser one that is part of it: so bounds stay the same from point to point.
 */
import type {
  OtlpBuckets,
  OtlpExponentialPoint,
  OtlpHistogramPoint,
} from "../../../core/wire/otlp.ts";

export interface ClassicBuckets {
  /** Upper bounds, ascending, all finite. */
  readonly bounds: readonly number[];
  /** How many lie between each bound and the one before. What is above the last is the total's rest. */
  readonly counts: readonly number[];
}

/** A resolution of 19 %. */
const finestScale = 2;
const coarsestScale = -10;
const senderScale = 20;
export const maximumExponentialBuckets = 80;

/** Null where bounds and counts don't fit each other. */
export function explicitBuckets({ bounds, counts }: OtlpHistogramPoint): ClassicBuckets | null {
  if (counts.length === 0) return { bounds: [], counts: [] };
  if (counts.length !== bounds.length + 1) return null;
  const isAscending = bounds.every(
    (bound, index) => Number.isFinite(bound) && (index === 0 || bound > bounds[index - 1]!),
  );
  return isAscending ? { bounds, counts: counts.slice(0, -1) } : null;
}

/** Null for a scale that the specification doesn't know. */
export function exponentialBuckets(point: OtlpExponentialPoint): ClassicBuckets | null {
  const { scale, positive, negative, zeroThreshold } = point;
  if (!(scale >= coarsestScale && scale <= senderScale)) return null;
  const sides = [trim(negative), trim(positive)];
  let grid = Math.min(scale, finestScale);
  while (
    grid > coarsestScale &&
    sides.reduce((sum, side) => sum + widthAt(side, scale, grid), 0) > maximumExponentialBuckets
  )
    grid -= 1;
  const found = new Map<number, number>();
  const add = (bound: number, count: number): void => {
    if (Number.isFinite(bound)) found.set(bound, (found.get(bound) ?? 0) + count);
  };
  const [below, above] = sides.map((side) => merge(side, scale, grid));
  // The bound of a bucket below zero that is nearer to it; the farther edge of the last has nothing below.
  for (const [index, count] of below ?? []) add(-edgeAt(index, grid), count);
  if (below?.size) add(-edgeAt(Math.max(...below.keys()) + 1, grid), 0);
  if (point.zeroCount > 0 || below?.size) add(Math.max(0, zeroThreshold), point.zeroCount);
  if (above?.size) add(edgeAt(Math.min(...above.keys()), grid), 0);
  for (const [index, count] of above ?? []) add(edgeAt(index + 1, grid), count);
  const sorted = [...found].toSorted(([one], [other]) => one - other);
  return { bounds: sorted.map(([bound]) => bound), counts: sorted.map(([, count]) => count) };
}

/** Counts are added where the bound is the same; a bound that one of them lacks takes its place. */
export function addBuckets(one: ClassicBuckets, other: ClassicBuckets): ClassicBuckets {
  const bounds: number[] = [];
  const counts: number[] = [];
  for (let left = 0, right = 0; left < one.bounds.length || right < other.bounds.length;) {
    const here = one.bounds[left] ?? Infinity;
    const there = other.bounds[right] ?? Infinity;
    bounds.push(Math.min(here, there));
    counts.push(
      (here <= there ? one.counts[left]! : 0) + (there <= here ? other.counts[right]! : 0),
    );
    if (here <= there) left += 1;
    if (there <= here) right += 1;
  }
  return { bounds, counts };
}

/** Without the empty buckets at both ends. */
function trim({ offset, counts }: OtlpBuckets): OtlpBuckets {
  const first = counts.findIndex((count) => count > 0);
  if (first < 0) return { offset: 0, counts: [] };
  const last = counts.findLastIndex((count) => count > 0);
  return { offset: offset + first, counts: counts.slice(first, last + 1) };
}

function widthAt({ offset, counts }: OtlpBuckets, scale: number, grid: number): number {
  if (counts.length === 0) return 0;
  const step = 2 ** (scale - grid);
  return Math.floor((offset + counts.length - 1) / step) - Math.floor(offset / step) + 1;
}

/** Counts by the grid's index, empty ones between others too. */
function merge({ offset, counts }: OtlpBuckets, scale: number, grid: number): Map<number, number> {
  const merged = new Map<number, number>();
  const step = 2 ** (scale - grid);
  counts.forEach((count, at) => {
    const index = Math.floor((offset + at) / step);
    merged.set(index, (merged.get(index) ?? 0) + count);
  });
  return merged;
}

/** The lower edge of the bucket with this index. */
function edgeAt(index: number, grid: number): number {
  return 2 ** (index * 2 ** -grid);
}
