/**
 * Reads OTLP metrics as Protocol Buffers (opentelemetry-proto 1.x: collector/metrics/v1, metrics/v1, resource/v1).
 *
 *     Request         = { resource_metrics = 1 }
 *     ResourceMetrics = resource = 1 { scope_metrics = 2 }          Resource = { attribute = 1 }
 *     ScopeMetrics    = { metric = 2 }
 *     Metric          = name = 1 description = 2 unit = 3
 *                       ( gauge = 5 | sum = 7 | histogram = 9 | exponential = 10 | summary = 11 )
 *     data            = { point = 1 } temporality = 2 is_monotonic = 3
 *
 * Fields may come in any order, so that each message is passed over for what its parts need before the parts are read.
 * What it doesn't know (exemplars, schema addresses) it passes over.
 */
import { createPointReader, type PointReader } from "./otlp-protobuf-points.ts";
import { createAttributesReader } from "./otlp-protobuf-attributes.ts";
import {
  createOtlpTally,
  noOtlpAttributes,
  temporalityOf,
  type OtlpData,
  type OtlpLimits,
  type OtlpMetric,
  type OtlpResource,
  type OtlpTally,
} from "./otlp.ts";
import { eachField, fieldEnd, readWireVarint, type WireCursor } from "./wire-cursor.ts";

/** Throws MESSAGE_MALFORMED or MESSAGE_TOO_LARGE: then nothing of the request counts. */
export function readOtlpProtobuf(message: Buffer, limits: OtlpLimits): OtlpResource[] {
  const cursor: WireCursor = { at: 0, source: message };
  const tally = createOtlpTally(limits);
  const read: Readers = { cursor, tally, limits, points: createPointReader(cursor, tally, limits) };
  const resources: OtlpResource[] = [];
  eachField(cursor, message.length, (tag) => {
    if (tag !== 0x0a) return false;
    tally.entry();
    resources.push(readResource(read, fieldEnd(cursor, message.length)));
    return true;
  });
  return resources;
}

interface Readers {
  readonly cursor: WireCursor;
  readonly tally: OtlpTally;
  readonly limits: OtlpLimits;
  readonly points: PointReader;
}

/** Where a field of bytes lies. */
interface Range {
  readonly start: number;
  readonly end: number;
}

function readResource(read: Readers, end: number): OtlpResource {
  const { cursor } = read;
  const scopes: Range[] = [];
  let attributes = noOtlpAttributes;
  eachField(cursor, end, (tag) => {
    if (tag === 0x0a) {
      const stop = fieldEnd(cursor, end);
      const reader = createAttributesReader(cursor, read.limits);
      eachField(cursor, stop, (inner, start) => inner === 0x0a && reader.take(start, stop));
      attributes = reader.finish();
    } else if (tag === 0x12) scopes.push(rangeOf(cursor, end));
    else return false;
    return true;
  });
  const metrics: OtlpMetric[] = [];
  for (const scope of scopes) {
    cursor.at = scope.start;
    eachField(cursor, scope.end, (tag) => {
      if (tag !== 0x12) return false;
      read.tally.entry();
      const metric = readMetric(read, fieldEnd(cursor, scope.end));
      if (metric !== null) metrics.push(metric);
      return true;
    });
  }
  cursor.at = end;
  return { attributes, metrics };
}

/** Null for a kind of data that isn't known, or none. */
function readMetric(read: Readers, end: number): OtlpMetric | null {
  const { cursor, limits } = read;
  const texts = { name: "", description: "", unit: "" };
  let data: (Range & { readonly tag: number }) | null = null;
  eachField(cursor, end, (tag) => {
    const text = metricTexts[tag];
    if (text !== undefined) texts[text] = readText(cursor, end, limits.nameBytes);
    else if (dataKinds.has(tag)) data = { tag, ...rangeOf(cursor, end) };
    else return false;
    return true;
  });
  const found = data as (Range & { readonly tag: number }) | null;
  if (found === null) return null;
  const metric = { ...texts, data: readData(read, found.tag, found) };
  cursor.at = end;
  return metric;
}

const metricTexts: Readonly<Record<number, "name" | "description" | "unit">> = {
  0x0a: "name",
  0x12: "description",
  0x1a: "unit",
};
const dataKinds: ReadonlySet<number> = new Set([0x2a, 0x3a, 0x4a, 0x52, 0x5a]);

function readData({ cursor, tally, points: read }: Readers, kind: number, range: Range): OtlpData {
  const { end } = range;
  const places: Range[] = [];
  let temporality = temporalityOf(0);
  let isMonotonic = false;
  cursor.at = range.start;
  eachField(cursor, end, (tag) => {
    if (tag === 0x0a) {
      tally.point();
      places.push(rangeOf(cursor, end));
    } else if (tag === 0x10) temporality = temporalityOf(readWireVarint(cursor, end));
    else if (tag === 0x18) isMonotonic = readWireVarint(cursor, end) !== 0;
    else return false;
    return true;
  });
  const points = <Point>(readPoint: (end: number) => Point): Point[] =>
    places.map((place) => {
      cursor.at = place.start;
      return readPoint(place.end);
    });
  if (kind === 0x2a) return { kind: "gauge", points: points(read.number) };
  if (kind === 0x3a) return { kind: "sum", temporality, isMonotonic, points: points(read.number) };
  if (kind === 0x4a) return { kind: "histogram", temporality, points: points(read.histogram) };
  if (kind === 0x52) return { kind: "exponential", temporality, points: points(read.exponential) };
  return { kind: "summary", points: points(read.summary) };
}

function rangeOf(cursor: WireCursor, end: number): Range {
  const stop = fieldEnd(cursor, end);
  const start = cursor.at;
  cursor.at = stop;
  return { start, end: stop };
}

/** Empty where it is too long: a name is refused then. */
function readText(cursor: WireCursor, end: number, maximumBytes: number): string {
  const { start, end: stop } = rangeOf(cursor, end);
  return stop - start > maximumBytes ? "" : cursor.source.toString("utf8", start, stop);
}
