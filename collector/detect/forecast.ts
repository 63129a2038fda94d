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
}

/** The past of one series, at a fixed cost. */
export interface Trend {
  add(timeMilliseconds: number, value: number): void;
  /** When the series reaches the limit from the side it is on, or null when it has no significant trend towards it. */
  forecast(limit: number): Forecast | null;
}

const capacity = 48;
const suffixes = [12, 24, 48] as const;
/** 90 % two-sided. */
const intervalDeviations = 1.645;

export function createTrend(options: ForecastOptions = defaultForecastOptions): Trend {
  let span = options.spanMilliseconds;
  let times: number[] = [];
  let values: number[] = [];
  let open = { slot: Number.NaN, sum: 0, timeSum: 0, count: 0 };

  function close(): void {
    if (open.count === 0) return;
    times.push(open.timeSum / open.count);
    values.push(open.sum / open.count);
    if (times.length <= capacity) return;
    if (span * 2 * capacity > options.windowMilliseconds) {
      times.shift();
      values.shift();
      return;
    }
    times = mergePairs(times);
    values = mergePairs(values);
    span *= 2;
  }

  return {
    add(timeMilliseconds, value) {
      const slot = Math.floor(timeMilliseconds / span);
      if (slot !== open.slot) {
        close();
        open = { slot: Math.floor(timeMilliseconds / span), sum: 0, timeSum: 0, count: 0 };
      }
      open.sum += value;
      open.timeSum += timeMilliseconds;
      open.count += 1;
    },
    forecast(limit) {
      let best: Forecast | null = null;
      for (const length of suffixes) {
        if (times.length < length) break;
        const found = fit(times.slice(-length), values.slice(-length), limit);
        if (found && found.significance > Math.max(best?.significance ?? 0, options.significance))
          best = found;
      }
      return best;
    },
  };
}

/** Exported for backtests: the forecast from these points alone. `times` in Unix milliseconds, rising. */
export function fit(
  times: readonly number[],
  values: readonly number[],
  limit: number,
): Forecast | null {
  const n = times.length;
  const slopes: number[] = [];
  let kendall = 0;
  for (let later = 1; later < n; later += 1)
    for (let earlier = 0; earlier < later; earlier += 1) {
      const rise = (values[later] ?? 0) - (values[earlier] ?? 0);
      slopes.push(rise / ((times[later] ?? 0) - (times[earlier] ?? 0)));
      kendall += Math.sign(rise);
    }
  slopes.sort((a, b) => a - b);
  const slope = quantile(slopes, slopes.length / 2);
  const last = times[n - 1] ?? 0;
  const base = values
    .map((value, index) => value - slope * ((times[index] ?? 0) - last))
    .sort((a, b) => a - b);
  const now = quantile(base, n / 2);
  const residuals = values.map(
    (value, index) => value - now - slope * ((times[index] ?? 0) - last),
  );
  const deviation = Math.sqrt(((n * (n - 1) * (2 * n + 5)) / 18) * likeness(residuals));
  const significance = Math.abs(kendall) / deviation;
  const distance = limit - now;
  if (distance === 0 || Math.sign(distance) !== Math.sign(slope)) return null;
  const half = (intervalDeviations * deviation) / 2;
  const ends = [
    quantile(slopes, slopes.length / 2 - half),
    quantile(slopes, slopes.length / 2 + half),
  ].map((end) => (Math.sign(end) === Math.sign(distance) ? last + distance / end : Infinity));
  return {
    slopePerSecond: slope * 1000,
    expectedMilliseconds: last + distance / slope,
    earliestMilliseconds: Math.min(...ends),
    latestMilliseconds: Math.max(...ends),
    significance,
  };
}

/** How many times less the points tell than as many independent ones, from their correlation with their neighbours. */
function likeness(residuals: readonly number[]): number {
  let products = 0;
  let squares = 0;
  residuals.forEach((residual, index) => {
    products += residual * (residuals[index - 1] ?? 0);
    squares += residual * residual;
  });
  const correlation = squares > 0 ? Math.min(0.8, Math.max(0, products / squares)) : 0;
  return (1 + correlation) / (1 - correlation);
}

function quantile(sorted: readonly number[], position: number): number {
  const index = Math.min(sorted.length - 1, Math.max(0, position - 0.5));
  const low = sorted[Math.floor(index)] ?? 0;
  const high = sorted[Math.ceil(index)] ?? 0;
  return low + (high - low) * (index - Math.floor(index));
}

/** Means of neighbours; an odd first one stays, so that the newest pairs are whole. */
function mergePairs(column: readonly number[]): number[] {
  const merged: number[] = [];
  let index = column.length % 2;
  if (index === 1) merged.push(column[0] ?? 0);
  for (; index + 1 < column.length; index += 2)
    merged.push(((column[index] ?? 0) + (column[index + 1] ?? 0)) / 2);
  return merged;
}
