/**
 * Spans and instruments through @opentelemetry/api: free until the process has an SDK registered (`node --import`), which is
 * the user's to choose. What is asked here is the API's global registry, so a bundled copy finds the user's SDK as well.
 */
import {
  createNoopMeter,
  metrics,
  ProxyTracerProvider,
  SpanStatusCode,
  trace,
  type Attributes,
  type Meter,
  type Span,
} from "@opentelemetry/api";
import type { Metric } from "../catalog/metric.ts";
import { unitCodes } from "../catalog/ucum.ts";
import { describeError } from "./errors.ts";
import { version } from "./version.ts";

export type SpanName = `warpwatch.${"sample" | "scrape" | "ingest" | "evaluate" | "notify"}`;

/** Adds attributes to the span under way; null when nobody traces, so that they aren't even made. */
export type Note = ((attributes: Attributes) => void) | null;

const scope = "warpwatch";
/** What a provider that nobody set delegates to. */
const nothing = new ProxyTracerProvider().getDelegate();

/** Runs the work within a span that ends with it, or when its promise settles; what it throws is noted and thrown on. */
export function withSpan<Result>(name: SpanName, work: (note: Note) => Result): Result {
  if (!isTracing()) return work(null);
  return trace.getTracer(scope, version).startActiveSpan(name, (span) => follow(span, work));
}

/** The meter, or null when no SDK is registered: asked once, when a process makes its instruments. */
export function findMeter(): Meter | null {
  const meter = metrics.getMeter(scope, version);
  return meter === createNoopMeter() ? null : meter;
}

export interface Instrument {
  record(value: number, labels: Attributes): void;
}

/** The instrument for a catalogue entry, under its OpenTelemetry name. */
export function makeInstrument(meter: Meter, metric: Metric): Instrument {
  const options = { description: metric.help, unit: unitCodes[metric.unit] ?? "1" };
  const name = metric.openTelemetryName;
  if (metric.kind === "counter") {
    const counter = meter.createCounter(name, options);
    return { record: (value, labels) => counter.add(value, labels) };
  }
  if (metric.kind === "histogram") {
    const advice = { explicitBucketBoundaries: [...metric.buckets] };
    const histogram = meter.createHistogram(name, { ...options, advice });
    return { record: (value, labels) => histogram.record(value, labels) };
  }
  const gauge = meter.createGauge(name, options);
  return { record: (value, labels) => gauge.record(value, labels) };
}

/** An instrument that asks for its value whenever the SDK collects. */
export function observeGauge(meter: Meter, metric: Metric, read: () => number): void {
  const options = { description: metric.help, unit: unitCodes[metric.unit] ?? "1" };
  meter
    .createObservableGauge(metric.openTelemetryName, options)
    .addCallback((result) => result.observe(read()));
}

function isTracing(): boolean {
  const provider = trace.getTracerProvider();
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegate() !== nothing;
}

function follow<Result>(span: Span, work: (note: Note) => Result): Result {
  const fail = (thrown: unknown): void => {
    span.setStatus({ code: SpanStatusCode.ERROR, message: describeError(thrown) });
    span.end();
  };
  try {
    const result = work((attributes) => void span.setAttributes(attributes));
    if (result instanceof Promise) result.then(() => span.end(), fail);
    else span.end();
    return result;
  } catch (thrown) {
    fail(thrown);
    throw thrown;
  }
}
