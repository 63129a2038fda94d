/** A request with OTLP metrics as both encodings mean it (opentelemetry-proto 1.x: metrics/v1/metrics.proto), read whole. */
import { WarpwatchError } from "../kit/errors.ts";

export interface OtlpAttribute {
  readonly name: string;
  /** As text, whatever its type. */
  readonly value: string;
}

export interface OtlpAttributes {
  /** The same for what is written alike: by it a stream is found again without its attributes being read. */
  readonly key: string;
  /** Null when there are too many, or they are too long or nested too deep. */
  read(): readonly OtlpAttribute[] | null;
}

export interface OtlpPoint {
  readonly attributes: OtlpAttributes;
  /** Unix milliseconds; 0: not told. */
  readonly startMilliseconds: number;
  readonly timeMilliseconds: number;
  /** The sender has no value for this time: the series ends here. */
  readonly isMissing: boolean;
}

export interface OtlpNumberPoint extends OtlpPoint {
  /** Null: the point has none. */
  readonly value: number | null;
}

export interface OtlpHistogramPoint extends OtlpPoint {
  readonly count: number;
  readonly sum: number | null;
  readonly bounds: readonly number[];
  /** One more than bounds, or none at all. */
  readonly counts: readonly number[];
  /** It had more of either than is read. */
  readonly isOversized: boolean;
}

/** Bucket `index` holds what lies above base^index and up to base^(index + 1), where base is 2^(2^-scale). */
export interface OtlpBuckets {
  readonly offset: number;
  readonly counts: readonly number[];
}

export interface OtlpExponentialPoint extends OtlpPoint {
  readonly count: number;
  readonly sum: number | null;
  readonly scale: number;
  readonly zeroCount: number;
  readonly zeroThreshold: number;
  readonly positive: OtlpBuckets;
  readonly negative: OtlpBuckets;
  readonly isOversized: boolean;
}

export interface OtlpSummaryPoint extends OtlpPoint {
  readonly count: number;
  readonly sum: number;
  readonly quantiles: readonly { readonly quantile: number; readonly value: number }[];
  readonly isOversized: boolean;
}

export type OtlpTemporality = "unspecified" | "delta" | "cumulative";

export type OtlpData =
  | { readonly kind: "gauge"; readonly points: readonly OtlpNumberPoint[] }
  | {
      readonly kind: "sum";
      readonly temporality: OtlpTemporality;
      readonly isMonotonic: boolean;
      readonly points: readonly OtlpNumberPoint[];
    }
  | {
      readonly kind: "histogram";
      readonly temporality: OtlpTemporality;
      readonly points: readonly OtlpHistogramPoint[];
    }
  | {
      readonly kind: "exponential";
      readonly temporality: OtlpTemporality;
      readonly points: readonly OtlpExponentialPoint[];
    }
  | { readonly kind: "summary"; readonly points: readonly OtlpSummaryPoint[] };

export interface OtlpMetric {
  readonly name: string;
  readonly description: string;
  readonly unit: string;
  readonly data: OtlpData;
}

export interface OtlpResource {
  readonly attributes: OtlpAttributes;
  /** Of all its scopes. */
  readonly metrics: readonly OtlpMetric[];
}

export interface OtlpLimits {
  /** Points, metrics and resources of one request, each. */
  readonly points: number;
  /** Numbers in all its buckets. */
  readonly numbers: number;
  /** Buckets or quantiles of one point. */
  readonly buckets: number;
  readonly attributes: number;
  readonly nameBytes: number;
  /** Of all attributes of one point together. */
  readonly attributeBytes: number;
  readonly depth: number;
}

export const defaultOtlpLimits: OtlpLimits = {
  points: 50_000,
  numbers: 1_000_000,
  buckets: 1000,
  attributes: 128,
  nameBytes: 1024,
  attributeBytes: 65_536,
  depth: 8,
};

/** Work that may rest at each step, so that other requests get their turn. */
export type OtlpSteps<Result> = Generator<undefined, Result>;

/** A step takes well below a millisecond. */
export const pointsPerStep = 256;

export const noOtlpAttributes: OtlpAttributes = { key: "", read: () => [] };
export const noOtlpBuckets: OtlpBuckets = { offset: 0, counts: [] };

const temporalities: readonly OtlpTemporality[] = ["unspecified", "delta", "cumulative"];

export function temporalityOf(value: number): OtlpTemporality {
  return temporalities[value] ?? "unspecified";
}

/** Counts what a request holds, so that a small one that unpacks to many objects is refused on the way. */
export interface OtlpTally {
  entry(): void;
  point(): void;
  numbers(count: number): void;
}

export function createOtlpTally(limits: OtlpLimits): OtlpTally {
  const counted = { entries: 0, points: 0, numbers: 0 };
  const add = (kind: keyof typeof counted, count: number, maximum: number, what: string): void => {
    counted[kind] += count;
    if (counted[kind] > maximum)
      throw new WarpwatchError(
        "MESSAGE_TOO_LARGE",
        `the request holds more than ${maximum} ${what}`,
      );
  };
  return {
    entry: () => add("entries", 1, limits.points, "metrics and resources"),
    point: () => add("points", 1, limits.points, "data points"),
    numbers: (count) => add("numbers", count, limits.numbers, "numbers in buckets"),
  };
}
