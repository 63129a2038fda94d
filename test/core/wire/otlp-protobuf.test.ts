import { describe, expect, it } from "vitest";
import { readOtlpProtobuf } from "../../../core/wire/otlp-protobuf.ts";
import { defaultOtlpLimits } from "../../../core/wire/otlp.ts";
import {
  encodeOtlpProtobuf,
  nanoseconds,
  onlyPoint,
  otlpGauge,
  otlpRequest,
  readWhole,
  type OtlpJson,
} from "../../kit/otlp.ts";

const when = { timeUnixNano: nanoseconds(1_767_000_000_123) };

describe("OTLP in protobuf", () => {
  it("is read in any order of its fields, with parts that it doesn't know", () => {
    const [first] = (
      otlpRequest([{ gauge: { dataPoints: [{ ...when, asDouble: 4 }] }, name: "late" }]) as {
        resourceMetrics: [OtlpJson];
      }
    ).resourceMetrics;
    const turned = Object.fromEntries(Object.entries(first).toReversed());
    const unknown = Buffer.from([
      0xf8, 0x3e, 5, 0xf5, 0x3e, 1, 2, 3, 4, 0xf1, 0x3e, 1, 2, 3, 4, 5, 6, 7, 8,
    ]);
    const message = Buffer.concat([
      unknown,
      encodeOtlpProtobuf({ resourceMetrics: [turned] }),
      unknown,
    ]);
    const [resource] = readWhole(readOtlpProtobuf(message, defaultOtlpLimits));
    expect(resource?.attributes.read()).toHaveLength(2);
    expect(resource?.metrics[0]?.name).toBe("late");
  });

  it("takes numbers of a list one by one as well", () => {
    const one = (tag: number, value: number): number[] => [
      tag,
      ...Buffer.from(Float64Array.of(value).buffer),
    ];
    const count = [0x31, 2, 0, 0, 0, 0, 0, 0, 0];
    const point = Buffer.from([...count, ...one(0x39, 0.5), ...count, ...one(0x39, 2)]);
    const wrap = (tag: number, bytes: Buffer): Buffer =>
      Buffer.concat([Buffer.of(tag, bytes.length), bytes]);
    const message = wrap(0x0a, wrap(0x12, wrap(0x12, wrap(0x4a, wrap(0x0a, point)))));
    const [resource] = readWhole(readOtlpProtobuf(message, defaultOtlpLimits));
    expect(resource?.metrics[0]?.data.points[0]).toMatchObject({
      counts: [2, 2],
      bounds: [0.5, 2],
    });
  });

  it("refuses a length that goes beyond the message before anything is made for it", () => {
    for (const message of [[0x0a, 0xff, 0xff, 0xff, 0xff, 0x7f], [0x0a], [0x00], [0x0b], [0x80]])
      expect(() => readWhole(readOtlpProtobuf(Buffer.from(message), defaultOtlpLimits))).toThrow(
        /not a Protocol Buffers message/,
      );
  });

  it("keeps milliseconds exact at the edge of a nanosecond", () => {
    for (const edge of [1_767_000_000_123, 1_700_000_000_001, 4_102_444_799_999]) {
      const point = { timeUnixNano: nanoseconds(edge), asDouble: 1 };
      expect(
        onlyPoint(
          readWhole(readOtlpProtobuf(encodeOtlpProtobuf(otlpGauge(point)), defaultOtlpLimits)),
        ).timeMilliseconds,
      ).toBe(edge);
    }
  });
});
