/** What a training job measures with OpenTelemetry's SDK reaches history and the rules of a running collector. */
import { OTLPMetricExporter as JsonExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPMetricExporter as ProtobufExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { freePort, startWarpwatch, untilAnswered, type Program } from "../kit/programs.ts";

const folder = mkdtempSync(join(tmpdir(), "warpwatch-otlp-"));
let collector: Program;
let address = "";

beforeAll(async () => {
  address = `http://127.0.0.1:${await freePort()}`;
  const file = join(folder, "collector.yaml");
  writeFileSync(
    file,
    JSON.stringify({
      listen: address.slice("http://".length),
      state_folder: join(folder, "state"),
      own_rules: [
        {
          alert: "TrainingLossHigh",
          metric: "training_loss_ratio",
          op: ">",
          threshold: 4,
          severity: "warning",
          summary: "loss of {{ instance }} is {{ value }}",
        },
      ],
    }),
  );
  collector = startWarpwatch(["collector", `--config.file=${file}`]);
  await untilAnswered(`${address}/-/ready`, collector);
}, 60_000);

afterAll(async () => {
  await collector.stop();
  rmSync(folder, { recursive: true, force: true });
});

function secretOf(name: string): string {
  return readFileSync(join(folder, "state", name), "utf8").trim();
}

async function ask(path: string): Promise<unknown> {
  const headers = { authorization: `Bearer ${secretOf("token")}` };
  return (await fetch(`${address}${path}`, { headers })).json();
}

const exporters = { protobuf: ProtobufExporter, JSON: JsonExporter };

test.each(["protobuf", "JSON"] as const)("the SDK's %s exporter", async (encoding) => {
  const exporter = new exporters[encoding]({
    url: `${address}/v1/metrics`,
    headers: { authorization: `Bearer ${secretOf("push-token")}` },
  });
  const service = `trainer-${encoding.toLowerCase()}`;
  const provider = new MeterProvider({
    resource: resourceFromAttributes({
      "service.name": service,
      "service.instance.id": `${service}-0`,
      "host.name": "node-7",
    }),
    readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })],
  });
  const meter = provider.getMeter("test");
  meter.createGauge("training.loss", { unit: "1" }).record(4.5, { phase: "warm-up" });
  const tokens = meter.createCounter("training.tokens", { unit: "{token}" });
  tokens.add(1000, { rank: "0" });
  tokens.add(24, { rank: "0" });
  const steps = meter.createHistogram("training.step.duration", {
    unit: "s",
    advice: { explicitBucketBoundaries: [0.1, 1] },
  });
  for (const seconds of [0.05, 0.5, 5]) steps.record(seconds);
  await provider.forceFlush();
  await provider.shutdown();

  const values = async (metric: string): Promise<[Record<string, string>, number][]> => {
    const answer = (await ask(`/api/v1/query?metric=${metric}&label.job=${service}`)) as {
      readonly series: readonly {
        readonly labels: Record<string, string>;
        readonly points: readonly (readonly [number, number])[];
      }[];
    };
    return answer.series.map(({ labels, points }) => [labels, points[0]?.[1] ?? Number.NaN]);
  };
  expect(await values("training_tokens_total")).toEqual([
    [expect.objectContaining({ instance: `${service}-0`, node: "node-7", rank: "0" }), 1024],
  ]);
  expect(await values("training_step_duration_seconds_count")).toEqual([[expect.anything(), 3]]);
  const buckets = await values("training_step_duration_seconds_bucket");
  expect(new Map(buckets.map(([{ le }, count]) => [le, count]))).toEqual(
    new Map([
      ["0.1", 1],
      ["1", 2],
      ["+Inf", 3],
    ]),
  );
  await expect
    .poll(async () => JSON.stringify(await ask("/api/v1/alerts")), { timeout: 20_000 })
    .toContain(`loss of ${service}-0 is 4.5`);
});

test("the SDK is told that its token isn't the one that opens", async () => {
  const { status } = await fetch(`${address}/v1/metrics`, {
    method: "POST",
    headers: { authorization: "Bearer wrong", "content-type": "application/json" },
    body: "{}",
  });
  expect(status).toBe(401);
});
