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

/** An entry's numbers, side by side. */
const width = 6;
const timeAt = 0;
const leastAt = 1;
const greatestAt = 2;
const sumAt = 3;
const countAt = 4;
const lastAt = 5;

/** An hour at 15 seconds fits whole. */
const defaultCapacity = 256;
const initialEntries = 8;

export function createSampleWindow(
  lengthMilliseconds: number,
  capacity = defaultCapacity,
): SampleWindow {
  const spacing = lengthMilliseconds / (capacity - 2);
  let entries = new Float64Array(initialEntries * width);
  /** Where the oldest and the place behind the newest are in `entries`. */
  let first = 0;
  let end = 0;
  /** Of all entries, while nothing that made them was dropped; undefined: to be found again. */
  let least: number | undefined;
  let greatest: number | undefined;

  function dropBefore(start: number): void {
    while (first < end && entries[first + timeAt]! < start) {
      if (entries[first + leastAt] === least) least = undefined;
      if (entries[first + greatestAt] === greatest) greatest = undefined;
      first += width;
    }
  }

  function makeRoom(): void {
    if (end < entries.length) return;
    const isHalfEmpty = first * 2 >= entries.length;
    const target = isHalfEmpty ? entries : new Float64Array(entries.length * 2);
    target.set(entries.subarray(first, end));
    end -= first;
    first = 0;
    entries = target;
  }

  function append(time: number, value: number): void {
    makeRoom();
    entries[end + timeAt] = time;
    entries[end + leastAt] = value;
    entries[end + greatestAt] = value;
    entries[end + sumAt] = value;
    entries[end + countAt] = 1;
    entries[end + lastAt] = value;
    end += width;
  }

  function merge(time: number, value: number): void {
    const newest = end - width;
    entries[newest + timeAt] = time;
    entries[newest + leastAt] = lesser(entries[newest + leastAt]!, value);
    entries[newest + greatestAt] = greater(entries[newest + greatestAt]!, value);
    entries[newest + sumAt]! += value;
    entries[newest + countAt]! += 1;
    entries[newest + lastAt] = value;
  }

  return {
    push(time, value) {
      if (first < end) {
        const lastTime = entries[end - width + timeAt]!;
        if (time === lastTime) return;
        if (time < lastTime) first = end;
      }
      dropBefore(time - lengthMilliseconds);
      if (first === end) [least, greatest] = [undefined, undefined];
      const merges =
        end - first >= 2 * width && time - entries[end - 2 * width + timeAt]! < spacing;
      if (merges) merge(time, value);
      else append(time, value);
      if (least !== undefined) least = lesser(least, value);
      if (greatest !== undefined) greatest = greater(greatest, value);
    },
    min(windowEnd) {
      dropBefore(windowEnd - lengthMilliseconds);
      if (first === end) return undefined;
      return (least ??= fold(entries, first + leastAt, end, lesser));
    },
    max(windowEnd) {
      dropBefore(windowEnd - lengthMilliseconds);
      if (first === end) return undefined;
      return (greatest ??= fold(entries, first + greatestAt, end, greater));
    },
    avg(windowEnd) {
      dropBefore(windowEnd - lengthMilliseconds);
      let [mean, count] = [Number.NaN, 0];
      for (let at = first; at < end; at += width) {
        const samples = entries[at + countAt]!;
        count += samples;
        // In steps, so that the mean of equal values is that value to the last digit.
        const own = entries[at + sumAt]! / samples;
        mean = count === samples ? own : mean + (own - mean) * (samples / count);
      }
      return count === 0 ? undefined : mean;
    },
    predict(windowEnd, ahead) {
      dropBefore(windowEnd - lengthMilliseconds);
      if (end - first < 2 * width) return undefined;
      return extrapolate(entries.subarray(first, end), windowEnd, ahead);
    },
  };
}

function fold(
  entries: Float64Array,
  from: number,
  end: number,
  combine: (all: number, value: number) => number,
): number {
  let all = entries[from]!;
  for (let at = from + width; at < end; at += width) all = combine(all, entries[at]!);
  return all;
}

/** NaN gives way to a number. */
function lesser(all: number, value: number): number {
  return value < all || Number.isNaN(all) ? value : all;
}

function greater(all: number, value: number): number {
  return value > all || Number.isNaN(all) ? value : all;
}

/** Least squares, with time counted in seconds from the window's end. */
function extrapolate(entries: Float64Array, end: number, ahead: number): number {
  const first = entries[lastAt]!;
  let isFlat = true;
  let [sumX, sumY, sumXY, sumXX] = [0, 0, 0, 0];
  for (let at = 0; at < entries.length; at += width) {
    const x = (entries[at + timeAt]! - end) / 1000;
    const last = entries[at + lastAt]!;
    isFlat &&= last === first;
    sumX += x;
    sumY += last;
    sumXY += x * last;
    sumXX += x * x;
  }
  if (isFlat) return Number.isFinite(first) ? first : Number.NaN;
  const count = entries.length / width;
  const slope = (sumXY - (sumX * sumY) / count) / (sumXX - (sumX * sumX) / count);
  return sumY / count - (slope * sumX) / count + (slope * ahead) / 1000;
}
