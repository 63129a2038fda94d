/**
 * What OTLP costs on one processor: requests of many small services read, translated and let in through the door, in both
 * encodings and as deltas, without history and rules; and a node's series written as requests.
 * `node test/bench/otlp.ts [--services 20] [--points 250] [--requests 200] [--rounds 5]`
 */
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { createIngest, defaultIngestLimits } from "../../collector/ingest/door.ts";
import { createOtlpReceiver } from "../../collector/ingest/otlp/receiver.ts";
import { otlpReceiverSchema } from "../../collector/ingest/otlp/settings.ts";
import { openMetric } from "../../core/catalog/metric.ts";
import { createSelfMetrics } from "../../core/kit/self-metrics.ts";
import type { Schema } from "../../core/wire/frame.ts";
import { createOtlpEncoder } from "../../core/wire/otlp-encode.ts";
import { createFakeClock } from "../kit/fake-clock.ts";
import { encodeOtlpJson, encodeOtlpProtobuf, nanoseconds, otlpAttributes } from "../kit/otlp.ts";
import { quietLog } from "../kit/rule-bench.ts";
import { reportBench } from "./report.ts";

const { values: flags } = parseArgs({
  options: {
    services: { type: "string", default: "20" },
    points: { type: "string", default: "250" },
    requests: { type: "string", default: "200" },
    rounds: { type: "string", default: "5" },
  },
});
const settings = {
  services: Number(flags.services),
  points: Number(flags.points),
  requests: Number(flags.requests),
  rounds: Number(flags.rounds),
};
const startMilliseconds = Date.UTC(2026, 0, 10);
/** Requests of one turn, each a second later than the one before. */
const moments = 20;

const cases = [
  { what: "protobuf", type: "application/x-protobuf", temporality: 2, packed: false },
  { what: "protobuf, gzip", type: "application/x-protobuf", temporality: 2, packed: true },
  { what: "protobuf, gzip, deltas", type: "application/x-protobuf", temporality: 1, packed: true },
  { what: "JSON, gzip", type: "application/json", temporality: 2, packed: true },
] as const;

const perCase = cases.map((one) => ({ ...one, bodies: makeBodies(one), rounds: [] as number[] }));
const written: number[] = [];
/** The first round warms up and doesn't count. */
for (let round = 0; round <= settings.rounds; round += 1) {
  for (const one of perCase) one.rounds.push(await receive(one));
  written.push(write());
}
for (const one of perCase) one.rounds.shift();
written.shift();
const unit = "points per CPU-second";
reportBench("otlp", settings, [
  ...perCase.map(({ what, rounds }) => ({ what: `in: ${what}`, unit, rounds })),
  { what: "out: protobuf, gzip", unit, rounds: written },
]);

function makeBodies({ type, temporality, packed }: (typeof cases)[number]): Buffer[] {
  const encode = type === "application/json" ? encodeOtlpJson : encodeOtlpProtobuf;
  return Array.from({ length: moments }, (_, moment) => {
    const message = encode({
      resourceMetrics: Array.from({ length: settings.services }, (_, service) => ({
        resource: {
          attributes: otlpAttributes({
            "service.name": "trainer",
            "service.instance.id": `rank-${service}`,
            "host.name": `gpu-${service >> 3}`,
          }),
        },
        scopeMetrics: [
          { metrics: Array.from({ length: 10 }, (_, at) => metricOf(at, moment, temporality)) },
        ],
      })),
    });
    return packed ? gzipSync(message) : message;
  });
}

function metricOf(at: number, moment: number, temporality: number) {
  const dataPoints = Array.from({ length: settings.points / 10 }, (_, index) => ({
    startTimeUnixNano: nanoseconds(startMilliseconds - 60_000),
    timeUnixNano: nanoseconds(startMilliseconds + moment * 1000),
    asDouble: moment * 100 + index / 7,
    attributes: otlpAttributes({
      layer: String(index),
      phase: "train",
      device: `cuda:${at}`,
      rank: at,
    }),
  }));
  return {
    name: `train.metric.${at}`,
    unit: "s",
    ...(at % 2 === 0
      ? { sum: { aggregationTemporality: temporality, isMonotonic: true, dataPoints } }
      : { gauge: { dataPoints } }),
  };
}

async function receive({ type, packed, bodies }: (typeof perCase)[number]): Promise<number> {
  const clock = createFakeClock(startMilliseconds);
  const metrics = createSelfMetrics({ clock, processMetrics: false });
  const common = { clock, log: quietLog, metrics, limits: defaultIngestLimits };
  const headers = { "content-type": type, ...(packed ? { "content-encoding": "gzip" } : {}) };
  let points = 0;
  let milliseconds = 0;
  for (let sent = 0; sent < settings.requests; sent += moments) {
    // A new receiver for each turn, so that every moment is a new one to it.
    const receiver = createOtlpReceiver({
      ...common,
      metrics: createSelfMetrics({ clock, processMetrics: false }),
      settings: otlpReceiverSchema.parse({}),
      door: createIngest({
        ...common,
        metrics: createSelfMetrics({ clock, processMetrics: false }),
      }).pushed,
      boot: `boot-${sent}`,
      append: null,
      late: () => undefined,
      historyMilliseconds: 86_400_000,
    });
    for (const [moment, body] of bodies.entries()) {
      const before = process.cpuUsage();
      const { status, body: answer } = await receiver.receive({
        headers,
        remoteAddress: "10.0.0.7",
        body,
      });
      const { user, system } = process.cpuUsage(before);
      if (status !== 200 || answer.length > 2)
        throw new Error(`it answered ${status}: ${answer.toString()}`);
      // The first learns the streams, once in a service's life.
      if (moment === 0) continue;
      milliseconds += (user + system) / 1000;
      points += settings.services * settings.points;
    }
  }
  return (points / milliseconds) * 1000;
}

function write(): number {
  const length = settings.services * settings.points;
  const schema: Schema = {
    origin: { node: "gpu-1", job: "warpwatch", instance: "gpu-1:9410", boot: "b" },
    version: 1,
    groups: [{ source: "bench", first: 0, length }],
    series: Array.from({ length }, (_, slot) => ({
      metric: openMetric(`metric_${slot % 300}`, slot % 2 === 0 ? "counter" : "gauge", "Help.", [
        "device",
        "mode",
      ]),
      values: [`device-${slot}`, "idle"],
      device: null,
    })),
  };
  const encoder = createOtlpEncoder({
    maximumPoints: 5000,
    resourceOf: () => ({ "host.name": "gpu-1" }),
  });
  const present = new Uint8Array((length + 7) >> 3).fill(255);
  let points = 0;
  let milliseconds = 0;
  for (let moment = 0; moment < settings.requests; moment += 1) {
    const values = Float64Array.from({ length }, (_, slot) => moment * 100 + slot / 7);
    const times = new Float64Array(length).fill(startMilliseconds + moment * 1000);
    const before = process.cpuUsage();
    for (const { message, points: count } of encoder.encode({
      key: "a",
      schema,
      values,
      present,
      times,
    })) {
      gzipSync(message, { level: 1 });
      points += moment === 0 ? 0 : count;
    }
    const { user, system } = process.cpuUsage(before);
    if (moment > 0) milliseconds += (user + system) / 1000;
  }
  return (points / milliseconds) * 1000;
}
