/** The learned detectors' own frame: findings, forecasts and failure probabilities as series, so that ordinary rules judge them. */
import { findings as catalogue } from "../../../core/catalog/index.ts";
import type { LabelValues, Metric } from "../../../core/catalog/metric.ts";
import {
  setPresent,
  type Frame,
  type FrameSink,
  type Origin,
  type Schema,
} from "../../../core/wire/frame.ts";
import { createSeriesList } from "../../../core/wire/slots.ts";
import { anomalyName } from "./anomaly-detector.ts";
import type { GpuFailure } from "./failure-detector.ts";
import type { ClosedFinding, Finding } from "./finding.ts";

export interface Verdicts {
  readonly detectors: readonly string[];
  readonly open: readonly Finding[];
  readonly closed: readonly ClosedFinding[];
  readonly failures: readonly GpuFailure[];
}

export interface VerdictFrames {
  send(verdicts: Verdicts, timeMilliseconds: number): void;
  last(this: void): Frame | null;
}

interface Sample {
  readonly metric: Metric;
  readonly labels: LabelValues<string>;
  readonly value: number;
}

export function createVerdictFrames(origin: Origin, sink: FrameSink): VerdictFrames {
  let schema: Schema = { origin, version: 0, groups: [], series: [] };
  let shape = "";
  let sequence = 0;
  let last: Frame | null = null;
  return {
    last: () => last,
    send(verdicts, time) {
      const samples = samplesOf(verdicts);
      const now = samples.map(keyOf).join("\n");
      if (now !== shape) {
        schema = buildSchema(samples, origin, schema.version + 1);
        shape = now;
      }
      const present = new Uint8Array(Math.ceil(samples.length / 8));
      samples.forEach((_, slot) => setPresent(present, slot));
      sequence += 1;
      last = {
        schema,
        sequence,
        timestamps: Float64Array.of(time),
        values: Float64Array.from(samples, ({ value }) => value),
        present,
        complete: true,
      };
      sink.accept(last);
    },
  };
}

function samplesOf({ detectors, open, closed, failures }: Verdicts): Sample[] {
  const samples = detectors.map((detector) =>
    sample(catalogue.open, { detector }, open.filter((one) => one.detector === detector).length),
  );
  for (const finding of open) samples.push(...samplesOfFinding(finding));
  for (const finding of closed)
    samples.push(
      sample(catalogue.active, { ...subjectLabels(finding), detector: finding.detector }, 0),
    );
  // A GPU that two exporters report is told of once.
  const told = new Set<string>();
  for (const { node, uuid, gpu, within7Days, within30Days } of failures) {
    const key = `${node}\u0000${uuid}`;
    if (told.has(key)) continue;
    told.add(key);
    const labels = { gpu, UUID: uuid, node };
    samples.push(sample(catalogue.failureProbability, { ...labels, horizon: "7d" }, within7Days));
    samples.push(sample(catalogue.failureProbability, { ...labels, horizon: "30d" }, within30Days));
  }
  return samples;
}

function samplesOfFinding(finding: Finding): Sample[] {
  const labels = subjectLabels(finding);
  const samples = [sample(catalogue.active, { ...labels, detector: finding.detector }, 1)];
  const { forecast } = finding;
  if (finding.detector === anomalyName)
    samples.push(sample(catalogue.anomalyScore, labels, finding.score));
  if (forecast) {
    const { expectedMilliseconds, earliestMilliseconds, latestMilliseconds } = forecast;
    samples.push(sample(catalogue.forecastLimit, labels, expectedMilliseconds / 1000));
    samples.push(sample(catalogue.forecastEarliest, labels, earliestMilliseconds / 1000));
    if (Number.isFinite(latestMilliseconds))
      samples.push(sample(catalogue.forecastLatest, labels, latestMilliseconds / 1000));
  }
  return samples;
}

function subjectLabels({ node, subject, uuid, metric }: Finding) {
  return { node, subject, UUID: uuid, metric };
}

function sample<Label extends string>(
  metric: Metric<Label>,
  labels: LabelValues<Label>,
  value: number,
): Sample {
  return { metric, labels, value };
}

function keyOf({ metric, labels }: Sample): string {
  return [metric.name, ...metric.labels.map((name) => labels[name] ?? "")].join("\u0000");
}

function buildSchema(samples: readonly Sample[], origin: Origin, version: number): Schema {
  const list = createSeriesList(samples.length);
  for (const { metric, labels } of samples) list.slot(metric, labels);
  const { series } = list;
  const groups = [{ source: "detectors", first: 0, length: series.length }];
  return { origin, version, groups, series };
}
