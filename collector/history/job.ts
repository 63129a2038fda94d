/** What the collector and its child process say to each other: one job as JSON in, one answer as JSON out. */
import type { Aggregate } from "./buckets.ts";
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
  /** That they should have. */
  readonly frames: number;
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
  readonly checksum: number;
}

export interface CompactAnswer {
  readonly files: readonly WrittenFile[];
  /** Frames that couldn't be read, and what is wrong with the first of them. */
  readonly damaged?: { readonly frames: number; readonly sentence: string };
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

export interface FeaturesJob {
  readonly kind: "features";
  /** History's folder: its events are counted too. */
  readonly folder: string;
  /** Full paths: of this day, and of the day before for where counters stood. */
  readonly files: readonly string[];
  /** Whether any of them has minutes instead of samples. */
  readonly hasRolledUp: boolean;
  readonly scratch: string;
  /** `2026-01-31`, in UTC. */
  readonly day: string;
  /** Rows that are written at most. */
  readonly rows: number;
  readonly memoryMebibytes: number;
}

export interface FeaturesAnswer {
  readonly file: Pick<WrittenFile, "name" | "rows" | "bytes" | "checksum">;
  /** Rows that were left out. */
  readonly dropped: number;
}

export interface FeatureQueryJob {
  readonly kind: "feature-query";
  /** Full paths, the oldest day first. */
  readonly files: readonly string[];
  readonly scratch: string;
  /** Empty: any. */
  readonly node: string;
  readonly device: string;
  readonly metric: string;
  /** Rows of the answer at most; one more tells that there are more. */
  readonly rows: number;
  readonly skip: number;
  readonly memoryMebibytes: number;
}

export interface FeatureQueryAnswer {
  readonly rows: readonly FeatureRow[];
}

/** What one device's series did on one day. */
export interface FeatureRow {
  readonly day: string;
  readonly node: string;
  /** `gpu`, `drive`, `nic` or `node`. */
  readonly kind: string;
  /** A GPU's UUID, a drive's or interface's name; empty for the node. */
  readonly device: string;
  /** A metric's name, or `event:` and the kind of event. */
  readonly metric: string;
  /** JSON with its keys in order. */
  readonly labels: string;
  /** Null for events and where no sample was a finite number. */
  readonly minimum: number | null;
  readonly maximum: number | null;
  readonly mean: number | null;
  readonly last: number | null;
  /** How many samples, or events, there were. */
  readonly samples: number;
  /** Of counters and events; what a counter grew by, whatever resets it had. */
  readonly increase: number | null;
  readonly resets: number | null;
}

export interface QueryJob {
  readonly kind: "query";
  readonly files: readonly string[];
  readonly scratch: string;
  readonly matcher: Matcher;
  readonly range: StepRange;
  /** Of anything but `last` the answer has buckets. */
  readonly aggregate: Aggregate;
  /** Whether any of the files has minutes instead of samples. */
  readonly hasRolledUp: boolean;
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
  /** Unix microseconds, at most one sample per step, its newest; with buckets the number of the step. */
  readonly times: readonly number[];
  /** null where the series ended; what JSON has no number for as `NaN`, `Infinity`, `-Infinity` or `-0`. */
  readonly values: readonly (number | string | null)[];
  /** Least, greatest, sum, how many numbers those are of, and how many samples there were, NaN among them. */
  readonly buckets?: readonly (readonly (number | string | null)[])[];
}

export type Job = CompactJob | RollUpJob | FeaturesJob | QueryJob | FeatureQueryJob;

export type Answer = CompactAnswer | FeaturesAnswer | QueryAnswer | FeatureQueryAnswer;

export type Reply = { readonly answer: Answer } | { readonly error: string };
