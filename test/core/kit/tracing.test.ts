import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { context, metrics, trace, type Context, type ContextManager } from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from "@opentelemetry/sdk-trace-base";
import { describe, expect, it, onTestFinished } from "vitest";
import { collectorSchema } from "../../../collector/config.ts";
import { startCollector } from "../../../collector/main.ts";
import { collector as catalogue } from "../../../core/catalog/index.ts";
import { createEnv } from "../../../core/kit/env.ts";
import { createLog } from "../../../core/kit/log.ts";
import { createSelfMetrics } from "../../../core/kit/self-metrics.ts";
import { findMeter, withSpan } from "../../../core/kit/tracing.ts";
import { createFakeClock } from "../../kit/fake-clock.ts";
import { makeFolder } from "../../kit/folder.ts";
import { startPagerDuty } from "../../kit/receivers.ts";
import { makeBench, makePuppet } from "../../kit/sampler-bench.ts";

/** Calls nest, and nothing here awaits inside a span that has children. */
function createStackContext(): ContextManager {
  let current: Context | null = null;
  const manager: ContextManager = {
    active: () => current ?? rootContext,
    with(given, work, self, ...args) {
      const before = current;
      current = given;
      try {
        return work.call(self as never, ...args);
      } finally {
        current = before;
      }
    },
    bind: (_given, target) => target,
    enable: () => manager,
    disable: () => manager,
  };
  const rootContext = context.active();
  return manager;
}

function registerTracing(): () => readonly ReadableSpan[] {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  context.setGlobalContextManager(createStackContext());
  trace.setGlobalTracerProvider(provider);
  onTestFinished(() => {
    trace.disable();
    context.disable();
  });
  return () => exporter.getFinishedSpans();
}

function registerMetering(): () => Promise<ReadonlyMap<string, number>> {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({ readers: [reader] });
  metrics.setGlobalMeterProvider(provider);
  onTestFinished(async () => {
    metrics.disable();
    await provider.shutdown();
  });
  return async () => {
    exporter.reset();
    await reader.forceFlush();
    const points = exporter
      .getMetrics()
      .flatMap(({ scopeMetrics }) => scopeMetrics)
      .flatMap((scope) => scope.metrics)
      .flatMap(({ descriptor, dataPoints }) =>
        dataPoints.map(({ value, attributes }): [string, number] => [
          `${descriptor.name} ${JSON.stringify(attributes)}`,
          typeof value === "number" ? value : value.count,
        ]),
      );
    return new Map(points);
  };
}

describe("without an SDK", () => {
  it("runs the work and makes no span and no attributes", () => {
    let given: unknown = "not called";
    expect(
      withSpan("warpwatch.sample", (note) => {
        given = note;
        return 7;
      }),
    ).toBe(7);
    expect(given).toBeNull();
    expect(findMeter()).toBeNull();
  });

  it("costs less than a microsecond a call", () => {
    // Many short runs: on a busy machine the best of them had the processor to itself.
    const runs = 60;
    const rounds = 10_000;
    let sum = 0;
    const run = (): number => {
      const started = performance.now();
      for (let round = 0; round < rounds; round += 1)
        withSpan("warpwatch.ingest", () => void (sum += 1));
      return ((performance.now() - started) * 1000) / rounds;
    };
    const microseconds = Math.min(...Array.from({ length: runs }, run));
    expect(sum).toBe(runs * rounds);
    expect(microseconds).toBeLessThan(1);
  });
});

describe("with an SDK", () => {
  it("ends a span when its work is over, and says what was thrown", async () => {
    const spans = registerTracing();
    expect(withSpan("warpwatch.ingest", () => 1)).toBe(1);
    await withSpan("warpwatch.scrape", async (note) => {
      await Promise.resolve();
      note?.({ "warpwatch.samples": 3 });
      expect(spans(), "it waits for the promise").toHaveLength(1);
    });
    expect(() =>
      withSpan("warpwatch.evaluate", () => {
        throw new Error("no column");
      }),
    ).toThrow("no column");
    await expect(
      withSpan("warpwatch.notify", () => Promise.reject(new Error("refused"))),
    ).rejects.toThrow("refused");
    expect(spans().map(({ name, status, attributes }) => [name, status, attributes])).toEqual([
      ["warpwatch.ingest", { code: 0 }, {}],
      ["warpwatch.scrape", { code: 0 }, { "warpwatch.samples": 3 }],
      ["warpwatch.evaluate", { code: 2, message: "no column" }, {}],
      ["warpwatch.notify", { code: 2, message: "refused" }, {}],
    ]);
  });

  it("counts under the catalogue's OpenTelemetry names what the metrics page counts", async () => {
    const collect = registerMetering();
    const self = createSelfMetrics({ clock: createFakeClock(), processMetrics: false });
    self.counter(catalogue.framesRefused).increase({ reason: "late" }, 2);
    self.gauge(catalogue.origins, () => 5);
    self.gauge(catalogue.scrapeTargets).set({ state: "down" }, 4);
    self.histogram(catalogue.evaluationSeconds).observe({}, 0.02);
    expect(await collect()).toEqual(
      new Map([
        [`${catalogue.framesRefused.openTelemetryName} {"reason":"late"}`, 2],
        [`${catalogue.origins.openTelemetryName} {}`, 5],
        [`${catalogue.scrapeTargets.openTelemetryName} {"state":"down"}`, 4],
        [`${catalogue.evaluationSeconds.openTelemetryName} {}`, 1],
      ]),
    );
  });

  it("traces each tick of the sampler once, whatever its sources", async () => {
    const spans = registerTracing();
    const bench = makeBench([makePuppet("one"), makePuppet("two")]);
    await bench.sampler.start();
    await bench.clock.advance(3000);
    bench.sampler.stop();
    expect(spans().map(({ name }) => name)).toEqual(Array(3).fill("warpwatch.sample"));
    expect(spans()[0]?.attributes).toEqual({ "warpwatch.sources": 2 });
  });

  it("shows a sample's way through the collector: scraped, let in, judged, told", async () => {
    const spans = registerTracing();
    const collect = registerMetering();
    const pager = await startPagerDuty();
    onTestFinished(() => pager.close());
    const address = await serveLevel();
    const env = createEnv({ node: "here" });
    const log = createLog({ clock: env.clock, write: () => {} });
    const config = collectorSchema.parse({
      listen: "127.0.0.1:0",
      scrape: [{ job: "test", interval: "1s", targets: [address] }],
      own_rules: [
        {
          alert: "TooHigh",
          metric: "level",
          op: ">",
          threshold: 9,
          severity: "critical",
          summary: "high",
        },
      ],
      notifiers: [{ type: "pagerduty", url: pager.url, routing_key: "0123456789abcdef".repeat(2) }],
    });
    const collector = await startCollector({ env, log, config, defaultStateFolder: makeFolder() });
    onTestFinished(() => collector.stop());
    await pager.until(() => pager.incidents.length === 1);
    await expect.poll(() => spans().some(({ name }) => name === "warpwatch.notify")).toBe(true);

    const find = (name: string): ReadableSpan | undefined =>
      spans().find((span) => span.name === name && isOf(span, address));
    const [ingest, evaluate] = [find("warpwatch.ingest"), find("warpwatch.evaluate")];
    expect(find("warpwatch.scrape")?.attributes).toMatchObject({
      "warpwatch.job": "test",
      "warpwatch.state": "up",
      "warpwatch.samples": 1,
    });
    expect(evaluate?.parentSpanContext?.spanId).toBe(ingest?.spanContext().spanId);
    expect(spans().find(({ name }) => name === "warpwatch.notify")?.attributes).toEqual({
      "warpwatch.notifier": "pagerduty",
      "warpwatch.rule": "TooHigh",
      "warpwatch.outcome": "accepted",
    });
    const counted = await collect();
    const scrapes = counted.get(`${catalogue.scrapes.openTelemetryName} {"outcome":"ok"}`);
    expect(scrapes).toBeGreaterThanOrEqual(1);
  });
});

async function serveLevel(): Promise<string> {
  const server = createServer((_request, response) => response.end("level 99\n"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function isOf({ attributes }: ReadableSpan, address: string): boolean {
  return Object.values(attributes).some((value) => String(value).endsWith(address));
}
