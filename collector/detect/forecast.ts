/**
 * Time to a limit: the Theil–Sen slope of a series' recent past with Sen's interval (Sen 1968), and the dates at which
 * the middle and both ends of the interval reach the limit. The interval is widened for samples that resemble their
 * neighbours (Hamed and Rao 1998), since a smooth series holds fewer facts than points.
 *
 * A series is kept as at most 48 mean values over equal spans. When they are full, pairs are merged and the span doubles
 * up to the window, so that a forecast can start within a minute and still see hours. The recent 12, 24 and 48 points
 * are tried and the most significant trend of the three is taken: a change of pace shows in the short one first.
 */

export interface ForecastOptions {
  /** The first span; doubles when the points are full. */
  readonly spanMilliseconds: number;
  /** The longest past that is looked at. */
  readonly windowMilliseconds: number;
  /** Below this many standard deviations of Kendall's S a slope is taken for chance. */
  readonly significance: number;
}

const defaultForecastOptions: ForecastOptions = {
  spanMilliseconds: 5000,
  windowMilliseconds: 6 * 3_600_000,
  significance: 4,
};

export interface Forecast {
  /** Unit of the series per second: middle and ends of the 90 % interval. */
  readonly slopePerSecond: number;
  /** Unix milliseconds at which the limit is reached; Infinity where an end of the interval never does. */
  readonly expectedMilliseconds: number;
  readonly earliestMilliseconds: number;
  readonly latestMilliseconds: number;
  /** Standard deviations by which the trend stands out from chance. */
  readonly significance: number;
  /** The past that it looked at. */
  readonly pastMilliseconds: number;
  /** The slope of the newer half as a ratio of the whole's: well below 1 for a series that settles. */
  readonly pace: number;
  /** How many points the past was. */
  readonly points: number;
}

/** The past of one series, at a fixed cost. */
export interface Trend {
  /** True when a point was completed, and a forecast may say something new. */
  add(timeMilliseconds: number, value: number): boolean;
  /** When the series reaches the limit from the side it is on, or null when it has no significant trend towards it. */
  forecast(limit: number): Forecast | null;
  /** Unit of the series per second over this many of the newest points. */
  slopePerSecond(points: number): number;
}

const capacity = 48;
const suffixes = [12, 24, 48] as const;
/** 90 % two-sided. */
const intervalDeviations = 1.645;

const spanField = 0;
const count = 1;
const openSlot = 2;
const openSum = 3;
const openTimeSum = 4;
const openCount = 5;
const firstTime = 6;
const firstValue = firstTime + capacity + 1;
/** Numbers that a trend keeps. */
export const trendCells = firstValue + capacity + 1;

/** A trend over the given cells, which hold all it knows: zeros are a new one. */
export function createTrend(
  options: ForecastOptions = defaultForecastOptions,
  cells: Float64Array = new Float64Array(trendCells),
): Trend {
  const times = cells.subarray(firstTime, firstValue);
  const values = cells.subarray(firstValue, trendCells);
  // What a damaged file gave is no past, and would make merging go on for ever.
  if (!((cells[count] ?? 0) >= 0 && (cells[count] ?? 0) <= capacity)) cells.fill(0);
  if (cells[spanField] === 0) cells[spanField] = options.spanMilliseconds;

  function close(): void {
    const points = cells[count] ?? 0;
    const samples = cells[openCount] ?? 0;
    times[points] = (cells[openTimeSum] ?? 0) / samples;
    values[points] = (cells[openSum] ?? 0) / samples;
    cells[count] = points + 1;
    if (points + 1 <= capacity) return;
    const span = cells[spanField] ?? 0;
    if (span * 2 * capacity > options.windowMilliseconds) {
      times.copyWithin(0, 1);
      values.copyWithin(0, 1);
      cells[count] = capacity;
      return;
    }
    mergePairs(times, points + 1);
    cells[count] = mergePairs(values, points + 1);
    cells[spanField] = span * 2;
  }

  return {
    add(timeMilliseconds, value) {
      const completed =
        (cells[openCount] ?? 0) > 0 &&
        Math.floor(timeMilliseconds / (cells[spanField] ?? 1)) !== cells[openSlot];
      if (completed) {
        close();
        cells.fill(0, openSum, openCount + 1);
      }
      cells[openSlot] = Math.floor(timeMilliseconds / (cells[spanField] ?? 1));
      cells[openSum] = (cells[openSum] ?? 0) + value;
      cells[openTimeSum] = (cells[openTimeSum] ?? 0) + timeMilliseconds;
      cells[openCount] = (cells[openCount] ?? 0) + 1;
      return completed;
    },
    forecast(limit) {
      const points = cells[count] ?? 0;
      let best: Forecast | null = null;
      for (const length of suffixes) {
        if (points < length) break;
        const found = fit(
          times.subarray(points - length, points),
          values.subarray(points - length, points),
          limit,
          options.significance,
        );
        if (found && found.significance > Math.max(best?.significance ?? 0, options.significance))
          best = found;
      }
      return best;
    },
    slopePerSecond(points) {
      const end = cells[count] ?? 0;
      const first = Math.max(0, end - points);
      return 1000 * slopeOf(times.subarray(0, end), values.subarray(0, end), first);
    },
  };
}

/** Exported for backtests: the forecast from these points alone. `times` in Unix milliseconds, rising. */
export function fit(
  times: ArrayLike<number>,
  values: ArrayLike<number>,
  limit: number,
  leastSignificance = 0,
): Forecast | null {
  const n = times.length;
  const { slopes, kendall } = slopesBetween(times, values, 0);
  const independent = Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18);
  if (Math.abs(kendall) / independent < leastSignificance) return null;
  slopes.sort();
  const slope = quantile(slopes, slopes.length / 2);
  const last = times[n - 1] ?? 0;
  const along = (steepness: number): Float64Array =>
    Float64Array.from(values, (value, at) => value - steepness * ((times[at] ?? 0) - last));
  const base = along(slope);
  const now = quantile(base.toSorted(), n / 2);
  const residuals = base.map((value) => value - now);
  const rise = slope * (last - (times[0] ?? 0));
  const alike = likeness(residuals);
  const significance =
    Math.abs(kendall) / (independent * Math.sqrt(1 + (alike - 1) * noiseShare(residuals, rise)));
  const distance = limit - now;
  if (distance === 0 || Math.sign(distance) !== Math.sign(slope)) return null;
  const half = (intervalDeviations * independent * Math.sqrt(alike)) / 2;
  // A steeper line through the same points is further along now: it turns about their middle.
  const ends = [slopes.length / 2 - half, slopes.length / 2 + half].map((position) => {
    const end = quantile(slopes, position);
    const away = limit - quantile(along(end).sort(), n / 2);
    return Math.sign(end) === Math.sign(away) ? last + away / end : Infinity;
  });
  return {
    slopePerSecond: slope * 1000,
    expectedMilliseconds: last + distance / slope,
    earliestMilliseconds: Math.min(...ends),
    latestMilliseconds: Math.max(...ends),
    significance,
    pastMilliseconds: last - (times[0] ?? 0),
    pace: slopeOf(times, values, n >> 1) / slope,
    points: n,
  };
}

/** Theil–Sen: the median of the slopes between all pairs from this point on. */
function slopeOf(times: ArrayLike<number>, values: ArrayLike<number>, first: number): number {
  const { slopes } = slopesBetween(times, values, first);
  return quantile(slopes.sort(), slopes.length / 2);
}

/** The slopes between all pairs, and Kendall's S: rising pairs less falling ones. */
function slopesBetween(times: ArrayLike<number>, values: ArrayLike<number>, first: number) {
  const n = times.length - first;
  const slopes = new Float64Array((n * (n - 1)) / 2);
  let kendall = 0;
  let pair = 0;
  for (let later = first + 1; later < times.length; later += 1)
    for (let earlier = first; earlier < later; earlier += 1) {
      const rise = (values[later] ?? 0) - (values[earlier] ?? 0);
      slopes[pair] = rise / ((times[later] ?? 0) - (times[earlier] ?? 0));
      kendall += Math.sign(rise);
      pair += 1;
    }
  return { slopes, kendall };
}

/** How many times less the points tell than as many independent ones, from their correlation with their neighbours. */
function likeness(residuals: Float64Array): number {
  let products = 0;
  residuals.forEach((residual, index) => {
    products += residual * (residuals[index - 1] ?? 0);
  });
  const squares = squaresOf(residuals);
  const correlation = squares > 0 ? Math.min(0.8, Math.max(0, products / squares)) : 0;
  return (1 + correlation) / (1 - correlation);
}

/** What wanders must be large enough beside the whole rise to pass for a trend: a bend in a steep line isn't. */
function noiseShare(residuals: Float64Array, rise: number): number {
  const meanSquare = squaresOf(residuals) / residuals.length;
  return Math.min(1, (16 * meanSquare) / (rise * rise || Number.MIN_VALUE));
}

function squaresOf(residuals: Float64Array): number {
  return residuals.reduce((sum, residual) => sum + residual * residual, 0);
}

function quantile(sorted: ArrayLike<number>, position: number): number {
  const index = Math.min(sorted.length - 1, Math.max(0, position - 0.5));
  const low = sorted[Math.floor(index)] ?? 0;
  const high = sorted[Math.ceil(index)] ?? 0;
  return low + (high - low) * (index - Math.floor(index));
}

/** Means of neighbours in place; an odd first one stays, so that the newest pairs are whole. Returns how many are left. */
function mergePairs(column: Float64Array, points: number): number {
  const odd = points % 2;
  for (let pair = 0; odd + 2 * pair + 1 < points; pair += 1) {
    const at = odd + 2 * pair;
    column[odd + pair] = ((column[at] ?? 0) + (column[at + 1] ?? 0)) / 2;
  }
  return odd + (points - odd) / 2;
}
