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
  pointsPerStep,
  temporalityOf,
  type OtlpData,
  type OtlpLimits,
  type OtlpMetric,
  type OtlpResource,
  type OtlpSteps,
  type OtlpTally,
} from "./otlp.ts";
import { eachField, fieldEnd, readWireVarint, type WireCursor } from "./wire-cursor.ts";

/**
 * In steps, between which the caller may rest. Throws MESSAGE_MALFORMED or MESSAGE_TOO_LARGE: then nothing of the request
 * counts.
 */
export function* readOtlpProtobuf(message: Buffer, limits: OtlpLimits): OtlpSteps<OtlpResource[]> {
  const cursor: WireCursor = { at: 0, source: message };
  const tally = createOtlpTally(limits);
  const read: Readers = { cursor, tally, limits, points: createPointReader(cursor, tally, limits) };
  const places: Range[] = [];
  eachField(cursor, message.length, (tag) => {
    if (tag !== 0x0a) return false;
    tally.entry();
    places.push(rangeOf(cursor, message.length));
    return true;
  });
  const resources: OtlpResource[] = [];
  for (const place of places) resources.push(yield* readResource(read, place));
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

function* readResource(read: Readers, { start, end }: Range): OtlpSteps<OtlpResource> {
  const { cursor } = read;
  const scopes: Range[] = [];
  let attributes = noOtlpAttributes;
  cursor.at = start;
  eachField(cursor, end, (tag) => {
    if (tag === 0x0a) {
      const stop = fieldEnd(cursor, end);
      const reader = createAttributesReader(cursor, read.limits);
      eachField(cursor, stop, (inner, at) => inner === 0x0a && reader.take(at, stop));
      attributes = reader.finish();
    } else if (tag === 0x12) scopes.push(rangeOf(cursor, end));
    else return false;
    return true;
  });
  const places: Range[] = [];
  for (const scope of scopes) {
    cursor.at = scope.start;
    eachField(cursor, scope.end, (tag) => {
      if (tag !== 0x12) return false;
      read.tally.entry();
      places.push(rangeOf(cursor, scope.end));
      return true;
    });
  }
  const metrics: OtlpMetric[] = [];
  for (const place of places) {
    const metric = yield* readMetric(read, place);
    if (metric !== null) metrics.push(metric);
  }
  return { attributes, metrics };
}

/** Null for a kind of data that isn't known, or none. */
function* readMetric(read: Readers, { start, end }: Range): OtlpSteps<OtlpMetric | null> {
  const { cursor, limits } = read;
  const texts = { name: "", description: "", unit: "" };
  const found: (Range & { readonly kind: number })[] = [];
  cursor.at = start;
  eachField(cursor, end, (tag) => {
    const text = metricTexts[tag];
    if (text !== undefined) texts[text] = readText(cursor, end, limits.nameBytes);
    else if (dataKinds.has(tag)) found.push({ kind: tag, ...rangeOf(cursor, end) });
    else return false;
    return true;
  });
  // Of what can be there once, the last counts.
  const data = found.at(-1);
  return data ? { ...texts, data: yield* readData(read, data.kind, data) } : null;
}

const metricTexts: Readonly<Record<number, "name" | "description" | "unit">> = {
  0x0a: "name",
  0x12: "description",
  0x1a: "unit",
};
const dataKinds: ReadonlySet<number> = new Set([0x2a, 0x3a, 0x4a, 0x52, 0x5a]);

function* readData(
  { cursor, tally, points: read }: Readers,
  kind: number,
  { start, end }: Range,
): OtlpSteps<OtlpData> {
  const places: Range[] = [];
  let temporality = temporalityOf(0);
  let isMonotonic = false;
  cursor.at = start;
  eachField(cursor, end, (tag) => {
    if (tag === 0x0a) {
      tally.point();
      places.push(rangeOf(cursor, end));
    } else if (tag === 0x10) temporality = temporalityOf(readWireVarint(cursor, end));
    else if (tag === 0x18) isMonotonic = readWireVarint(cursor, end) !== 0;
    else return false;
    return true;
  });
  if (kind === 0x2a) return { kind: "gauge", points: yield* each(cursor, places, read.number) };
  if (kind === 0x3a) {
    const points = yield* each(cursor, places, read.number);
    return { kind: "sum", temporality, isMonotonic, points };
  }
  if (kind === 0x4a)
    return { kind: "histogram", temporality, points: yield* each(cursor, places, read.histogram) };
  if (kind === 0x52) {
    const points = yield* each(cursor, places, read.exponential);
    return { kind: "exponential", temporality, points };
  }
  return { kind: "summary", points: yield* each(cursor, places, read.summary) };
}

function* each<Point>(
  cursor: WireCursor,
  places: readonly Range[],
  read: (end: number) => Point,
): OtlpSteps<Point[]> {
  const points: Point[] = [];
  for (const { start, end } of places) {
    cursor.at = start;
    points.push(read(end));
    if (points.length % pointsPerStep === 0) yield;
  }
  return points;
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
