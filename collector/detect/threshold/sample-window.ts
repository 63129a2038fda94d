/**
 * A gauge's samples over a window, and what Prometheus 2.42 makes of them (promql/functions.go: min_, max_ and
 * avg_over_time, predict_linear). Samples that come closer than the window can hold share an entry.
 */
/** What an entry keeps of the samples that share it: the least, the greatest, their sum, or the last. */
export type Summary = "min" | "max" | "avg" | "last";

export interface SampleWindow {
  readonly how: Summary;
  readonly lengthMilliseconds: number;
  /** Samples closer together than this would not all fit. */
  readonly spacing: number;
  times: Float64Array;
  numbers: Float64Array;
  /** Samples per entry; empty where only a sum needs them. */
  counts: Float64Array;
  /** Places of the oldest entry and behind the newest. */
  first: number;
  end: number;
  /** Of the entries from the first to before `madeTo`: their extremum, or their mean and how many samples made it. */
  made: number;
  madeCount: number;
  /** 0: to be made again. */
  madeTo: number;
}

/** An hour at 15 seconds fits whole. */
const defaultCapacity = 256;
const initialEntries = 8;
const none = new Float64Array(0);

export function createSampleWindow(
  how: Summary,
  lengthMilliseconds: number,
  capacity = defaultCapacity,
): SampleWindow {
  return {
    how,
    lengthMilliseconds,
    spacing: lengthMilliseconds / (capacity - 2),
    times: new Float64Array(initialEntries),
    numbers: new Float64Array(initialEntries),
    counts: how === "avg" ? new Float64Array(initialEntries) : none,
    first: 0,
    end: 0,
    made: Number.NaN,
    madeCount: 0,
    madeTo: 0,
  };
}

/** Adds a sample unless its time is the last one's; one that is older starts the window anew. */
export function pushSample(window: SampleWindow, time: number, value: number): void {
  if (window.first < window.end) {
    const lastTime = window.times[window.end - 1]!;
    if (time === lastTime) return;
    if (time < lastTime) empty(window);
  }
  dropBefore(window, time - window.lengthMilliseconds);
  const { first, end, times, spacing } = window;
  if (end - first >= 2 && time - times[end - 2]! < spacing) merge(window, end - 1, time, value);
  else append(window, time, value);
}

/** Of the window that ends at the given time, by its kind: NaN also where there is none, which `isEmpty` tells apart. */
export function summarize(window: SampleWindow, windowEnd: number): number {
  dropBefore(window, windowEnd - window.lengthMilliseconds);
  if (isEmpty(window)) return Number.NaN;
  return window.how === "avg" ? meanOf(window) : extremumOf(window);
}

export function isEmpty({ first, end }: SampleWindow): boolean {
  return first === end;
}

/** Where the line through the samples arrives so much later; `hasLine` is false while there are fewer than two entries. */
export function predictLine(
  window: SampleWindow,
  windowEnd: number,
  aheadMilliseconds: number,
): number {
  dropBefore(window, windowEnd - window.lengthMilliseconds);
  return hasLine(window) ? extrapolate(window, windowEnd, aheadMilliseconds) : Number.NaN;
}

export function hasLine({ first, end }: SampleWindow): boolean {
  return end - first >= 2;
}

function empty(window: SampleWindow): void {
  window.first = window.end;
  window.madeTo = 0;
}

function dropBefore(window: SampleWindow, start: number): void {
  const { end, times, numbers, how } = window;
  while (window.first < end && times[window.first]! < start) {
    // An extremum stays where another sample made it; a mean is made in steps from the first.
    if (how === "avg" || numbers[window.first] === window.made) window.madeTo = 0;
    window.first += 1;
  }
}

function append(window: SampleWindow, time: number, value: number): void {
  if (window.end === window.times.length) makeRoom(window);
  const { end, times, numbers, counts } = window;
  times[end] = time;
  numbers[end] = value;
  if (window.how === "avg") counts[end] = 1;
  window.end = end + 1;
}

/** Entries move to the front, into arrays twice as long where more than half of the room is taken. */
function makeRoom(window: SampleWindow): void {
  const { first, end, times, numbers, counts } = window;
  const size = first * 2 >= times.length ? times.length : times.length * 2;
  window.times = moved(times, first, end, size);
  window.numbers = moved(numbers, first, end, size);
  if (window.how === "avg") window.counts = moved(counts, first, end, size);
  window.end = end - first;
  window.madeTo = Math.max(0, window.madeTo - first);
  window.first = 0;
}

function moved(from: Float64Array, first: number, end: number, size: number): Float64Array {
  const to = size === from.length ? from : new Float64Array(size);
  to.set(from.subarray(first, end));
  return to;
}

function merge(window: SampleWindow, newest: number, time: number, value: number): void {
  const { times, numbers, counts, how } = window;
  times[newest] = time;
  if (how === "avg") {
    numbers[newest]! += value;
    counts[newest]! += 1;
  } else if (how === "last") numbers[newest] = value;
  else {
    numbers[newest] = further(how, numbers[newest]!, value);
    if (window.madeTo > newest) window.made = further(how, window.made, value);
  }
}

function extremumOf(window: SampleWindow): number {
  const { first, end, numbers, how } = window;
  let from = window.madeTo;
  if (from === 0) {
    window.made = numbers[first]!;
    from = first + 1;
  }
  for (let at = from; at < end; at += 1) window.made = further(how, window.made, numbers[at]!);
  window.madeTo = end;
  return window.made;
}

/** In steps, so that the mean of equal values is that value to the last digit. The newest entry may still grow. */
function meanOf(window: SampleWindow): number {
  const { first, end, numbers, counts } = window;
  let { made: mean, madeCount: count, madeTo: at } = window;
  if (at === 0) [mean, count, at] = [Number.NaN, 0, first];
  for (; at < end - 1; at += 1) {
    count += counts[at]!;
    mean = stepOf(mean, count, numbers[at]!, counts[at]!);
  }
  [window.made, window.madeCount, window.madeTo] = [mean, count, at];
  return stepOf(mean, count + counts[at]!, numbers[at]!, counts[at]!);
}

function stepOf(mean: number, count: number, sum: number, samples: number): number {
  const own = sum / samples;
  return count === samples ? own : mean + (own - mean) * (samples / count);
}

/** The lesser or the greater; NaN gives way to a number. */
function further(how: Summary, all: number, value: number): number {
  const isFurther = how === "min" ? value < all : value > all;
  return isFurther || Number.isNaN(all) ? value : all;
}

/** Least squares, with time counted in seconds from the window's end. */
function extrapolate(window: SampleWindow, windowEnd: number, ahead: number): number {
  const { first, end, times, numbers } = window;
  const oldest = numbers[first]!;
  let isFlat = true;
  let [sumX, sumY, sumXY, sumXX] = [0, 0, 0, 0];
  for (let at = first; at < end; at += 1) {
    const x = (times[at]! - windowEnd) / 1000;
    const value = numbers[at]!;
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
