import { assert, jsonValue, property, tuple } from "fast-check";
import { describe, expect, it } from "vitest";
import { readOtlpJson } from "../../../core/wire/otlp-json.ts";
import { defaultOtlpLimits } from "../../../core/wire/otlp.ts";
import {
  encodeOtlpJson,
  nanoseconds,
  onlyPoint,
  otlpGauge,
  otlpRequest,
  readWhole,
  readWithOwnErrors,
} from "../../kit/otlp.ts";

const time = 1_767_000_000_123;
const when = { timeUnixNano: nanoseconds(time) };

describe("OTLP in JSON", () => {
  it("takes 64-bit numbers as texts or numbers, and null as nothing", () => {
    const point = { timeUnixNano: time * 1e6, asInt: 7, attributes: null, flags: null };
    expect(
      onlyPoint(readWhole(readOtlpJson(encodeOtlpJson(otlpGauge(point)), defaultOtlpLimits))),
    ).toMatchObject({
      timeMilliseconds: time,
      value: 7,
    });
    const odd = { asDouble: "NaN" };
    expect(
      onlyPoint(readWhole(readOtlpJson(encodeOtlpJson(otlpGauge(odd)), defaultOtlpLimits))).value,
    ).toBeNaN();
  });

  it("throws nothing but its own errors, whatever the values are", () => {
    assert(
      property(tuple(jsonValue(), jsonValue(), jsonValue()), ([one, two, three]) => {
        const point = { ...when, asDouble: one, attributes: two };
        const metric = { name: three, gauge: { dataPoints: [point, two] }, sum: one };
        for (const request of [
          one,
          otlpGauge(point),
          otlpRequest([metric]),
          { resourceMetrics: three },
        ])
          readWithOwnErrors(() =>
            readOtlpJson(Buffer.from(JSON.stringify(request)), defaultOtlpLimits),
          );
      }),
      { numRuns: 300 },
    );
  });

  it("survives what is nested a hundred thousand times", () => {
    const depth = 100_000;
    const nested = `${'{"arrayValue":{"values":['.repeat(depth)}${"]}}".repeat(depth)}`;
    const text = JSON.stringify(otlpGauge({ asDouble: 1, attributes: [{ key: "a", value: 0 }] }));
    const message = Buffer.from(text.replace('"value":0', `"value":${nested}`));
    readWithOwnErrors(() => readOtlpJson(message, defaultOtlpLimits));
  });
});
