import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { OTLPMetricExporter as JsonExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPMetricExporter as ProtobufExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import {
  AggregationTemporality,
  AggregationType,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { afterEach, expect, test } from "vitest";
import { createIngest, defaultIngestLimits } from "../../../../collector/ingest/door.ts";
import { createOtlpReceiver } from "../../../../collector/ingest/otlp/receiver.ts";
import { otlpReceiverSchema } from "../../../../collector/ingest/otlp/settings.ts";
import { createSystemClock } from "../../../../core/kit/clock.ts";
import { createSelfMetrics } from "../../../../core/kit/self-metrics.ts";
import { isPresent, labelsOf } from "../../../../core/wire/frame.ts";
import { quietLog } from "../../../kit/rule-bench.ts";

const undo: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step();
});

/** A receiver behind a server, with what the door made of what it got. */
async function open() {
  const clock = createSystemClock();
  const metrics = createSelfMetrics({ clock, processMetrics: false });
  const common = { clock, log: quietLog, metrics, limits: defaultIngestLimits };
  const ingest = createIngest(common);
  const receiver = createOtlpReceiver({
    ...common,
    settings: otlpReceiverSchema.parse({}),
    door: ingest.pushed,
    boot: "boot-1",
    append: null,
    late: () => undefined,
    historyMilliseconds: 86_400_000,
  });
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks);
      void receiver
        .receive({ headers: request.headers, remoteAddress: "10.0.0.7", body })
        .then((reply) => {
          response.writeHead(reply.status, reply.headers).end(reply.body);
        });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  undo.push(() => server.close());
  const samples = (): Record<string, number> => {
    const found: [string, number][] = [];
    for (const { schema, present, values } of ingest.origins())
      schema.series.forEach((series, slot) => {
        const { le } = labelsOf(series);
        const name = series.metric.name + (le === undefined ? "" : ` ${le}`);
        if (isPresent(present, slot)) found.push([name, values[slot] ?? Number.NaN]);
      });
    return Object.fromEntries(found);
  };
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/metrics`;
  return { url, samples };
}

test.each([
  ["cumulative protobuf, packed", ProtobufExporter, AggregationTemporality.CUMULATIVE, "gzip"],
  ["deltas in protobuf", ProtobufExporter, AggregationTemporality.DELTA, "none"],
  ["deltas in JSON, packed", JsonExporter, AggregationTemporality.DELTA, "gzip"],
] as const)(
  "OpenTelemetry's exporter with %s arrives with the same totals",
  async (_, Exporter, temporality, compression) => {
    const { url, samples } = await open();
    const exporter = new Exporter({
      url,
      // The packages' enumerations have these texts.
      compression: compression as never,
      temporalityPreference: temporality as never,
    });
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
    const provider = new MeterProvider({
      readers: [reader],
      views: [
        {
          instrumentName: "request.*",
          aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM },
        },
      ],
    });
    const meter = provider.getMeter("test");
    const tokens = meter.createCounter("train.tokens", { unit: "{token}" });
    const steps = meter.createHistogram("train.step", {
      unit: "s",
      advice: { explicitBucketBoundaries: [0.5, 1] },
    });
    const latency = meter.createHistogram("request.latency", { unit: "ms" });
    const depth = meter.createUpDownCounter("queue.depth");
    for (const round of [1, 2, 3]) {
      tokens.add(100 * round);
      steps.record(0.25 * round);
      latency.record(4 ** round);
      depth.add(round === 3 ? -2 : 1);
      await reader.forceFlush();
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await provider.shutdown();
    expect(samples()).toMatchObject({
      train_tokens_total: 600,
      train_step_seconds_count: 3,
      train_step_seconds_sum: 1.5,
      "train_step_seconds_bucket 0.5": 2,
      "train_step_seconds_bucket 1": 3,
      request_latency_milliseconds_count: 3,
      request_latency_milliseconds_sum: 84,
      "request_latency_milliseconds_bucket 4": 1,
      "request_latency_milliseconds_bucket 16": 2,
      "request_latency_milliseconds_bucket 64": 3,
      queue_depth: 0,
    });
  },
);
