/** The buckets of a range query with an aggregate: of each series what all samples since the step before come to. */
import type { StoredSeries } from "./job.ts";
import type { SeriesName } from "./sample.ts";
import {
  compareNames,
  lookBackMicroseconds,
  tooMuch,
  type QueriedSeries,
  type SampleAdder,
  type StepLimits,
  type StepRange,
} from "./steps.ts";

export const aggregates = ["last", "min", "max", "mean", "count"] as const;
/** `last` is the sample at or before the step; the others are of the samples since the step before. */
export type Aggregate = (typeof aggregates)[number];

/** How far before a step its samples may be, in microseconds. */
export function reachOf(aggregate: Aggregate, step: number): number {
  return aggregate === "last" ? lookBackMicroseconds : step;
}

export interface Buckets {
  adder(name: SeriesName): SampleAdder;
  /** What a child process made of Parquet files, a bucket at a time. */
  addStored(metric: string, stored: StoredSeries): void;
  series(): QueriedSeries[];
}

/** Numbers per bucket: least, greatest, sum, and how many samples those are of; then how many there were, NaN among them. */
const minimum = 0;
const maximum = 1;
const sum = 2;
const numbers = 3;
const samples = 4;
const fields = 5;

export function createBuckets(
  range: StepRange,
  aggregate: Exclude<Aggregate, "last">,
  limits: StepLimits,
): Buckets {
  const { start, step, points } = range;
  const known = new Map<string, { readonly name: SeriesName; readonly cells: Float64Array }>();

  function cellsOf(name: SeriesName): Float64Array {
    const key = `${name.node}\u0000${name.labels}`;
    const found = known.get(key);
    if (found) return found.cells;
    if (known.size >= limits.series) throw tooMuch(`over ${limits.series} series`);
    if ((known.size + 1) * points > limits.cells)
      throw tooMuch(`over ${limits.cells} points in all its series`);
    const cells = new Float64Array(points * fields);
    known.set(key, { name, cells });
    return cells;
  }

  function add(cells: Float64Array, index: number, of: Bucket): void {
    const at = index * fields;
    if (of.numbers > 0) {
      const isFirst = cells[at + numbers] === 0;
      cells[at + minimum] = isFirst ? of.minimum : Math.min(cells[at + minimum] ?? 0, of.minimum);
      cells[at + maximum] = isFirst ? of.maximum : Math.max(cells[at + maximum] ?? 0, of.maximum);
      cells[at + sum] = (cells[at + sum] ?? 0) + of.sum;
      cells[at + numbers] = (cells[at + numbers] ?? 0) + of.numbers;
    }
    cells[at + samples] = (cells[at + samples] ?? 0) + of.samples;
  }

  function valueOf(cells: Float64Array, at: number): number {
    if (aggregate === "count") return cells[at + samples] ?? 0;
    if (cells[at + numbers] === 0) return Number.NaN;
    if (aggregate === "mean") return (cells[at + sum] ?? 0) / (cells[at + numbers] ?? 1);
    return cells[at + (aggregate === "min" ? minimum : maximum)] ?? Number.NaN;
  }

  return {
    adder(name) {
      let cells: Float64Array | undefined;
      return (microseconds, value, isEnd) => {
        const index = Math.ceil((microseconds - start) / step);
        if (isEnd || index < 0 || index >= points) return;
        cells ??= cellsOf(name);
        const count = Number.isNaN(value) ? 0 : 1;
        add(cells, index, {
          minimum: value,
          maximum: value,
          sum: value,
          numbers: count,
          samples: 1,
        });
      };
    },
    addStored(metric, { labels, node, times, buckets }) {
      const cells = cellsOf({ metric, labels, node });
      times.forEach((index, row) => {
        const [least, greatest, total, count, all] = buckets?.[row] ?? [];
        add(cells, index, {
          minimum: Number(least),
          maximum: Number(greatest),
          sum: Number(total),
          numbers: Number(count),
          samples: Number(all),
        });
      });
    },
    series: () =>
      Array.from(known.values(), ({ name, cells }) => {
        const found: [number, number][] = [];
        for (let index = 0; index < points; index += 1)
          if ((cells[index * fields + samples] ?? 0) > 0)
            found.push([(start + index * step) / 1000, valueOf(cells, index * fields)]);
        return { name, points: found };
      })
        .filter((series) => series.points.length > 0)
        .sort((one, other) => compareNames(one.name, other.name)),
  };
}

interface Bucket {
  readonly minimum: number;
  readonly maximum: number;
  readonly sum: number;
  readonly numbers: number;
  readonly samples: number;
}
