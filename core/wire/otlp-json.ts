/**
 * Reads OTLP metrics as JSON (opentelemetry.io/docs/specs/otlp: JSON Protobuf Encoding): names in camel case, 64-bit numbers as
 * decimal texts or as numbers, enumerations as numbers. What it doesn't know it passes over.
 */
import { createOtlpJsonPoints, type OtlpJsonPoints } from "./otlp-json-points.ts";
import { formatOtlpValue, type OtlpValue } from "./otlp-value.ts";
import {
  createOtlpTally,
  noOtlpAttributes,
  temporalityOf,
  type OtlpAttribute,
  type OtlpAttributes,
  type OtlpData,
  type OtlpLimits,
  type OtlpMetric,
  type OtlpResource,
  type OtlpSteps,
  type OtlpTally,
} from "./otlp.ts";
import {
  jsonList,
  jsonMalformed,
  jsonNumber,
  jsonRecord,
  jsonText,
  type JsonRecord,
} from "./otlp-json-fields.ts";

/**
 * In steps, between which the caller may rest; the first is the dear one. Throws MESSAGE_MALFORMED or MESSAGE_TOO_LARGE: then
 * nothing of the request counts.
 */
export function* readOtlpJson(message: Buffer, limits: OtlpLimits): OtlpSteps<OtlpResource[]> {
  const tally = createOtlpTally(limits);
  const points = createOtlpJsonPoints(tally, limits, (list) => attributesOf(list, limits));
  const request = jsonRecord(parse(message), "the request");
  const resources: OtlpResource[] = [];
  for (const entry of jsonList(request, "resourceMetrics")) {
    yield;
    tally.entry();
    resources.push(readResource(jsonRecord(entry, "resourceMetrics"), tally, points, limits));
  }
  return resources;
}

function parse(message: Buffer): unknown {
  try {
    return JSON.parse(message.toString("utf8"));
  } catch {
    throw jsonMalformed("it isn't JSON");
  }
}

function readResource(
  entry: JsonRecord,
  tally: OtlpTally,
  points: OtlpJsonPoints,
  limits: OtlpLimits,
): OtlpResource {
  const resource = jsonRecord(entry["resource"] ?? {}, "resource");
  const metrics = jsonList(entry, "scopeMetrics").flatMap((scope) =>
    jsonList(jsonRecord(scope, "scopeMetrics"), "metrics").map((metric) => {
      tally.entry();
      return readMetric(jsonRecord(metric, "metrics"), points, limits);
    }),
  );
  return {
    attributes: attributesOf(jsonList(resource, "attributes"), limits),
    metrics: metrics.filter((metric) => metric !== null),
  };
}

/** Null for a kind of data that isn't known, or none. */
function readMetric(
  entry: JsonRecord,
  points: OtlpJsonPoints,
  { nameBytes }: OtlpLimits,
): OtlpMetric | null {
  const data = readData(entry, points);
  if (data === null) return null;
  // Empty where it is too long: a name is refused then.
  const text = (field: string): string => {
    const given = jsonText(entry, field);
    return given.length > nameBytes ? "" : given;
  };
  return { name: text("name"), description: text("description"), unit: text("unit"), data };
}

function readData(entry: JsonRecord, points: OtlpJsonPoints): OtlpData | null {
  const kind = kinds.find((one) => (entry[one] ?? null) !== null);
  if (kind === undefined) return null;
  const data = jsonRecord(entry[kind], kind);
  const list = jsonList(data, "dataPoints").map((point) => jsonRecord(point, "dataPoints"));
  const temporality = temporalityOf(jsonNumber(data, "aggregationTemporality") ?? 0);
  if (kind === "gauge") return { kind, points: list.map(points.number) };
  if (kind === "sum") {
    const isMonotonic = data["isMonotonic"] === true;
    return { kind, temporality, isMonotonic, points: list.map(points.number) };
  }
  if (kind === "histogram") return { kind, temporality, points: list.map(points.histogram) };
  if (kind === "summary") return { kind, points: list.map(points.summary) };
  return { kind: "exponential", temporality, points: list.map(points.exponential) };
}

const kinds = ["gauge", "sum", "histogram", "exponentialHistogram", "summary"] as const;

function attributesOf(list: readonly unknown[], limits: OtlpLimits): OtlpAttributes {
  if (list.length === 0) return noOtlpAttributes;
  return { key: keyOf(list), read: () => readAttributes(list, limits) };
}

/** What is nested deeper than the stack can't be written as text. */
function keyOf(list: readonly unknown[]): string {
  try {
    return JSON.stringify(list);
  } catch {
    throw jsonMalformed("attributes are nested too deep");
  }
}

function readAttributes(list: readonly unknown[], limits: OtlpLimits): OtlpAttribute[] | null {
  if (list.length > limits.attributes) return null;
  const attributes: OtlpAttribute[] = [];
  let length = 0;
  for (const entry of list) {
    if (!isRecord(entry)) return null;
    const name = entry["key"];
    const value = valueOf(entry["value"], limits.depth);
    if (typeof name !== "string" || value === undefined) return null;
    const text = formatOtlpValue(value);
    length += name.length + text.length;
    if (length > limits.attributeBytes) return null;
    attributes.push({ name, value: text });
  }
  return attributes;
}

/** Undefined for what is no value, or nested deeper than that. */
function valueOf(given: unknown, depth: number): OtlpValue | undefined {
  if (given === undefined || given === null) return null;
  if (!isRecord(given) || depth < 0) return undefined;
  const { stringValue, boolValue, intValue, doubleValue, bytesValue } = given;
  if (typeof stringValue === "string") return stringValue;
  if (typeof boolValue === "boolean") return boolValue;
  if (intValue !== undefined) return wholeNumberOf(intValue);
  if (typeof doubleValue === "number") return doubleValue;
  if (typeof doubleValue === "string") return Number(doubleValue);
  if (typeof bytesValue === "string") return bytesValue;
  return listValueOf(given, depth);
}

function wholeNumberOf(given: unknown): OtlpValue | undefined {
  const text = typeof given === "number" ? String(given) : given;
  return typeof text === "string" && /^-?\d{1,19}$/.test(text) ? BigInt(text) : undefined;
}

function listValueOf(given: JsonRecord, depth: number): OtlpValue | undefined {
  const { arrayValue, kvlistValue } = given;
  const list = isRecord(arrayValue) ? arrayValue : isRecord(kvlistValue) ? kvlistValue : null;
  if (list === null) return null;
  const held = list["values"] ?? [];
  if (!Array.isArray(held)) return undefined;
  const entries: [string, OtlpValue][] = [];
  for (const entry of held as readonly unknown[]) {
    const inner = list === kvlistValue && isRecord(entry) ? entry["value"] : entry;
    const name = list === kvlistValue && isRecord(entry) ? entry["key"] : "";
    const value = valueOf(inner, depth - 1);
    if (value === undefined || typeof name !== "string") return undefined;
    entries.push([name, value]);
  }
  return list === kvlistValue ? { entries } : entries.map(([, value]) => value);
}

function isRecord(given: unknown): given is JsonRecord {
  return typeof given === "object" && given !== null && !Array.isArray(given);
}
