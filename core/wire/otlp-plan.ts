/**
 * How the series of a schema go out as OTLP metrics (opentelemetry-proto 1.x: metrics/v1/metrics.proto): which metric each is a
 * point of, with the attributes in the bytes that every message has of them.
 */
import type { Metric } from "../catalog/metric.ts";
import { semanticOf } from "../catalog/opentelemetry.ts";
import { unitCodes } from "../catalog/ucum.ts";
import { createByteWriter, type ByteWriter } from "./bytes.ts";
import type { Schema, Series } from "./frame.ts";

export type OtlpInstrument = "gauge" | "counter" | "updowncounter" | "histogram";

export interface PlannedMetric {
  readonly instrument: OtlpInstrument;
  /** Its name, description and unit as fields. */
  readonly head: Buffer;
  readonly points: readonly PlannedPoint[];
}

export interface PlannedPoint {
  /** Of a number its series; of a histogram that of the count. */
  readonly slot: number;
  /** Its attributes as fields, in the plan's bytes. */
  readonly start: number;
  readonly end: number;
  readonly histogram: PlannedHistogram | null;
}

export interface PlannedHistogram {
  /** Ascending, without +Inf. */
  readonly bounds: readonly number[];
  readonly slots: readonly number[];
  /** -1: it has none. */
  readonly sumSlot: number;
  /** Of its values; the count has none. */
  readonly unit: string;
}

export interface OtlpPlan {
  readonly schema: Schema;
  readonly metrics: readonly PlannedMetric[];
  readonly attributes: Buffer;
}

type MutableMetric = { -readonly [Key in keyof PlannedMetric]: PlannedMetric[Key] } & {
  points: PlannedPoint[];
};

interface Draft {
  readonly metrics: Map<string, MutableMetric>;
  readonly writer: ByteWriter;
}

/** Of a number point and of a histogram's, with the wire type. */
const attributeTags = { number: 0x3a, histogram: 0x4a } as const;

export function planOtlp(schema: Schema): OtlpPlan {
  const draft: Draft = { metrics: new Map(), writer: createByteWriter() };
  const histograms = findHistograms(schema);
  schema.series.forEach((series, slot) => {
    const histogram = histograms.get(slot);
    if (histogram === undefined) addNumber(draft, series, slot);
    else if (histogram !== null) addHistogram(draft, series, slot, histogram);
  });
  return { schema, metrics: [...draft.metrics.values()], attributes: draft.writer.finish() };
}

function addNumber(draft: Draft, series: Series, slot: number): void {
  const { metric } = series;
  const semantic = semanticOf(metric.name);
  const name = semantic?.name ?? metric.name;
  const instrument = semantic?.instrument ?? (metric.kind === "counter" ? "counter" : "gauge");
  const unit = semantic?.unit ?? unitOf(metric);
  // Theirs is described by their conventions; ours tells of a part of it only.
  const planned = metricOf(draft, name, semantic ? "" : metric.help, unit, instrument);
  const attributes: (readonly [string, string])[] = metric.labels.map((label, index) => {
    const attribute = semantic?.attributes[label] ?? label;
    const value = series.values[index] ?? "";
    return [attribute, semantic?.values[attribute]?.[value] ?? value];
  });
  attributes.push(...Object.entries(semantic?.added ?? {}));
  const range = writeAttributes(draft.writer, attributeTags.number, attributes);
  planned.points.push({ slot, ...range, histogram: null });
}

function addHistogram(
  draft: Draft,
  { metric, values }: Series,
  slot: number,
  histogram: PlannedHistogram,
): void {
  const name = metric.name.replace(/_count$/, "");
  const planned = metricOf(draft, name, metric.help, histogram.unit, "histogram");
  const attributes = metric.labels.map((label, index) => [label, values[index] ?? ""] as const);
  const range = writeAttributes(draft.writer, attributeTags.histogram, attributes);
  planned.points.push({ slot, ...range, histogram });
}

function metricOf(
  { metrics }: Draft,
  name: string,
  help: string,
  unit: string,
  instrument: OtlpInstrument,
): MutableMetric {
  const key = `${instrument} ${name}\u0000${unit}`;
  const known = metrics.get(key);
  if (known) return known;
  const head = createByteWriter();
  for (const [tag, text] of [
    [0x0a, name],
    [0x12, help],
    [0x1a, unit],
  ] as const) {
    if (text === "") continue;
    head.byte(tag);
    head.string(text);
  }
  const made: MutableMetric = { instrument, head: Buffer.from(head.finish()), points: [] };
  metrics.set(key, made);
  return made;
}

/**
 * Classic histograms are series of their own: under the slot of each count what belongs to it, under those of buckets and sums
 * null, for they go with it.
 */
function findHistograms({ series }: Schema): ReadonlyMap<number, PlannedHistogram | null> {
  const found = new Map<number, PlannedHistogram | null>();
  const buckets = new Map<string, { bound: number; slot: number; metric: Metric }[]>();
  const others = new Map<string, number>();
  series.forEach(({ metric, values }, slot) => {
    const bound = boundOf(metric, values);
    if (bound === null) {
      if (/_(sum|count)$/.test(metric.name)) others.set(keyOf(metric.name, metric, values), slot);
      return;
    }
    const key = keyOf(metric.name.replace(/_bucket$/, ""), metric, values);
    const list = buckets.get(key) ?? [];
    list.push({ bound, slot, metric });
    buckets.set(key, list);
  });
  for (const [key, list] of buckets) {
    const [name = ""] = key.split("\u0000", 1);
    const rest = key.slice(name.length);
    const count = others.get(`${name}_count${rest}`);
    // Without a count they stay what they are.
    if (count === undefined) continue;
    const sumSlot = others.get(`${name}_sum${rest}`) ?? -1;
    const finite = list
      .filter(({ bound }) => Number.isFinite(bound))
      .toSorted((one, other) => one.bound - other.bound);
    for (const { slot } of list) found.set(slot, null);
    if (sumSlot >= 0) found.set(sumSlot, null);
    found.set(count, {
      bounds: finite.map(({ bound }) => bound),
      slots: finite.map(({ slot }) => slot),
      sumSlot,
      unit: list[0] ? unitOf(list[0].metric) : "",
    });
  }
  return found;
}

/** The bucket's upper bound; null where it is no bucket. */
function boundOf(metric: Metric, values: readonly string[]): number | null {
  if (!metric.name.endsWith("_bucket")) return null;
  const text = values[metric.labels.indexOf("le")];
  if (text === undefined || text === "") return null;
  const bound = text === "+Inf" ? Infinity : Number(text);
  return Number.isNaN(bound) ? null : bound;
}

function keyOf(name: string, metric: Metric, values: readonly string[]): string {
  const labels = metric.labels.map((label, index) =>
    label === "le" ? "" : `${label}\u0000${values[index] ?? ""}`,
  );
  return [name, ...labels.filter((label) => label !== "").toSorted()].join("\u0000");
}

function unitOf({ unit, kind }: Metric): string {
  return unitCodes[unit] ?? (unit === "ratio" && kind === "gauge" ? "1" : "");
}

/** An empty label is the same as none. */
function writeAttributes(
  writer: ByteWriter,
  tag: number,
  attributes: readonly (readonly [name: string, value: string])[],
): { readonly start: number; readonly end: number } {
  const start = writer.length;
  for (const [name, value] of attributes)
    if (value !== "") writeAttribute(writer, tag, name, value);
  return { start, end: writer.length };
}

/** `KeyValue = key = 1 value = 2`, `AnyValue = string = 1`. */
export function writeAttribute(writer: ByteWriter, tag: number, name: string, value: string): void {
  const valueBytes = Buffer.byteLength(value);
  const inner = 1 + varintBytes(valueBytes) + valueBytes;
  const nameBytes = Buffer.byteLength(name);
  writer.byte(tag);
  writer.varint(1 + varintBytes(nameBytes) + nameBytes + 1 + varintBytes(inner) + inner);
  writer.byte(0x0a);
  writer.string(name);
  writer.byte(0x12);
  writer.varint(inner);
  writer.byte(0x0a);
  writer.string(value);
}

export function varintBytes(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length += 1;
  return length;
}
