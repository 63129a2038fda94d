/** Whether what the agent told agrees with what a reference read between two of its pages; pure, so that it can be tested. */
import type { Metric } from "../../core/catalog/metric.ts";

/** One value of a reference, and the agent's before and after; NaN where one of them has none. */
export interface Reading {
  /** `nvidia-smi temperature.gpu` */
  readonly what: string;
  readonly metric: Metric;
  readonly gpu: string;
  readonly before: number;
  readonly reference: number;
  readonly after: number;
}

export interface Verdict {
  readonly what: string;
  readonly gpu: string;
  readonly rounds: number;
  /** Rounds in which the agent had no value though the reference had one. */
  readonly missing: number;
  /** Rounds in which the reference lay outside what the agent told, the tolerance included. */
  readonly outside: number;
  /** The largest distance. */
  readonly furthest: number;
  readonly meanDifference: number;
  /** Null where they agree. */
  readonly problem: string | null;
}

interface Rule {
  /** How far outside the agent's two values the reference may lie. */
  readonly tolerance: (value: number) => number;
  /** Rounds of a hundred in which it may be further: what moves between the readings. */
  readonly outsidePercent: number;
  /** How far apart the means over the run may be; undefined where they say nothing. */
  readonly meanTolerance?: (value: number) => number;
}

const oneMebibyte = 1_048_576;
const powerShare = 0.03;
const utilizationPoints = 5;
const movingPercent = 10;

const exactly: Rule = { tolerance: () => 0, outsidePercent: 0 };

/** By unit; what has none is a count, exact, or a state, which may change between two readings. */
function ruleOf({ unit, kind }: Metric): Rule {
  switch (unit) {
    case "celsius":
      return { tolerance: () => 1, outsidePercent: 0 };
    case "mebibytes":
      return { tolerance: () => 1, outsidePercent: 0 };
    case "bytes":
      return { tolerance: () => oneMebibyte, outsidePercent: 0 };
    case "watts":
      return {
        tolerance: (watts) => watts * powerShare,
        outsidePercent: movingPercent,
        meanTolerance: (watts) => watts * powerShare,
      };
    case "percent":
      return mean(utilizationPoints);
    case "ratio":
      return mean(utilizationPoints / 100);
    case "megahertz":
      return { tolerance: (megahertz) => megahertz / 100, outsidePercent: movingPercent };
    // nvidia-smi tells microseconds.
    case "nanoseconds":
      return { tolerance: () => 1000, outsidePercent: 0 };
    case "seconds":
      return { tolerance: () => 1e-6, outsidePercent: 0 };
    default:
      return kind === "counter" ? exactly : { ...exactly, outsidePercent: movingPercent };
  }
}

export function judge(readings: readonly Reading[]): Verdict[] {
  const groups = Map.groupBy(readings, ({ what, gpu }) => `${gpu} ${what}`);
  return [...groups.values()].map(judgeOne);
}

function judgeOne(readings: readonly Reading[]): Verdict {
  const [first] = readings;
  if (!first) throw new RangeError("a group has a reading");
  const rule = ruleOf(first.metric);
  const told = readings.filter(({ before, after }) => !Number.isNaN(before + after));
  const distances = told.map((reading) => distanceOf(reading, rule));
  const outside = distances.filter((distance) => distance > 0).length;
  const reference = average(told.map((reading) => reading.reference));
  const found = {
    what: first.what,
    gpu: first.gpu,
    rounds: readings.length,
    missing: readings.length - told.length,
    outside,
    furthest: Math.max(0, ...distances),
    meanDifference: average(told.map(({ before, after }) => (before + after) / 2)) - reference,
  };
  return { ...found, problem: problemOf(found, rule, reference) };
}

function problemOf(
  { rounds, missing, outside, meanDifference }: Omit<Verdict, "problem">,
  { outsidePercent, meanTolerance }: Rule,
  reference: number,
): string | null {
  if (missing > 0) return `the agent has no value in ${missing} of ${rounds} rounds`;
  if (outside * 100 > outsidePercent * rounds)
    return `${outside} of ${rounds} rounds lie outside what the agent told`;
  if (meanTolerance && Math.abs(meanDifference) > meanTolerance(reference))
    return `the means are ${meanDifference.toPrecision(3)} apart`;
  return null;
}

/** How far the reference lies outside the agent's two values and their tolerance; 0 within. */
function distanceOf({ before, after, reference }: Reading, { tolerance }: Rule): number {
  const slack = tolerance(Math.abs(reference));
  const low = Math.min(before, after) - slack;
  const high = Math.max(before, after) + slack;
  // What binary fractions can't hold is no difference.
  const distance = Math.max(low - reference, reference - high);
  return distance > Math.abs(reference) * 1e-12 ? distance : 0;
}

function mean(points: number): Rule {
  return { tolerance: () => Infinity, outsidePercent: 0, meanTolerance: () => points };
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
