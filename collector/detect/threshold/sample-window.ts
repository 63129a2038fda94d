/**
 * A gauge's samples over a window, and what Prometheus 2.42 makes of them (promql/functions.go: min_, max_ and
 * avg_over_time, predict_linear). Samples that come closer than the window can hold share an entry.
 */
export interface SampleWindow {
  readonly lengthMilliseconds: number;
  /** Samples closer together than this would not all fit. */
  readonly spacing: number;
  entries: Entries;
  /** Places of the oldest entry and behind the newest. */
  first: number;
  end: number;
  /** Of all entries, while nothing that made them was dropped; undefined: to be found again. */
  least: number | undefined;
  greatest: number | undefined;
}

/** A column for each number of an entry: whoever goes through all entries needs one or two of them. */
interface Entries {
  readonly size: number;
  readonly times: Float64Array;
  readonly least: Float64Array;
  readonly greatest: Float64Array;
  readonly sums: Float64Array;
  readonly counts: Float64Array;
  readonly last: Float64Array;
}

/** An hour at 15 seconds fits whole. */
const defaultCapacity = 256;
const initialEntries = 8;

export function createSampleWindow(
  lengthMilliseconds: number,
  capacity = defaultCapacity,
): SampleWindow {
  return {
    lengthMilliseconds,
    spacing: lengthMilliseconds / (capacity - 2),
    entries: makeEntries(initialEntries),
    first: 0,
    end: 0,
    least: undefined,
    greatest: undefined,
  };
}

/** Adds a sample unless its time is the last one's; one that is older starts the window anew. */
export function pushSample(window: SampleWindow, time: number, value: number): void {
  if (window.first < window.end) {
    const lastTime = window.entries.times[window.end - 1]!;
    if (time === lastTime) return;
    if (time < lastTime) window.first = window.end;
  }
  dropBefore(window, time - window.lengthMilliseconds);
  const { entries, first, end, spacing } = window;
  if (first === end) [window.least, window.greatest] = [undefined, undefined];
  const merges = end - first >= 2 && time - entries.times[end - 2]! < spacing;
  if (merges) merge(entries, end - 1, time, value);
  else append(window, time, value);
  if (window.least !== undefined) window.least = lesser(window.least, value);
  if (window.greatest !== undefined) window.greatest = greater(window.greatest, value);
}

/** The least sample of the window that ends at the given time. */
export function leastOf(window: SampleWindow, windowEnd: number): number | undefined {
  dropBefore(window, windowEnd - window.lengthMilliseconds);
  const { entries, first, end } = window;
  if (first === end) return undefined;
  return (window.least ??= fold(entries.least, first, end, lesser));
}

export function greatestOf(window: SampleWindow, windowEnd: number): number | undefined {
  dropBefore(window, windowEnd - window.lengthMilliseconds);
  const { entries, first, end } = window;
  if (first === end) return undefined;
  return (window.greatest ??= fold(entries.greatest, first, end, greater));
}

export function meanOf(window: SampleWindow, windowEnd: number): number | undefined {
  dropBefore(window, windowEnd - window.lengthMilliseconds);
  const { entries, first, end } = window;
  const { sums, counts } = entries;
  let [mean, count] = [Number.NaN, 0];
  for (let at = first; at < end; at += 1) {
    const samples = counts[at]!;
    count += samples;
    // In steps, so that the mean of equal values is that value to the last digit.
    const own = sums[at]! / samples;
    mean = count === samples ? own : mean + (own - mean) * (samples / count);
  }
  return count === 0 ? undefined : mean;
}

/** Where the line through the samples arrives so much later; undefined while there are fewer than two entries. */
export function predictLine(
  window: SampleWindow,
  windowEnd: number,
  aheadMilliseconds: number,
): number | undefined {
  dropBefore(window, windowEnd - window.lengthMilliseconds);
  const { first, end } = window;
  if (end - first < 2) return undefined;
  return extrapolate(window, windowEnd, aheadMilliseconds);
}

function dropBefore(window: SampleWindow, start: number): void {
  const { entries, end } = window;
  while (window.first < end && entries.times[window.first]! < start) {
    if (entries.least[window.first] === window.least) window.least = undefined;
    if (entries.greatest[window.first] === window.greatest) window.greatest = undefined;
    window.first += 1;
  }
}

function append(window: SampleWindow, time: number, value: number): void {
  if (window.end === window.entries.size) makeRoom(window);
  const { entries, end } = window;
  entries.times[end] = time;
  entries.least[end] = value;
  entries.greatest[end] = value;
  entries.sums[end] = value;
  entries.counts[end] = 1;
  entries.last[end] = value;
  window.end += 1;
}

function makeRoom(window: SampleWindow): void {
  const { entries, first, end } = window;
  const isHalfEmpty = first * 2 >= entries.size;
  const target = isHalfEmpty ? entries : makeEntries(entries.size * 2);
  for (const column of columns) target[column].set(entries[column].subarray(first, end));
  window.entries = target;
  window.end -= first;
  window.first = 0;
}

const columns = ["times", "least", "greatest", "sums", "counts", "last"] as const;

function makeEntries(size: number): Entries {
  const make = (): Float64Array => new Float64Array(size);
  return {
    size,
    times: make(),
    least: make(),
    greatest: make(),
    sums: make(),
    counts: make(),
    last: make(),
  };
}

function merge(entries: Entries, newest: number, time: number, value: number): void {
  entries.times[newest] = time;
  entries.least[newest] = lesser(entries.least[newest]!, value);
  entries.greatest[newest] = greater(entries.greatest[newest]!, value);
  entries.sums[newest]! += value;
  entries.counts[newest]! += 1;
  entries.last[newest] = value;
}

function fold(
  column: Float64Array,
  first: number,
  end: number,
  combine: (all: number, value: number) => number,
): number {
  let all = column[first]!;
  for (let at = first + 1; at < end; at += 1) all = combine(all, column[at]!);
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
function extrapolate(window: SampleWindow, windowEnd: number, ahead: number): number {
  const { first, end } = window;
  const { times, last } = window.entries;
  const oldest = last[first]!;
  let isFlat = true;
  let [sumX, sumY, sumXY, sumXX] = [0, 0, 0, 0];
  for (let at = first; at < end; at += 1) {
    const x = (times[at]! - windowEnd) / 1000;
    const value = last[at]!;
    isFlat &&= value === oldest;
    sumX += x;
    sumY += value;
    sumXY += x * value;
    sumXX += x * x;
  }
  if (isFlat) return Number.isFinite(oldest) ? oldest : Number.NaN;
  const count = end - first;
  const slope = (sumXY - (sumX * sumY) / count) / (sumXX - (sumX * sumX) / count);
  return sumY / count - (slope * sumX) / count + (slope * ahead) / 1000;
}
