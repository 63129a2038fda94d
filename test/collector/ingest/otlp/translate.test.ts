import { describe, expect, it } from "vitest";
import { isPresent, labelsOf } from "../../../../core/wire/frame.ts";
import { otlpRequest } from "../../../kit/otlp.ts";
import {
  loss,
  minute,
  openOtlpReceiver,
  pointAt,
  rejectionOf,
  short,
  tokens,
} from "../../../kit/otlp-receiver.ts";

describe("points that come by OTLP", () => {
  it("adds up deltas to a counter, and leaves out one that comes after a later one", async () => {
    const { send, stored } = openOtlpReceiver();
    await send(otlpRequest([tokens(1, [0, 5], [1000, 3])]));
    await send(otlpRequest([tokens(1, [2000, 4])]));
    const late = rejectionOf(await send(otlpRequest([tokens(1, [1500, 100], [3000, 1])])));
    expect(late).toMatchObject({ rejected: 1, message: expect.stringContaining("1 are deltas") });
    // One from the future would make all others come too late.
    await send(otlpRequest([tokens(1, [20 * minute, 1000])]));
    await send(otlpRequest([tokens(1, [4000, 2])]));
    expect(short(stored)).toEqual([
      "train_tokens_total{} 5 @0",
      "train_tokens_total{} 8 @1000",
      "train_tokens_total{} 12 @2000",
      "train_tokens_total{} 13 @3000",
      "train_tokens_total{} 15 @4000",
    ]);
  });

  it("refuses a second delta for the same time in one request, where it is no repeat", async () => {
    const { send, stored } = openOtlpReceiver();
    const reply = await send(otlpRequest([tokens(1, [0, 5]), tokens(1, [0, 7])]));
    expect(rejectionOf(reply)).toMatchObject({
      rejected: 1,
      message: expect.stringContaining("1 differ from what was sent"),
    });
    expect(short(stored)).toEqual(["train_tokens_total{} 5 @0"]);
  });

  it("makes buckets, sum and count of a histogram, and adds up its deltas", async () => {
    const { send, stored } = openOtlpReceiver();
    const step = (temporality: number, offset: number) => ({
      name: "train.step",
      unit: "s",
      histogram: {
        aggregationTemporality: temporality,
        dataPoints: [
          pointAt(offset, {
            count: "6",
            sum: 4.5,
            bucketCounts: ["1", "2", "3"],
            explicitBounds: [0.5, 1],
          }),
        ],
      },
    });
    await send(otlpRequest([step(1, 0)]));
    expect(short(stored.splice(0))).toEqual([
      "train_step_seconds_count{} 6 @0",
      "train_step_seconds_bucket{le=+Inf} 6 @0",
      "train_step_seconds_bucket{le=0.5} 1 @0",
      "train_step_seconds_bucket{le=1} 3 @0",
      "train_step_seconds_sum{} 4.5 @0",
    ]);
    await send(otlpRequest([step(1, 1000)]));
    expect(stored.map((line) => line.split("} ")[1])).toEqual(
      ["12", "12", "2", "6", "9"].map((value) => `${value} @1000`),
    );
  });

  it("refuses a histogram whose bounds and buckets don't fit, and one with too many", async () => {
    const { send } = openOtlpReceiver();
    const histogram = (
      name: string,
      bucketCounts: readonly string[],
      explicitBounds: readonly number[],
    ) => ({
      name,
      histogram: {
        aggregationTemporality: 2,
        dataPoints: [pointAt(0, { count: "1", bucketCounts, explicitBounds })],
      },
    });
    const many = Array.from({ length: 1001 }, (_, index) => index);
    const reply = await send(
      otlpRequest([
        histogram("few", ["1"], [1, 2]),
        histogram("falling", ["1", "0", "0"], [2, 1]),
        histogram("many", [...many.map(() => "0"), "1"], many),
        histogram("none", [], []),
      ]),
    );
    expect(rejectionOf(reply)).toEqual({
      rejected: 3,
      message: expect.stringMatching(/2 have no name.*; 1 have more than 1000 buckets/),
    });
  });

  it("makes classic buckets of an exponential histogram", async () => {
    const { send, stored } = openOtlpReceiver();
    const point = pointAt(0, {
      count: "4",
      sum: 13,
      scale: "1",
      zeroCount: "1",
      positive: { offset: "2", bucketCounts: ["2", "1"] },
    });
    await send(
      otlpRequest([
        {
          name: "latency",
          exponentialHistogram: { aggregationTemporality: 2, dataPoints: [point] },
        },
      ]),
    );
    expect(short(stored)).toEqual([
      "latency_count{} 4 @0",
      "latency_bucket{le=+Inf} 4 @0",
      "latency_bucket{le=0} 1 @0",
      "latency_bucket{le=2} 1 @0",
      "latency_bucket{le=2.8284271247461903} 3 @0",
      "latency_bucket{le=4} 4 @0",
      "latency_sum{} 13 @0",
    ]);
  });

  it("makes quantiles of a summary, and a gauge of a sum that may fall", async () => {
    const { send, stored } = openOtlpReceiver();
    const summary = { count: "2", sum: 10, quantileValues: [{ quantile: 0.99, value: 4 }] };
    await send(
      otlpRequest([
        { name: "size", unit: "By", summary: { dataPoints: [pointAt(0, summary)] } },
        {
          name: "depth",
          unit: "1",
          sum: { aggregationTemporality: 2, dataPoints: [pointAt(0, { asInt: "-2" })] },
        },
        { name: "share", unit: "1", gauge: { dataPoints: [pointAt(0, { asDouble: 0.5 })] } },
      ]),
    );
    expect(short(stored)).toEqual([
      "size_bytes_count{} 2 @0",
      "size_bytes{quantile=0.99} 4 @0",
      "size_bytes_sum{} 10 @0",
      "depth{} -2 @0",
      "share_ratio{} 0.5 @0",
    ]);
  });

  it("ends a series where the sender has no value any more", async () => {
    const { send, stored, ingest } = openOtlpReceiver();
    await send(otlpRequest([loss(0, 1), tokens(2, [0, 1])]));
    await send(
      otlpRequest([{ name: "train.loss", gauge: { dataPoints: [pointAt(1000, { flags: 1 })] } }]),
    );
    expect(short(stored).at(-1)).toBe("train_loss{} ended @1000");
    const [state] = ingest.origins();
    expect([0, 1].map((slot) => state && isPresent(state.present, slot))).toEqual([false, true]);
  });

  it("names services and their parts, and doesn't let a job speak for its node", async () => {
    const { send, ingest } = openOtlpReceiver();
    const named = async (resource: Readonly<Record<string, unknown>>): Promise<void> =>
      void (await send(otlpRequest([loss(0, 1)], resource)));
    await named({
      "service.namespace": "team",
      "service.name": "train",
      "service.instance.id": "a1",
    });
    await named({
      "service.name": "serve",
      "k8s.pod.name": "serve-0",
      "k8s.node.name": "gpu-8",
      "host.name": "serve-0",
      "k8s.namespace.name": "prod",
    });
    await named({ "service.name": "rank", "host.name": "gpu-9", "process.pid": 42 });
    await named({});
    const origins = Array.from(ingest.origins(), ({ key, origin, schema }) => [
      key,
      origin.node,
      labelsOf(schema.series[0]!),
    ]);
    expect(origins).toEqual([
      ["team/train/a1", "", {}],
      ["serve/serve-0", "", { namespace: "prod", node: "gpu-8", pod: "serve-0" }],
      ["rank/gpu-9:42", "", { node: "gpu-9" }],
      ["otlp/otlp", "", {}],
    ]);
  });

  it("tells of the target what isn't in its name, but no command line that is over the limit", async () => {
    const { send, ingest } = openOtlpReceiver();
    const command = "python train.py ".repeat(100);
    await send(
      otlpRequest([loss(0, 1)], {
        "service.name": "train",
        "host.name": "gpu-7",
        "process.command_line": command,
        "telemetry.sdk.language": "python",
      }),
    );
    const [state] = ingest.origins();
    const info = state?.schema.series.find(({ metric }) => metric.name === "target_info");
    expect(info && labelsOf(info)).toEqual({
      host_name: "gpu-7",
      node: "gpu-7",
      telemetry_sdk_language: "python",
    });
  });

  it("lets a point's own attribute stand before its resource's, and joins two that become one label", async () => {
    const { send, stored } = openOtlpReceiver();
    await send(
      otlpRequest([loss(0, 1, { node: "other", "a.b": "2", a_b: "1", "9": "x", job: "no" })]),
    );
    expect(stored).toEqual(["trainer/gpu-7 train_loss{a_b=2;1,key_9=x,node=other} 1 @0"]);
  });

  it("knows a stream again that is sent in another order or encoding", async () => {
    const { send, ingest } = openOtlpReceiver();
    await send(otlpRequest([loss(0, 1, { a: 1, b: 2 })]));
    await send(otlpRequest([loss(1000, 2, { b: 2, a: 1 })]), "json");
    const [state] = ingest.origins();
    expect(state?.schema.series.filter(({ metric }) => metric.name === "train_loss")).toHaveLength(
      1,
    );
  });

  it("lets go of streams that stay away for an hour, and takes others in their place", async () => {
    const { send, clock } = openOtlpReceiver({ settings: { maximum_series: 3 } });
    await send(otlpRequest([loss(0, 1), loss(0, 1, { rank: 1 })]));
    expect(rejectionOf(await send(otlpRequest([loss(0, 1, { rank: 2 })]))).rejected).toBe(1);
    for (let passed = 0; passed <= 62; passed += 1) {
      await clock.advance(minute);
      await send(otlpRequest([loss((passed + 1) * minute, passed)]));
    }
    const last = 63 * minute;
    expect(
      rejectionOf(await send(otlpRequest([loss(last + 1, 1, { rank: 2 }), loss(last + 1, 1)]))),
    ).toEqual({
      rejected: 0,
      message: "",
    });
    expect(rejectionOf(await send(otlpRequest([loss(last + 2, 1, { rank: 1 })]))).rejected).toBe(1);
  });
});
