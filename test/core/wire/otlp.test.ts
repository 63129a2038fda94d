import { assert, nat, property, uint8Array } from "fast-check";
import { describe, expect, it } from "vitest";
import { readOtlpJson } from "../../../core/wire/otlp-json.ts";
import { readOtlpProtobuf } from "../../../core/wire/otlp-protobuf.ts";
import { defaultOtlpLimits, type OtlpLimits, type OtlpResource } from "../../../core/wire/otlp.ts";
import {
  encodeOtlpJson,
  encodeOtlpProtobuf,
  nanoseconds,
  onlyPoint,
  otlpAttributes,
  otlpGauge,
  otlpRequest,
  readWhole,
  readWithOwnErrors,
  type OtlpJson,
} from "../../kit/otlp.ts";

const time = 1_767_000_000_123;
const when = { startTimeUnixNano: nanoseconds(time - 5000), timeUnixNano: nanoseconds(time) };
const encodings = [
  { name: "protobuf", read: readOtlpProtobuf, encode: encodeOtlpProtobuf },
  { name: "JSON", read: readOtlpJson, encode: encodeOtlpJson },
] as const;

function gauge(point: OtlpJson): OtlpJson {
  return otlpGauge({ ...when, ...point });
}

/** Plain values in place of what reads them. */
function plain(resources: readonly OtlpResource[]): unknown {
  return JSON.parse(
    JSON.stringify(resources, (key, value: unknown) =>
      key === "attributes" ? (value as OtlpResource["attributes"]).read() : value,
    ),
  );
}

describe.each(encodings)("OTLP in $name", ({ read, encode }) => {
  const readAll = (request: OtlpJson, limits: Partial<OtlpLimits> = {}): OtlpResource[] =>
    readWhole(read(encode(request), { ...defaultOtlpLimits, ...limits }));

  it("is read with all kinds of points", () => {
    const attributes = otlpAttributes({ rank: 3 });
    const head = { ...when, attributes };
    const request = otlpRequest([
      {
        name: "tokens",
        unit: "{token}",
        description: "Tokens.",
        sum: {
          aggregationTemporality: 2,
          isMonotonic: true,
          dataPoints: [{ ...head, asInt: "-7" }],
        },
      },
      { name: "loss", gauge: { dataPoints: [{ ...head, asDouble: 2.5, flags: 1 }] } },
      {
        name: "step",
        histogram: {
          aggregationTemporality: 1,
          dataPoints: [
            {
              ...head,
              count: "3",
              sum: 4.5,
              bucketCounts: ["1", "0", "2"],
              explicitBounds: [0.5, 1],
            },
          ],
        },
      },
      {
        name: "latency",
        exponentialHistogram: {
          aggregationTemporality: 2,
          dataPoints: [
            {
              ...head,
              count: "4",
              scale: -1,
              zeroCount: "1",
              zeroThreshold: 0.001,
              positive: { offset: -3, bucketCounts: ["2", "0", "1"] },
              negative: { offset: 2, bucketCounts: [] },
            },
          ],
        },
      },
      {
        name: "size",
        summary: {
          dataPoints: [
            { ...head, count: "2", sum: 10, quantileValues: [{ quantile: 0.5, value: 4 }] },
          ],
        },
      },
    ]);
    const common = {
      attributes: [{ name: "rank", value: "3" }],
      startMilliseconds: time - 5000,
      timeMilliseconds: time,
      isMissing: false,
    };
    expect(plain(readAll(request))).toEqual([
      {
        attributes: [
          { name: "service.name", value: "trainer" },
          { name: "host.name", value: "gpu-7" },
        ],
        metrics: [
          {
            name: "tokens",
            description: "Tokens.",
            unit: "{token}",
            data: {
              kind: "sum",
              temporality: "cumulative",
              isMonotonic: true,
              points: [{ ...common, value: -7 }],
            },
          },
          {
            name: "loss",
            description: "",
            unit: "",
            data: { kind: "gauge", points: [{ ...common, isMissing: true, value: 2.5 }] },
          },
          {
            name: "step",
            description: "",
            unit: "",
            data: {
              kind: "histogram",
              temporality: "delta",
              points: [
                {
                  ...common,
                  count: 3,
                  sum: 4.5,
                  counts: [1, 0, 2],
                  bounds: [0.5, 1],
                  isOversized: false,
                },
              ],
            },
          },
          {
            name: "latency",
            description: "",
            unit: "",
            data: {
              kind: "exponential",
              temporality: "cumulative",
              points: [
                {
                  ...common,
                  count: 4,
                  sum: null,
                  scale: -1,
                  zeroCount: 1,
                  zeroThreshold: 0.001,
                  positive: { offset: -3, counts: [2, 0, 1] },
                  negative: { offset: 2, counts: [] },
                  isOversized: false,
                },
              ],
            },
          },
          {
            name: "size",
            description: "",
            unit: "",
            data: {
              kind: "summary",
              points: [
                {
                  ...common,
                  count: 2,
                  sum: 10,
                  quantiles: [{ quantile: 0.5, value: 4 }],
                  isOversized: false,
                },
              ],
            },
          },
        ],
      },
    ]);
  });

  it("gives attributes of every type as text", () => {
    const values = {
      text: "é",
      yes: true,
      large: { intValue: "-9007199254740993" },
      share: 0.25,
      list: ["a", 1, { kvlistValue: { values: otlpAttributes({ b: false }) } }],
      bytes: { bytesValue: "/+8=" },
      none: {},
    };
    const point = onlyPoint(readAll(gauge({ asDouble: 1, attributes: otlpAttributes(values) })));
    expect(point.attributes.read()?.map(({ value }) => value)).toEqual([
      "é",
      "true",
      "-9007199254740993",
      "0.25",
      '["a",1,{"b":false}]',
      "/+8=",
      "",
    ]);
  });

  it("tells a point without a value from one whose value is 0", () => {
    expect(onlyPoint(readAll(gauge({}))).value).toBeNull();
    expect(onlyPoint(readAll(gauge({ asDouble: 0 }))).value).toBe(0);
    expect(onlyPoint(readAll(gauge({ asInt: "0" }))).value).toBe(0);
  });

  it("knows attributes by what was sent, without reading them", () => {
    const key = (attributes: Readonly<Record<string, unknown>>): string =>
      onlyPoint(readAll(gauge({ asDouble: 1, attributes: otlpAttributes(attributes) }))).attributes
        .key;
    expect(key({ a: "1", b: 2 })).toBe(key({ a: "1", b: 2 }));
    expect(new Set([key({}), key({ a: "1" }), key({ a: 1 }), key({ b: "1" })]).size).toBe(4);
  });

  it("refuses a whole request that holds more than it may", () => {
    const points = Array.from({ length: 11 }, () => ({ ...when, asDouble: 1 }));
    const many = otlpRequest([{ name: "loss", gauge: { dataPoints: points } }]);
    expect(() => readAll(many, { points: 10 })).toThrow(/more than 10 data points/);
    const names = Array.from({ length: 11 }, (_, at) => ({ name: `m${at}`, gauge: {} }));
    expect(() => readAll(otlpRequest(names), { points: 10 })).toThrow(/more than 10 metrics/);
    const buckets = { bucketCounts: Array.from({ length: 40 }, () => "1"), explicitBounds: [] };
    const wide = otlpRequest([{ name: "h", histogram: { dataPoints: [{ ...when, ...buckets }] } }]);
    expect(() => readAll(wide, { numbers: 30 })).toThrow(/more than 30 numbers/);
  });

  it("marks the point that has too many buckets, and reads the others", () => {
    const dataPoints = [40, 2].map((length) => ({
      ...when,
      bucketCounts: Array.from({ length }, () => "1"),
    }));
    const [resource] = readAll(otlpRequest([{ name: "h", histogram: { dataPoints } }]), {
      buckets: 10,
    });
    const points = plain([resource!]) as OtlpResource[];
    expect(points[0]?.metrics[0]?.data.points).toMatchObject([
      { isOversized: true },
      { isOversized: false, counts: [1, 1] },
    ]);
  });

  it("can't read attributes that are too many, too long or nested too deep", () => {
    const attributesOf = (attributes: readonly OtlpJson[]) =>
      onlyPoint(
        readAll(gauge({ asDouble: 1, attributes }), { attributes: 3, attributeBytes: 100 }),
      ).attributes.read();
    const deep = (depth: number): OtlpJson =>
      depth === 0 ? { stringValue: "x" } : { arrayValue: { values: [deep(depth - 1)] } };
    expect(attributesOf(otlpAttributes({ a: 1, b: 2, c: 3 }))).toHaveLength(3);
    expect(attributesOf(otlpAttributes({ a: 1, b: 2, c: 3, d: 4 }))).toBeNull();
    expect(attributesOf(otlpAttributes({ a: "x".repeat(101) }))).toBeNull();
    expect(attributesOf([{ key: "a", value: deep(3) }])).toHaveLength(1);
    expect(attributesOf([{ key: "a", value: deep(12) }])).toBeNull();
  });

  it("leaves out a name that is too long, and metrics of kinds to come", () => {
    const [resource] = readAll({
      resourceMetrics: [
        {
          schemaUrl: "https://example.com",
          scopeMetrics: [
            {
              metrics: [
                { name: "x".repeat(2000), gauge: { dataPoints: [] } },
                { name: "none" },
                { name: "b", gauge: {} },
              ],
            },
          ],
        },
      ],
    });
    expect(resource?.metrics.map(({ name }) => name)).toEqual(["", "b"]);
  });

  it("throws nothing but its own errors, whatever was broken", () => {
    const whole = encode(
      otlpRequest([
        { name: "h", histogram: { dataPoints: [{ ...when, count: "1", bucketCounts: ["1"] }] } },
        {
          name: "g",
          gauge: { dataPoints: [{ ...when, asDouble: 1, attributes: otlpAttributes({ a: [1] }) }] },
        },
      ]),
    );
    assert(
      property(nat(whole.length), uint8Array({ maxLength: 12 }), nat(8), (at, bytes, removed) => {
        const broken = Buffer.concat([whole.subarray(0, at), bytes, whole.subarray(at + removed)]);
        readWithOwnErrors(() => read(broken, defaultOtlpLimits));
        readWithOwnErrors(() => read(whole.subarray(0, at), defaultOtlpLimits));
      }),
      { numRuns: 1000 },
    );
    assert(
      property(uint8Array(), (bytes) =>
        readWithOwnErrors(() => read(Buffer.from(bytes), defaultOtlpLimits)),
      ),
    );
  });
});
