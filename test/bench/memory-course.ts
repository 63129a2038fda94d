/** A process's memory over time: samples from /proc, and the straight line through them. */
import { memoryOf, proportionalBytes } from "./process-cost.ts";

export interface MemorySample {
  /** Since the first sample was asked for. */
  readonly minutes: number;
  readonly residentMebibytes: number;
  /** Shared with no file: what a leak would grow. */
  readonly anonymousMebibytes: number;
  /** Falls while other programs use the same files. */
  readonly proportionalMebibytes: number;
}

export interface MemoryCourse {
  readonly last: MemorySample;
  /** MiB a minute, once warm; by least squares. */
  readonly residentSlope: number;
  readonly anonymousSlope: number;
}

/** Left out of the slopes: the heap grows to its working size first. */
const warmUpShare = 0.3;

export function sampleMemory(pid: number, begun: number): MemorySample {
  const { residentBytes, anonymousBytes } = memoryOf(pid);
  return {
    minutes: (performance.now() - begun) / 60_000,
    residentMebibytes: residentBytes / 1024 ** 2,
    anonymousMebibytes: anonymousBytes / 1024 ** 2,
    proportionalMebibytes: proportionalBytes(pid) / 1024 ** 2,
  };
}

export function courseOf(samples: readonly MemorySample[]): MemoryCourse {
  const last = samples.at(-1);
  if (!last) throw new RangeError("there is no course without samples");
  const settled = samples.slice(Math.floor(samples.length * warmUpShare));
  return {
    last,
    residentSlope: slope(settled, (sample) => sample.residentMebibytes),
    anonymousSlope: slope(settled, (sample) => sample.anonymousMebibytes),
  };
}

function slope(samples: readonly MemorySample[], read: (sample: MemorySample) => number): number {
  const mean = (of: (sample: MemorySample) => number): number =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  const middle = mean(({ minutes }) => minutes);
  const level = mean(read);
  const covariance = mean((sample) => (read(sample) - level) * (sample.minutes - middle));
  return covariance / mean(({ minutes }) => (minutes - middle) ** 2);
}
