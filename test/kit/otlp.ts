/**
 * OTLP requests for tests, written once as JSON and encoded in either way: as Protocol Buffers by a table of fields that is the
 * tests' own (opentelemetry-proto 1.x), so that reader and writer of the product are held against something else than each other.
 */
import { WarpwatchError } from "../../core/kit/errors.ts";
import type { OtlpNumberPoint, OtlpResource, OtlpSteps } from "../../core/wire/otlp.ts";

export type OtlpJson = Readonly<Record<string, unknown>>;

type Scalar = "string" | "bool" | "fixed64" | "sfixed64" | "double" | "varint" | "sint32" | "bytes";
type FieldType = Scalar | `packed ${Scalar}` | keyof typeof messages;

const point = {
  startTimeUnixNano: [2, "fixed64"],
  timeUnixNano: [3, "fixed64"],
} as const;
const messages = {
  Request: { resourceMetrics: [1, "ResourceMetrics"] },
  ResourceMetrics: { resource: [1, "Resource"], scopeMetrics: [2, "ScopeMetrics"] },
  Resource: { attributes: [1, "KeyValue"] },
  ScopeMetrics: { scope: [1, "Scope"], metrics: [2, "Metric"] },
  Scope: { name: [1, "string"], version: [2, "string"] },
  Metric: {
    name: [1, "string"],
    description: [2, "string"],
    unit: [3, "string"],
    gauge: [5, "NumberData"],
    sum: [7, "NumberData"],
    histogram: [9, "HistogramData"],
    exponentialHistogram: [10, "ExponentialData"],
    summary: [11, "SummaryData"],
  },
  NumberData: {
    dataPoints: [1, "NumberPoint"],
    aggregationTemporality: [2, "varint"],
    isMonotonic: [3, "bool"],
  },
  HistogramData: { dataPoints: [1, "HistogramPoint"], aggregationTemporality: [2, "varint"] },
  ExponentialData: { dataPoints: [1, "ExponentialPoint"], aggregationTemporality: [2, "varint"] },
  SummaryData: { dataPoints: [1, "SummaryPoint"] },
  NumberPoint: {
    ...point,
    asDouble: [4, "double"],
    asInt: [6, "sfixed64"],
    attributes: [7, "KeyValue"],
    flags: [8, "varint"],
  },
  HistogramPoint: {
    ...point,
    count: [4, "fixed64"],
    sum: [5, "double"],
    bucketCounts: [6, "packed fixed64"],
    explicitBounds: [7, "packed double"],
    attributes: [9, "KeyValue"],
    flags: [10, "varint"],
  },
  ExponentialPoint: {
    attributes: [1, "KeyValue"],
    ...point,
    count: [4, "fixed64"],
    sum: [5, "double"],
    scale: [6, "sint32"],
    zeroCount: [7, "fixed64"],
    positive: [8, "Buckets"],
    negative: [9, "Buckets"],
    flags: [10, "varint"],
    zeroThreshold: [14, "double"],
  },
  Buckets: { offset: [1, "sint32"], bucketCounts: [2, "packed varint"] },
  SummaryPoint: {
    ...point,
    count: [4, "fixed64"],
    sum: [5, "double"],
    quantileValues: [6, "Quantile"],
    attributes: [7, "KeyValue"],
    flags: [8, "varint"],
  },
  Quantile: { quantile: [1, "double"], value: [2, "double"] },
  KeyValue: { key: [1, "string"], value: [2, "AnyValue"] },
  AnyValue: {
    stringValue: [1, "string"],
    boolValue: [2, "bool"],
    intValue: [3, "varint"],
    doubleValue: [4, "double"],
    arrayValue: [5, "ArrayValue"],
    kvlistValue: [6, "KeyValueList"],
    bytesValue: [7, "bytes"],
  },
  ArrayValue: { values: [1, "AnyValue"] },
  KeyValueList: { values: [1, "KeyValue"] },
} as const;

export function encodeOtlpJson(request: OtlpJson): Buffer {
  return Buffer.from(JSON.stringify(request));
}

export function encodeOtlpProtobuf(request: OtlpJson): Buffer {
  return encode("Request", request);
}

/** One resource with one scope. */
export function otlpRequest(
  metrics: readonly OtlpJson[],
  resource: Readonly<Record<string, unknown>> = { "service.name": "trainer", "host.name": "gpu-7" },
): OtlpJson {
  return {
    resourceMetrics: [
      {
        resource: { attributes: otlpAttributes(resource) },
        scopeMetrics: [{ scope: { name: "test" }, metrics }],
      },
    ],
  };
}

export function otlpAttributes(attributes: Readonly<Record<string, unknown>>): OtlpJson[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: valueOf(value) }));
}

/** Unix milliseconds as OTLP has times. */
export function nanoseconds(milliseconds: number): string {
  return String(BigInt(milliseconds) * 1_000_000n);
}

/** Without resting between the steps. */
export function readWhole<Result>(steps: OtlpSteps<Result>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** Reads and then looks at what can be looked at later: nothing but an error of our own may be thrown. */
export function readWithOwnErrors(read: () => OtlpSteps<OtlpResource[]>): void {
  try {
    for (const { attributes, metrics } of readWhole(read())) {
      attributes.read();
      for (const { data } of metrics) for (const point of data.points) point.attributes.read();
    }
  } catch (thrown) {
    if (!(thrown instanceof WarpwatchError)) throw thrown;
  }
}

/** A request with one gauge of one point. */
export function otlpGauge(point: OtlpJson, name = "loss"): OtlpJson {
  return otlpRequest([{ name, gauge: { dataPoints: [point] } }]);
}

/** The only point of the first metric. */
export function onlyPoint(resources: readonly OtlpResource[]): OtlpNumberPoint {
  const [point, ...others] = resources[0]?.metrics[0]?.data.points ?? [];
  if (!point || others.length > 0) throw new Error("there isn't exactly one point");
  return point as OtlpNumberPoint;
}

function valueOf(value: unknown): OtlpJson {
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "number")
    return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
  if (Array.isArray(value)) return { arrayValue: { values: value.map(valueOf) } };
  return typeof value === "string" ? { stringValue: value } : (value as OtlpJson);
}

function encode(message: keyof typeof messages, value: OtlpJson): Buffer {
  const fields: Readonly<Record<string, readonly [number, FieldType]>> = messages[message];
  return Buffer.concat(
    Object.entries(value).flatMap(([name, given]) => {
      const field = fields[name];
      if (!field || given === null || given === undefined) return [];
      const [number, type] = field;
      if (type.startsWith("packed "))
        return [
          bytesField(
            number,
            Buffer.concat((given as unknown[]).map((one) => scalar(type.slice(7) as Scalar, one))),
          ),
        ];
      const list = Array.isArray(given) ? (given as unknown[]) : [given];
      return list.map((one) => encodeField(number, type, one));
    }),
  );
}

function encodeField(number: number, type: FieldType, value: unknown): Buffer {
  if (type in messages)
    return bytesField(number, encode(type as keyof typeof messages, value as OtlpJson));
  if (type === "string") return bytesField(number, Buffer.from(String(value)));
  if (type === "bytes") return bytesField(number, Buffer.from(String(value), "base64"));
  const wireType = type === "varint" || type === "bool" || type === "sint32" ? 0 : 1;
  return Buffer.concat([varint(BigInt(number * 8 + wireType)), scalar(type as Scalar, value)]);
}

function bytesField(number: number, bytes: Buffer): Buffer {
  return Buffer.concat([varint(BigInt(number * 8 + 2)), varint(BigInt(bytes.length)), bytes]);
}

function scalar(type: Scalar, value: unknown): Buffer {
  const bytes = Buffer.alloc(8);
  if (type === "double") bytes.writeDoubleLE(Number(value));
  else if (type === "fixed64") bytes.writeBigUInt64LE(BigInt(value as string));
  else if (type === "sfixed64") bytes.writeBigInt64LE(BigInt(value as string));
  else if (type === "bool") return Buffer.of(value === true ? 1 : 0);
  else if (type === "sint32") return varint(BigInt.asUintN(64, zigzag(BigInt(value as string))));
  else return varint(BigInt.asUintN(64, BigInt(value as string)));
  return bytes;
}

function zigzag(value: bigint): bigint {
  return value >= 0n ? value * 2n : -value * 2n - 1n;
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}
