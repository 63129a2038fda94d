/**
 * Data points as Protocol Buffers (opentelemetry-proto 1.x: metrics/v1/metrics.proto).
 *
 *     Number      = start = 2 time = 3 ( double = 4 | int = 6 ) { attribute = 7 } flags = 8
 *     Histogram   = start = 2 time = 3 count = 4 sum = 5 { bucket = 6 } { bound = 7 } { attribute = 9 } flags = 10
 *     Exponential = { attribute = 1 } start = 2 time = 3 count = 4 sum = 5 scale = 6 zero_count = 7
 *                   positive = 8 negative = 9 flags = 10 zero_threshold = 14
 *     Buckets     = offset = 1 { bucket = 2 }
 *     Summary     = start = 2 time = 3 count = 4 sum = 5 { value_at_quantile = 6 } { attribute = 7 } flags = 8
 *
 * Times and counts of buckets are eight bytes each, but those of exponential ones are varints.
 */
import { createAttributesReader, type AttributesReader } from "./otlp-protobuf-attributes.ts";
import {
  noOtlpBuckets,
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
  eachField,
  fieldEnd,
  readWireVarint,
  wireMalformed,
  type WireCursor,
} from "./wire-cursor.ts";

/** Each reads from the cursor to `end`. */
export interface PointReader {
  number(this: void, end: number): OtlpNumberPoint;
  histogram(this: void, end: number): OtlpHistogramPoint;
  exponential(this: void, end: number): OtlpExponentialPoint;
  summary(this: void, end: number): OtlpSummaryPoint;
}

const noRecordedValue = 1;
const startTag = 0x11;
const timeTag = 0x19;
const countTag = 0x21;
const sumTag = 0x29;

export function createPointReader(
  cursor: WireCursor,
  tally: OtlpTally,
  limits: OtlpLimits,
): PointReader {
  const attributes = createAttributesReader(cursor, limits);
  const head = createHead(cursor, attributes);
  const listOf = (isOversized: { value: boolean }) =>
    createNumberList(cursor, tally, limits, isOversized);

  function number(end: number): OtlpNumberPoint {
    let value: number | null = null;
    eachField(cursor, end, (tag, start) => {
      if (tag === 0x21) value = readDouble(cursor, end);
      else if (tag === 0x31) value = readInteger(cursor, end, true);
      else return head.take(tag, start, end, 0x3a, 0x40);
      return true;
    });
    return { ...head.finish(), value };
  }

  function histogram(end: number): OtlpHistogramPoint {
    const isOversized = { value: false };
    const counts = listOf(isOversized);
    const bounds = listOf(isOversized);
    const totals: { count: number; sum: number | null } = { count: 0, sum: null };
    eachField(cursor, end, (tag, start) => {
      if (tag === countTag) totals.count = readInteger(cursor, end, false);
      else if (tag === sumTag) totals.sum = readDouble(cursor, end);
      else if (tag === 0x32 || tag === 0x31) counts.take(tag, end, readCount);
      else if (tag === 0x3a || tag === 0x39) bounds.take(tag, end, readDouble);
      else return head.take(tag, start, end, 0x4a, 0x50);
      return true;
    });
    const lists = { counts: counts.values, bounds: bounds.values };
    return { ...head.finish(), ...totals, ...lists, isOversized: isOversized.value };
  }

  function exponential(end: number): OtlpExponentialPoint {
    const isOversized = { value: false };
    const read = { count: 0, sum: null as number | null, scale: 0, zeroCount: 0, zeroThreshold: 0 };
    const sides = { positive: noOtlpBuckets, negative: noOtlpBuckets };
    eachField(cursor, end, (tag, start) => {
      if (tag === countTag) read.count = readInteger(cursor, end, false);
      else if (tag === sumTag) read.sum = readDouble(cursor, end);
      else if (tag === 0x30) read.scale = readZigzag(cursor, end);
      else if (tag === 0x39) read.zeroCount = readInteger(cursor, end, false);
      else if (tag === 0x71) read.zeroThreshold = readDouble(cursor, end);
      else if (tag === 0x42) sides.positive = buckets(fieldEnd(cursor, end), isOversized);
      else if (tag === 0x4a) sides.negative = buckets(fieldEnd(cursor, end), isOversized);
      else return head.take(tag, start, end, 0x0a, 0x50);
      return true;
    });
    return { ...head.finish(), ...read, ...sides, isOversized: isOversized.value };
  }

  function buckets(end: number, isOversized: { value: boolean }): OtlpBuckets {
    const counts = listOf(isOversized);
    let offset = 0;
    eachField(cursor, end, (tag) => {
      if (tag === 0x08) offset = readZigzag(cursor, end);
      else if (tag === 0x12 || tag === 0x10) counts.take(tag, end, readWireVarint);
      else return false;
      return true;
    });
    return { offset, counts: counts.values };
  }

  function summary(end: number): OtlpSummaryPoint {
    const quantiles: { quantile: number; value: number }[] = [];
    const read = { count: 0, sum: 0, isOversized: false };
    eachField(cursor, end, (tag, start) => {
      if (tag === countTag) read.count = readInteger(cursor, end, false);
      else if (tag === sumTag) read.sum = readDouble(cursor, end);
      else if (tag === 0x32) {
        const stop = fieldEnd(cursor, end);
        read.isOversized ||= quantiles.length >= limits.buckets;
        if (read.isOversized) cursor.at = stop;
        else quantiles.push(readQuantile(cursor, stop));
      } else return head.take(tag, start, end, 0x3a, 0x40);
      return true;
    });
    return { ...head.finish(), ...read, quantiles };
  }

  return { number, histogram, exponential, summary };
}

/** What all kinds of points have; their attributes and flags are under other numbers in each. */
function createHead(cursor: WireCursor, attributes: AttributesReader) {
  let startMilliseconds = 0;
  let timeMilliseconds = 0;
  let flags = 0;
  return {
    take(tag: number, start: number, end: number, attributeTag: number, flagsTag: number): boolean {
      if (tag === attributeTag) return attributes.take(start, end);
      if (tag === timeTag) timeMilliseconds = readMilliseconds(cursor, end);
      else if (tag === startTag) startMilliseconds = readMilliseconds(cursor, end);
      else if (tag === flagsTag) flags = readWireVarint(cursor, end);
      else return false;
      return true;
    },
    /** The head that was read; the next begins anew. */
    finish(): OtlpPoint {
      const isMissing = flags % 2 === noRecordedValue;
      const head = {
        attributes: attributes.finish(),
        startMilliseconds,
        timeMilliseconds,
        isMissing,
      };
      startMilliseconds = 0;
      timeMilliseconds = 0;
      flags = 0;
      return head;
    },
  };
}

type ReadNumber = (cursor: WireCursor, end: number) => number;

/** A repeated number, packed or not. Beyond the limit the point is marked and nothing is kept. */
function createNumberList(
  cursor: WireCursor,
  tally: OtlpTally,
  limits: OtlpLimits,
  isOversized: { value: boolean },
) {
  const values: number[] = [];
  function add(value: number): void {
    tally.numbers(1);
    if (values.length >= limits.buckets) isOversized.value = true;
    else values.push(value);
  }
  return {
    values,
    take(tag: number, end: number, read: ReadNumber): void {
      const isPacked = tag % 8 === 2;
      const stop = isPacked ? fieldEnd(cursor, end) : end;
      if (!isPacked) add(read(cursor, end));
      else while (cursor.at < stop) add(read(cursor, stop));
    },
  };
}

function readQuantile(cursor: WireCursor, end: number): { quantile: number; value: number } {
  const read = { quantile: 0, value: 0 };
  eachField(cursor, end, (tag) => {
    if (tag === 0x09) read.quantile = readDouble(cursor, end);
    else if (tag === 0x11) read.value = readDouble(cursor, end);
    else return false;
    return true;
  });
  return read;
}

function readZigzag(cursor: WireCursor, end: number): number {
  const value = readWireVarint(cursor, end);
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

function readDouble(cursor: WireCursor, end: number): number {
  return cursor.source.readDoubleLE(advance(cursor, end));
}

function readCount(cursor: WireCursor, end: number): number {
  return readInteger(cursor, end, false);
}

/** Beyond 2^53 rounded. */
function readInteger(cursor: WireCursor, end: number, isSigned: boolean): number {
  const { source } = cursor;
  const at = advance(cursor, end);
  const high = isSigned ? source.readInt32LE(at + 4) : source.readUInt32LE(at + 4);
  return high * 2 ** 32 + source.readUInt32LE(at);
}

/** Of nanoseconds, which are more than a float64 holds: 2^32 of them are 4294 ms and 967,296 ns. */
function readMilliseconds(cursor: WireCursor, end: number): number {
  const { source } = cursor;
  const at = advance(cursor, end);
  const high = source.readUInt32LE(at + 4);
  return high * 4294 + Math.floor((high * 967_296 + source.readUInt32LE(at)) / 1_000_000);
}

function advance(cursor: WireCursor, end: number): number {
  if (cursor.at + 8 > end) throw wireMalformed("it ends within a number");
  cursor.at += 8;
  return cursor.at - 8;
}
