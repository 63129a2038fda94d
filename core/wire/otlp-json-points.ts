/** Data points of OTLP in JSON (opentelemetry-proto 1.x: metrics/v1/metrics.proto, in ProtoJSON's mapping). */
import {
  noOtlpBuckets,
  type OtlpAttributes,
  type OtlpBuckets,
  type OtlpExponentialPoint,
  type OtlpHistogramPoint,
  type OtlpLimits,
  type OtlpNumberPoint,
  type OtlpPoint,
  type OtlpSummaryPoint,
  type OtlpTally,
} from "./otlp.ts";
import {
  jsonList,
  jsonMilliseconds,
  jsonNumber,
  jsonRecord,
  toJsonNumber,
  type JsonRecord,
} from "./otlp-json-fields.ts";

export interface OtlpJsonPoints {
  number(this: void, point: JsonRecord): OtlpNumberPoint;
  histogram(this: void, point: JsonRecord): OtlpHistogramPoint;
  exponential(this: void, point: JsonRecord): OtlpExponentialPoint;
  summary(this: void, point: JsonRecord): OtlpSummaryPoint;
}

export function createOtlpJsonPoints(
  tally: OtlpTally,
  limits: OtlpLimits,
  attributesOf: (list: readonly unknown[]) => OtlpAttributes,
): OtlpJsonPoints {
  function head(point: JsonRecord): OtlpPoint {
    tally.point();
    return {
      attributes: attributesOf(jsonList(point, "attributes")),
      startMilliseconds: jsonMilliseconds(point, "startTimeUnixNano"),
      timeMilliseconds: jsonMilliseconds(point, "timeUnixNano"),
      isMissing: ((jsonNumber(point, "flags") ?? 0) & 1) === 1,
    };
  }

  /** Null where there are more than are read. */
  function numbers(record: JsonRecord, field: string): readonly number[] | null {
    const list = jsonList(record, field);
    tally.numbers(list.length);
    if (list.length > limits.buckets) return null;
    return list.map((value) => toJsonNumber(value, field));
  }

  function buckets(point: JsonRecord, side: string): OtlpBuckets | null {
    const given = point[side] ?? null;
    if (given === null) return noOtlpBuckets;
    const record = jsonRecord(given, side);
    const counts = numbers(record, "bucketCounts");
    return counts && { offset: jsonNumber(record, "offset") ?? 0, counts };
  }

  return {
    number(point) {
      const value = jsonNumber(point, "asDouble") ?? jsonNumber(point, "asInt");
      return { ...head(point), value };
    },
    histogram(point) {
      const counts = numbers(point, "bucketCounts");
      const bounds = numbers(point, "explicitBounds");
      return {
        ...head(point),
        count: jsonNumber(point, "count") ?? 0,
        sum: jsonNumber(point, "sum"),
        counts: counts ?? [],
        bounds: bounds ?? [],
        isOversized: counts === null || bounds === null,
      };
    },
    exponential(point) {
      const positive = buckets(point, "positive");
      const negative = buckets(point, "negative");
      return {
        ...head(point),
        count: jsonNumber(point, "count") ?? 0,
        sum: jsonNumber(point, "sum"),
        scale: jsonNumber(point, "scale") ?? 0,
        zeroCount: jsonNumber(point, "zeroCount") ?? 0,
        zeroThreshold: jsonNumber(point, "zeroThreshold") ?? 0,
        positive: positive ?? noOtlpBuckets,
        negative: negative ?? noOtlpBuckets,
        isOversized: positive === null || negative === null,
      };
    },
    summary(point) {
      const list = jsonList(point, "quantileValues");
      const isOversized = list.length > limits.buckets;
      const quantiles = (isOversized ? [] : list).map((entry) => {
        const record = jsonRecord(entry, "quantileValues");
        const quantile = jsonNumber(record, "quantile") ?? 0;
        return { quantile, value: jsonNumber(record, "value") ?? 0 };
      });
      return {
        ...head(point),
        count: jsonNumber(point, "count") ?? 0,
        sum: jsonNumber(point, "sum") ?? 0,
        quantiles,
        isOversized,
      };
    },
  };
}
