/**
 * A counter's samples over a window, and `rate` and `increase` over them as Prometheus 2.42 computes both
 * (promql/functions.go, extrapolatedRate): resets accounted for, extrapolated to the window's ends where samples come close.
 */
import { windowCapacity } from "./time-ring.ts";

export interface CounterWindow {
  /** Adds a sample unless its time is the last one's; one that is older starts the window anew. */
  push(timeMilliseconds: number, value: number): void;
  /** NaN while there are fewer than two samples in the window that ends at the given time. */
  increase(endMilliseconds: number): number;
  /** The same by the second of the window's length. */
  rate(endMilliseconds: number): number;
}

const initialCapacity = 16;

export function createCounterWindow(
  lengthMilliseconds: number,
  /** A sample took its neighbour's place because the window holds a bounded number. */
  onMerged: () => void = () => {},
  capacity = windowCapacity,
): CounterWindow {
  /** Samples closer together than this would not all fit. */
  const spacing = lengthMilliseconds / (capacity - 2);
  let times = new Float64Array(initialCapacity);
  let raw = new Float64Array(initialCapacity);
  /** What the counter had where it began anew at this sample: apart, so that the digits are Prometheus'. */
  let lost = new Float64Array(initialCapacity);
  let resets = 0;
  let first = 0;
  let count = 0;

  const at = (index: number): number => (first + index) % times.length;

  function grow(): void {
    const larger = Math.min(times.length * 2, capacity);
    const widen = (from: Float64Array): Float64Array<ArrayBuffer> => {
      const to = new Float64Array(larger);
      for (let index = 0; index < count; index++) to[index] = from[at(index)] ?? 0;
      return to;
    };
    [times, raw, lost] = [widen(times), widen(raw), widen(lost)];
    first = 0;
  }

  function dropBefore(start: number): void {
    while (count > 0 && (times[first] ?? 0) < start) {
      if (lost[first] !== 0) resets -= 1;
      first = (first + 1) % times.length;
      count -= 1;
    }
  }

  return {
    push(time, value) {
      if (Number.isNaN(value)) return;
      let had = 0;
      if (count > 0) {
        const last = at(count - 1);
        const lastTime = times[last] ?? 0;
        if (time === lastTime) return;
        if (time < lastTime) count = resets = 0;
        else if (value < (raw[last] ?? 0)) had = raw[last] ?? 0;
      }
      dropBefore(time - lengthMilliseconds);
      if (count >= 2 && time - (times[at(count - 2)] ?? 0) < spacing) {
        onMerged();
        count -= 1;
        const merged = lost[at(count)] ?? 0;
        if (merged !== 0) resets -= 1;
        had += merged;
      } else if (count === times.length) {
        if (times.length < capacity) grow();
        else dropBefore((times[first] ?? 0) + 1);
      }
      const slot = at(count);
      times[slot] = time;
      raw[slot] = value;
      lost[slot] = had;
      if (had !== 0) resets += 1;
      count += 1;
    },
    increase: (end) => increaseOver(end, 1),
    rate: (end) => increaseOver(end, lengthMilliseconds / 1000),
  };

  function increaseOver(end: number, perSeconds: number): number {
    const start = end - lengthMilliseconds;
    dropBefore(start);
    if (count < 2) return Number.NaN;
    const last = at(count - 1);
    let total = (raw[last] ?? 0) - (raw[first] ?? 0);
    if (resets > 0) for (let index = 1; index < count; index++) total += lost[at(index)] ?? 0;
    const span = { count, first: times[first] ?? 0, last: times[last] ?? 0, start, end };
    return total * (stretchBy(paceOf(span), total, raw[first] ?? 0) / perSeconds);
  }
}

/** Times in milliseconds: the samples' and the window's. */
export interface Span {
  readonly count: number;
  readonly first: number;
  readonly last: number;
  readonly start: number;
  readonly end: number;
}

/** What the samples' times make of a window, whatever was counted; in seconds. */
export interface Pace {
  readonly covered: number;
  readonly beforeFirst: number;
  /** What is added where an end is further away than `near`. */
  readonly near: number;
  readonly half: number;
  readonly atLast: number;
  /** By how much is stretched what doesn't come near zero. */
  readonly usual: number;
}

export function paceOf(span: Span): Pace {
  const covered = (span.last - span.first) / 1000;
  const afterLast = (span.end - span.last) / 1000;
  const beforeFirst = (span.first - span.start) / 1000;
  const spacing = covered / (span.count - 1);
  const near = spacing * 1.1;
  const half = spacing / 2;
  const atLast = afterLast < near ? afterLast : half;
  const usual = (covered + (beforeFirst < near ? beforeFirst : half) + atLast) / covered;
  return { covered, beforeFirst, near, half, atLast, usual };
}

/** By how much what was counted is stretched to the window's ends; in Prometheus' order, since the last digits decide where a value lies just on a threshold. */
export function stretchBy(pace: Pace, total: number, firstValue: number): number {
  const { covered, beforeFirst, near, half, atLast, usual } = pace;
  // A counter can't have been below zero: the line through its samples isn't drawn further back than that.
  if (!(total > 0) || !(firstValue >= 0)) return usual;
  // Far from it, as most are, no division is needed to see that.
  if (firstValue * covered > total * beforeFirst * 1.000001) return usual;
  const toZero = Math.min(beforeFirst, covered * (firstValue / total));
  return (covered + (toZero < near ? toZero : half) + atLast) / covered;
}
