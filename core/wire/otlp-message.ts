/**
 * The bytes of one OTLP request (opentelemetry-proto 1.x: metrics/v1/metrics.proto; otlp-protobuf.ts has the grammar). Lengths
 * stand before what they are of, so that all of them are known before the first byte is written.
 */
import { writeVarint } from "./bytes.ts";
import { varintBytes, type OtlpInstrument, type PlannedMetric } from "./otlp-plan.ts";

export interface ChosenMetric {
  readonly metric: PlannedMetric;
  readonly points: readonly ChosenPoint[];
}

export interface ChosenPoint {
  /** Where its attributes are. */
  readonly start: number;
  readonly end: number;
  /** Unix milliseconds. */
  readonly since: number;
  readonly time: number;
  /** A histogram's is its count. */
  readonly value: number;
  readonly histogram: ChosenHistogram | null;
}

export interface ChosenHistogram {
  readonly bounds: readonly number[];
  /** Of each bucket by itself; the last is what is above all bounds. */
  readonly counts: readonly number[];
  readonly sum: number | null;
}

const dataTags: Readonly<Record<OtlpInstrument, number>> = {
  gauge: 0x2a,
  counter: 0x3a,
  updowncounter: 0x3a,
  histogram: 0x4a,
};
/** Temporality and monotonicity as fields: cumulative all of them. */
const dataEnds: Readonly<Record<OtlpInstrument, Buffer>> = {
  gauge: Buffer.alloc(0),
  counter: Buffer.of(0x10, 2, 0x18, 1),
  updowncounter: Buffer.of(0x10, 2),
  histogram: Buffer.of(0x10, 2),
};
const fixedBytes = 9;

interface Target {
  readonly bytes: Buffer;
  at: number;
  /** The time that was written last, as nanoseconds. */
  milliseconds: number;
  readonly nanoseconds: Buffer;
}

export function writeOtlpRequest(
  resource: Buffer,
  scope: Buffer,
  attributes: Buffer,
  metrics: readonly ChosenMetric[],
): Buffer {
  const sizes = metrics.map(sizesOf);
  const scopeBytes =
    fieldBytes(scope.length) + sizes.reduce((sum, { metric }) => sum + fieldBytes(metric), 0);
  const resourceBytes = fieldBytes(resource.length) + fieldBytes(scopeBytes);
  const target: Target = {
    bytes: Buffer.allocUnsafe(fieldBytes(resourceBytes)),
    at: 0,
    milliseconds: Number.NaN,
    nanoseconds: Buffer.alloc(8),
  };
  writeHead(target, 0x0a, resourceBytes);
  writeBytes(target, 0x0a, resource);
  writeHead(target, 0x12, scopeBytes);
  writeBytes(target, 0x0a, scope);
  metrics.forEach(({ metric, points }, index) => {
    const size = sizes[index]!;
    writeHead(target, 0x12, size.metric);
    copy(target, metric.head);
    writeHead(target, dataTags[metric.instrument], size.data);
    points.forEach((point, at) => {
      writeHead(target, 0x0a, size.points[at]!);
      if (point.histogram) writeHistogram(target, point, point.histogram);
      else writeNumber(target, point, metric.instrument !== "gauge");
      target.at += attributes.copy(target.bytes, target.at, point.start, point.end);
    });
    copy(target, dataEnds[metric.instrument]);
  });
  return target.bytes;
}

interface Sizes {
  readonly metric: number;
  readonly data: number;
  readonly points: readonly number[];
}

function sizesOf({ metric, points }: ChosenMetric): Sizes {
  const sizes = points.map(({ start, end, histogram }) => {
    if (histogram) return histogramBytes(histogram) + end - start;
    return fixedBytes * (metric.instrument === "gauge" ? 2 : 3) + end - start;
  });
  const data = sizes.reduce((sum, size) => sum + fieldBytes(size), 0);
  const whole = data + dataEnds[metric.instrument].length;
  return { metric: metric.head.length + fieldBytes(whole), data: whole, points: sizes };
}

function histogramBytes({ bounds, counts, sum }: ChosenHistogram): number {
  const fixed = fixedBytes * (sum === null ? 3 : 4);
  return fixed + fieldBytes(counts.length * 8) + fieldBytes(bounds.length * 8);
}

function writeNumber(target: Target, { since, time, value }: ChosenPoint, hasStart: boolean): void {
  if (hasStart) writeTime(target, 0x11, since);
  writeTime(target, 0x19, time);
  writeDouble(target, 0x21, value);
}

function writeHistogram(
  target: Target,
  { since, time, value }: ChosenPoint,
  { bounds, counts, sum }: ChosenHistogram,
): void {
  writeTime(target, 0x11, since);
  writeTime(target, 0x19, time);
  target.bytes[target.at] = 0x21;
  target.at = writeWhole(target.bytes, target.at + 1, value);
  if (sum !== null) writeDouble(target, 0x29, sum);
  writeHead(target, 0x32, counts.length * 8);
  for (const count of counts) target.at = writeWhole(target.bytes, target.at, count);
  writeHead(target, 0x3a, bounds.length * 8);
  for (const bound of bounds) target.at = target.bytes.writeDoubleLE(bound, target.at);
}

function writeTime(target: Target, tag: number, milliseconds: number): void {
  const whole = Math.floor(milliseconds);
  if (whole !== target.milliseconds) {
    target.milliseconds = whole;
    target.nanoseconds.writeBigUInt64LE(BigInt(whole) * 1_000_000n);
  }
  target.bytes[target.at] = tag;
  target.at += 1 + target.nanoseconds.copy(target.bytes, target.at + 1);
}

function writeDouble(target: Target, tag: number, value: number): void {
  target.bytes[target.at] = tag;
  target.at = target.bytes.writeDoubleLE(value, target.at + 1);
}

/** A whole number of eight bytes. */
function writeWhole(bytes: Buffer, at: number, value: number): number {
  const whole = Number.isFinite(value) ? Math.max(0, Math.round(value)) : 0;
  bytes.writeUInt32LE(whole % 2 ** 32, at);
  return bytes.writeUInt32LE(Math.floor(whole / 2 ** 32), at + 4);
}

function writeBytes(target: Target, tag: number, bytes: Buffer): void {
  writeHead(target, tag, bytes.length);
  copy(target, bytes);
}

function writeHead(target: Target, tag: number, length: number): void {
  target.bytes[target.at] = tag;
  target.at = writeVarint(target.bytes, target.at + 1, length);
}

function copy(target: Target, bytes: Buffer): void {
  target.at += bytes.copy(target.bytes, target.at);
}

/** A field of so many bytes with its tag and length. */
function fieldBytes(length: number): number {
  return 1 + varintBytes(length) + length;
}
