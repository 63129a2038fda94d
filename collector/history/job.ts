/** What the collector and its child process say to each other: one job as JSON in, one answer as JSON out. */
import type { Matcher } from "./matcher.ts";
import type { StepRange } from "./steps.ts";

export interface CompactJob {
  readonly kind: "compact";
  /** History's folder. */
  readonly folder: string;
  /** Where the files are written before they get their place; on the same file system. */
  readonly scratch: string;
  readonly chains: readonly number[];
  /** Samples of these chains at most: the room that is set aside. */
  readonly samples: number;
  /** Unix milliseconds: what is older has expired already. */
  readonly notBefore: number;
  readonly memoryMebibytes: number;
}

export interface WrittenFile {
  readonly name: string;
  /** `2026-01-31`, in UTC. */
  readonly day: string;
  /** Unix milliseconds. */
  readonly firstTime: number;
  readonly lastTime: number;
  readonly rows: number;
  readonly bytes: number;
}

export interface CompactAnswer {
  readonly files: readonly WrittenFile[];
}

export interface RollUpJob {
  readonly kind: "roll-up";
  /** Full paths; all of one day. */
  readonly files: readonly string[];
  readonly scratch: string;
  /** `2026-01-31`, in UTC. */
  readonly day: string;
  /** One row per series in each stretch of so many milliseconds. */
  readonly resolutionMilliseconds: number;
  readonly memoryMebibytes: number;
}

export interface QueryJob {
  readonly kind: "query";
  readonly files: readonly string[];
  readonly scratch: string;
  readonly matcher: Matcher;
  readonly range: StepRange;
  /** Rows of the answer at most, and one more to tell that there would be more. */
  readonly rows: number;
  readonly memoryMebibytes: number;
}

export interface QueryAnswer {
  readonly series: readonly StoredSeries[];
}

export interface StoredSeries {
  readonly labels: string;
  readonly node: string;
  /** Unix microseconds; at most one sample per step, its newest. */
  readonly times: readonly number[];
  /** null where the series ended; what JSON has no number for as `NaN`, `Infinity`, `-Infinity` or `-0`. */
  readonly values: readonly (number | string | null)[];
}

export type Job = CompactJob | RollUpJob | QueryJob;

export type Reply = { readonly answer: CompactAnswer | QueryAnswer } | { readonly error: string };
