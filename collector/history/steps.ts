/** The steps of a range query: of each series the last sample at or before each step, if it is no older than the look-back. */
import { WarpwatchError } from "../../core/kit/errors.ts";
import { lookBackMilliseconds, type SeriesName } from "./sample.ts";

/** Unix microseconds, as whole numbers. */
export interface StepRange {
  readonly start: number;
  readonly step: number;
  readonly points: number;
}

export interface QueriedSeries {
  readonly name: SeriesName;
  /** One per step that has a value: Unix milliseconds and the value. */
  readonly points: readonly (readonly [number, number])[];
}

export interface StepLimits {
  readonly series: number;
  /** Steps of all series together: what has to be kept in memory. */
  readonly cells: number;
}

export interface Steps {
  /** For the samples of one series, in any order; of two with the same time the later call counts. */
  adder(name: SeriesName): SampleAdder;
  series(): QueriedSeries[];
}

/** Throws LIMIT_REACHED when its series is one too many. */
export type SampleAdder = (microseconds: number, value: number, ended: boolean) => void;

interface Cells {
  readonly name: SeriesName;
  /** Per step the newest sample since the step before; NaN where there is none. */
  readonly times: Float64Array;
  readonly values: Float64Array;
  readonly ended: Uint8Array;
}

export const lookBackMicroseconds = lookBackMilliseconds * 1000;

export function createSteps(range: StepRange, limits: StepLimits): Steps {
  const { start, step, points } = range;
  const last = start + (points - 1) * step;
  const known = new Map<string, Cells>();

  function cellsOf(name: SeriesName): Cells {
    const key = `${name.node}\u0000${name.labels}`;
    const found = known.get(key);
    if (found) return found;
    if (known.size >= limits.series) throw tooMuch(`over ${limits.series} series`);
    if ((known.size + 1) * points > limits.cells)
      throw tooMuch(`over ${limits.cells} points in all its series`);
    const cells = {
      name,
      times: new Float64Array(points).fill(Number.NaN),
      values: new Float64Array(points),
      ended: new Uint8Array(points),
    };
    known.set(key, cells);
    return cells;
  }

  function read({ name, times, values, ended }: Cells): QueriedSeries {
    const found: [number, number][] = [];
    let newest = -1;
    for (let index = 0; index < points; index += 1) {
      if (!Number.isNaN(times[index])) newest = index;
      if (newest < 0 || ended[newest] === 1) continue;
      const at = start + index * step;
      if (at - (times[newest] ?? 0) < lookBackMicroseconds)
        found.push([at / 1000, values[newest] ?? Number.NaN]);
    }
    return { name, points: found };
  }

  return {
    adder(name) {
      let cells: Cells | undefined;
      return (microseconds, value, isEnd) => {
        if (microseconds > last || microseconds <= start - lookBackMicroseconds) return;
        cells ??= cellsOf(name);
        const index = Math.max(0, Math.ceil((microseconds - start) / step));
        if (microseconds < (cells.times[index] ?? 0)) return;
        cells.times[index] = microseconds;
        cells.values[index] = value;
        cells.ended[index] = isEnd ? 1 : 0;
      };
    },
    series: () =>
      Array.from(known.values(), read)
        .filter((series) => series.points.length > 0)
        .sort((one, other) => compareNames(one.name, other.name)),
  };
}

export function compareNames(one: SeriesName, other: SeriesName): number {
  return (
    compare(one.metric, other.metric) ||
    compare(one.labels, other.labels) ||
    compare(one.node, other.node)
  );
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

export function tooMuch(sentence: string): WarpwatchError {
  return new WarpwatchError(
    "LIMIT_REACHED",
    `the query has ${sentence}: ask for a shorter range, a longer step or more labels`,
  );
}
