/**
 * A gauge's samples over a window, and what Prometheus 2.42 makes of them (promql/functions.go: min_, max_ and
 * avg_over_time, predict_linear). Samples that come closer than the window can hold share an entry.
 */
export interface SampleWindow {
  /** Adds a sample unless its time is the last one's; one that is older starts the window anew. */
  push(timeMilliseconds: number, value: number): void;
  min(endMilliseconds: number): number | undefined;
  max(endMilliseconds: number): number | undefined;
  avg(endMilliseconds: number): number | undefined;
  /** Undefined while there are fewer than two entries in the window. */
  predict(endMilliseconds: number, aheadMilliseconds: number): number | undefined;
}

interface Entry {
  timeMilliseconds: number;
  least: number;
  greatest: number;
  sum: number;
  count: number;
  last: number;
}

/** An hour at 15 seconds fits whole. */
const defaultCapacity = 256;

export function createSampleWindow(
  lengthMilliseconds: number,
  capacity = defaultCapacity,
): SampleWindow {
  const spacing = lengthMilliseconds / (capacity - 2);
  /** The oldest first. */
  let entries: Entry[] = [];

  function dropBefore(start: number): void {
    const kept = entries.findIndex((entry) => entry.timeMilliseconds >= start);
    if (kept !== 0) entries = kept < 0 ? [] : entries.slice(kept);
  }

  function summarize(
    end: number,
    combine: (all: number, entry: Entry) => number,
    first: (entry: Entry) => number,
  ): number | undefined {
    dropBefore(end - lengthMilliseconds);
    const [oldest, ...others] = entries;
    return oldest && others.reduce(combine, first(oldest));
  }

  return {
    push(time, value) {
      const last = entries.at(-1);
      if (last && time === last.timeMilliseconds) return;
      if (last && time < last.timeMilliseconds) entries = [];
      dropBefore(time - lengthMilliseconds);
      const before = entries.at(-2);
      const newest = entries.at(-1);
      if (before && newest && time - before.timeMilliseconds < spacing) {
        newest.timeMilliseconds = time;
        newest.least = lesser(newest.least, value);
        newest.greatest = greater(newest.greatest, value);
        newest.sum += value;
        newest.count += 1;
        newest.last = value;
        return;
      }
      const entry = { least: value, greatest: value, sum: value, count: 1, last: value };
      entries.push({ ...entry, timeMilliseconds: time });
    },
    min: (end) =>
      summarize(
        end,
        (all, { least }) => lesser(all, least),
        ({ least }) => least,
      ),
    max: (end) =>
      summarize(
        end,
        (all, { greatest }) => greater(all, greatest),
        ({ greatest }) => greatest,
      ),
    avg(end) {
      dropBefore(end - lengthMilliseconds);
      let [mean, count] = [Number.NaN, 0];
      for (const entry of entries) {
        count += entry.count;
        // In steps, so that the mean of equal values is that value to the last digit.
        const own = entry.sum / entry.count;
        mean = count === entry.count ? own : mean + (own - mean) * (entry.count / count);
      }
      return count === 0 ? undefined : mean;
    },
    predict(end, ahead) {
      dropBefore(end - lengthMilliseconds);
      return entries.length < 2 ? undefined : extrapolate(entries, end, ahead);
    },
  };
}

/** NaN gives way to a number. */
function lesser(all: number, value: number): number {
  return value < all || Number.isNaN(all) ? value : all;
}

function greater(all: number, value: number): number {
  return value > all || Number.isNaN(all) ? value : all;
}

/** Least squares, with time counted in seconds from the window's end. */
function extrapolate(entries: readonly Entry[], end: number, ahead: number): number {
  const [{ last: first } = { last: Number.NaN }] = entries;
  if (entries.every(({ last }) => last === first))
    return Number.isFinite(first) ? first : Number.NaN;
  let [sumX, sumY, sumXY, sumXX] = [0, 0, 0, 0];
  for (const { timeMilliseconds, last } of entries) {
    const x = (timeMilliseconds - end) / 1000;
    sumX += x;
    sumY += last;
    sumXY += x * last;
    sumXX += x * x;
  }
  const count = entries.length;
  const slope = (sumXY - (sumX * sumY) / count) / (sumXX - (sumX * sumX) / count);
  return sumY / count - (slope * sumX) / count + (slope * ahead) / 1000;
}
