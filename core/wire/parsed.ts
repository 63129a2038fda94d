/** What the exposition parser gives: the series of a target's page and the columns of their numbers. */
import type { MetricKind } from "../catalog/metric.ts";
import type { FamilyType } from "./parse-metadata.ts";
import type { SeriesLimits } from "./parse-series.ts";

export interface ParserLimits extends SeriesLimits {
  readonly bodyBytes: number;
  readonly lineBytes: number;
  /** Series of one page. */
  readonly series: number;
  /** Problems that are told by line; the others are counted. */
  readonly problems: number;
}

/** Why a line gave no sample. */
export type DropReason =
  | "malformed"
  | "duplicate"
  | "line_too_long"
  | "label_too_long"
  | "too_many_labels"
  | "too_many_series";

export interface ExpositionProblem {
  /** Counted from 1. */
  readonly line: number;
  readonly sentence: string;
}

export interface ParsedSeries {
  readonly name: string;
  /** In the order of the page; names and values side by side. */
  readonly labels: readonly string[];
  readonly labelValues: readonly string[];
  /** What the sample is by itself; a histogram's bucket is a counter. */
  readonly kind: MetricKind;
  /** The name and type that the page gives the family, `unknown` where it says nothing. */
  readonly family: string;
  readonly type: FamilyType;
  readonly help: string;
  readonly unit: string;
}

/** The columns are used again: they hold until the next page is parsed. */
export interface ParsedExposition {
  /** Rises when `series` changes; while it stays, slot i is the same series. */
  readonly layoutVersion: number;
  readonly series: readonly ParsedSeries[];
  readonly values: Float64Array;
  /** Unix milliseconds where the page gives them, NaN elsewhere. */
  readonly timestamps: Float64Array;
  /** One bit per slot, as in a frame: a series may be missing from a page and come back. */
  readonly present: Uint8Array;
  /** How many series are present. */
  readonly samples: number;
  /** The first problems, by line; `problemCount` counts all. */
  readonly problems: readonly ExpositionProblem[];
  readonly problemCount: number;
  /** The page ends in the middle of a line or, in OpenMetrics, before `# EOF`: what is missing hasn't ended. */
  readonly truncated: boolean;
}
