import { describe, expect, it } from "vitest";
import { histogramParts, openMetric, type Metric } from "../../../core/catalog/metric.ts";
import { gpuNeutral, cpu, disk } from "../../../core/catalog/index.ts";
import { semanticOf } from "../../../core/catalog/opentelemetry.ts";
import { allMetrics } from "../../../core/catalog/index.ts";
import { setPresent, type Schema, type Series } from "../../../core/wire/frame.ts";
import { createOtlpEncoder, type OtlpSnapshot } from "../../../core/wire/otlp-encode.ts";
import { readOtlpProtobuf } from "../../../core/wire/otlp-protobuf.ts";
import { defaultOtlpLimits, type OtlpResource } from "../../../core/wire/otlp.ts";
import { readWhole } from "../../kit/otlp.ts";

const began = 1_767_000_000_000;
const origin = { node: "gpu-7", job: "warpwatch", instance: "gpu-7:9410", boot: "boot-1" };

function series(metric: Metric, ...values: readonly string[]): Series {
  return { metric, values, device: null };
}

function schemaOf(list: readonly Series[], version = 1): Schema {
  return {
    origin,
    version,
    groups: [{ source: "test", first: 0, length: list.length }],
    series: list,
  };
}

/** undefined: absent. */
function snapshot(
  schema: Schema,
  values: readonly (number | undefined)[],
  offset = 0,
): OtlpSnapshot {
  const present = new Uint8Array((values.length + 7) >> 3);
  values.forEach((value, slot) => value !== undefined && setPresent(present, slot));
  return {
    key: origin.instance,
    schema,
    values: Float64Array.from(values, (value) => value ?? Number.NaN),
    present,
    times: new Float64Array(values.length).fill(began + offset),
  };
}

function open(maximumPoints = 5000) {
  const encoder = createOtlpEncoder({
    maximumPoints,
    resourceOf: ({ origin: { node } }) => ({ "host.name": node, "host.id": "" }),
  });
  const encode = (one: OtlpSnapshot): OtlpResource[][] =>
    Array.from(encoder.encode(one), ({ message }) =>
      readWhole(readOtlpProtobuf(message, defaultOtlpLimits)),
    );
  return { encoder, encode };
}

/** `name{attributes} value @since..time` of each point. */
function lines(requests: readonly OtlpResource[][]): string[] {
  return requests.flat().flatMap(({ metrics }) =>
    metrics.flatMap(({ name, unit, data }) =>
      data.points.map((point) => {
        const attributes = (point.attributes.read() ?? []).map((one) => `${one.name}=${one.value}`);
        const value = "value" in point ? point.value : "";
        const since = point.startMilliseconds === 0 ? "" : point.startMilliseconds - began;
        const time = point.timeMilliseconds - began;
        return `${data.kind} ${name}[${unit}]{${attributes.join(",")}} ${value} @${since}..${time}`;
      }),
    ),
  );
}

describe("samples as OTLP", () => {
  it("go out under semantic names where there are some, and else under their own with kind and unit", () => {
    const schema = schemaOf([
      series(gpuNeutral.power, "0", "GPU-1", "nvidia"),
      series(gpuNeutral.memoryUsed, "0", "GPU-1", "nvidia"),
      series(cpu.cpuSeconds, "3", "irq"),
      series(disk.readBytes, "sda"),
      series(disk.writtenBytes, "sda"),
      series(openMetric("training_loss", "gauge", "Loss.", ["rank"]), ""),
      series(cpu.contextSwitches),
    ]);
    const requests = open().encode(snapshot(schema, [300, 1e9, 5, 10, 20, 2.5, 7]));
    expect(requests[0]?.[0]?.attributes.read()).toEqual([{ name: "host.name", value: "gpu-7" }]);
    expect(lines(requests)).toEqual([
      "gauge hw.power[W]{gpu=0,hw.id=GPU-1,hw.vendor=nvidia,hw.type=gpu} 300 @..0",
      "sum hw.gpu.memory.usage[By]{gpu=0,hw.id=GPU-1,hw.vendor=nvidia} 1000000000 @0..0",
      "sum system.cpu.time[s]{cpu.logical_number=3,cpu.mode=interrupt} 5 @0..0",
      "sum system.disk.io[By]{system.device=sda,disk.io.direction=read} 10 @0..0",
      "sum system.disk.io[By]{system.device=sda,disk.io.direction=write} 20 @0..0",
      "gauge training_loss[]{} 2.5 @..0",
      "sum node_context_switches_total[]{} 7 @0..0",
    ]);
    const kinds = requests[0]?.[0]?.metrics.map(({ data }) =>
      data.kind === "sum" ? `${data.temporality} ${data.isMonotonic}` : data.kind,
    );
    expect(kinds).toEqual([
      "gauge",
      "cumulative false",
      "cumulative true",
      "cumulative true",
      "gauge",
      "cumulative true",
    ]);
  });

  it("count since the first that was sent, and since the last before they fell", () => {
    const { encode } = open();
    const schema = schemaOf([series(cpu.contextSwitches)]);
    const sent = [5, 9, 2, 4].flatMap((value, at) =>
      lines(encode(snapshot(schema, [value], at * 1000))),
    );
    expect(sent.map((line) => line.split("{} ")[1])).toEqual([
      "5 @0..0",
      "9 @0..1000",
      "2 @1000..2000",
      "4 @1000..3000",
    ]);
  });

  it("go on counting when the list of series changes", () => {
    const { encode } = open();
    const other = series(openMetric("other", "gauge", ""));
    encode(snapshot(schemaOf([series(cpu.contextSwitches)]), [5]));
    const next = schemaOf([other, series(cpu.contextSwitches)], 2);
    expect(lines(encode(snapshot(next, [1, 6], 1000)))).toContain(
      "sum node_context_switches_total[]{} 6 @0..1000",
    );
  });

  it("are sent once for each time, and only those that are there", () => {
    const { encode, encoder } = open();
    const schema = schemaOf([series(cpu.load1), series(cpu.load5)]);
    expect(lines(encode(snapshot(schema, [1, undefined])))).toHaveLength(1);
    expect(encode(snapshot(schema, [1, undefined]))).toEqual([]);
    expect(lines(encode(snapshot(schema, [undefined, 3], 1)))).toEqual([
      "gauge node_load5[]{} 3 @..1",
    ]);
    encoder.forget(origin.instance);
    expect(lines(encode(snapshot(schema, [1, undefined])))).toHaveLength(1);
  });

  it("go on when the clock is set back, and never begin after they end", () => {
    const { encode } = open();
    const schema = schemaOf([series(cpu.contextSwitches)]);
    encode(snapshot(schema, [5], 60_000));
    const back = [6, 7].flatMap((value, at) => lines(encode(snapshot(schema, [value], at * 1000))));
    expect(back.map((line) => line.split("{} ")[1])).toEqual(["6 @0..0", "7 @0..1000"]);
  });

  it("make a histogram of its series again", () => {
    const metric = {
      ...openMetric("step_seconds", "histogram", "Steps.", ["rank"]),
      unit: "seconds" as const,
    };
    const { bucket, sum, count } = histogramParts(metric);
    const list = [
      series(bucket, "0", "1"),
      series(bucket, "0", "0.5"),
      series(bucket, "0", "+Inf"),
      series(sum, "0"),
      series(count, "0"),
      // Nobody counts these: they stay what they are.
      series(openMetric("odd_bucket", "counter", "", ["le"]), "1"),
    ];
    const { encode } = open();
    const requests = encode(snapshot(schemaOf(list), [5, 2, 9, 4.5, 9, 1]));
    const [step, odd] = requests[0]?.[0]?.metrics ?? [];
    expect(step).toMatchObject({ name: "step_seconds", unit: "s", description: "Steps." });
    expect(step?.data).toMatchObject({
      kind: "histogram",
      temporality: "cumulative",
      points: [
        { count: 9, sum: 4.5, counts: [2, 3, 4], bounds: [0.5, 1], startMilliseconds: began },
      ],
    });
    expect(step?.data.points[0]?.attributes.read()).toEqual([{ name: "rank", value: "0" }]);
    expect(odd?.name).toBe("odd_bucket");
    // With a bucket missing there is no histogram to tell of.
    const partly = encode(snapshot(schemaOf(list), [5, undefined, 9, 4.5, 10, 1], 1000));
    expect(lines(partly)).toEqual(["sum odd_bucket[]{le=1} 1 @0..1000"]);
  });

  it("are split over requests of a bounded number of points", () => {
    const metrics = Array.from({ length: 25 }, (_, at) =>
      series(openMetric(`m${at % 3}`, "gauge", "", ["at"]), String(at)),
    );
    const requests = open(10).encode(
      snapshot(
        schemaOf(metrics),
        metrics.map((_, at) => at),
      ),
    );
    const counts = requests.map((request) => lines([request]).length);
    expect(counts).toEqual([10, 10, 5]);
    expect(new Set(lines(requests)).size).toBe(25);
  });

  it("keep numbers that aren't finite and counts beyond 2^32", () => {
    const { bucket, count } = histogramParts(openMetric("big", "histogram", ""));
    const schema = schemaOf([series(cpu.load1), series(bucket, "1"), series(count)]);
    const [request] = open().encode(snapshot(schema, [Infinity, 2 ** 40, 2 ** 41]));
    const [load, big] = request?.[0]?.metrics ?? [];
    expect(load?.data.points[0]).toMatchObject({ value: Infinity });
    expect(big?.data.points[0]).toMatchObject({ count: 2 ** 41, counts: [2 ** 40, 2 ** 40] });
  });
});

describe("the semantic names", () => {
  const entries = allMetrics().flatMap((entry) => ("name" in entry ? [entry] : []));

  it("are those that the catalogue has", () => {
    const named = entries.filter(({ openTelemetryName }) =>
      /^(hw|system)\./.test(openTelemetryName),
    );
    expect(named.length).toBeGreaterThan(5);
    for (const { name, openTelemetryName } of named)
      expect(`${name} ${semanticOf(name)?.name}`).toBe(`${name} ${openTelemetryName}`);
  });

  it("translate only labels that the metrics have, and counters stay counters", () => {
    const known = entries.flatMap((metric) => {
      const semantic = semanticOf(metric.name);
      return semantic ? [{ metric, semantic }] : [];
    });
    expect(known.length).toBeGreaterThan(25);
    for (const { metric, semantic } of known) {
      expect(`${metric.name} ${semantic.instrument === "counter"}`).toBe(
        `${metric.name} ${metric.kind === "counter"}`,
      );
      const strange = Object.keys(semantic.attributes).filter(
        (label) => !metric.labels.includes(label),
      );
      expect([metric.name, ...strange.filter((label) => label !== "modelName")]).toEqual([
        metric.name,
      ]);
    }
  });
});
