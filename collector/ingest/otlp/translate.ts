/**
 * Turns a request's points into samples of series, as Prometheus' OTLP receiver does (prometheus.io/docs/guides/opentelemetry),
 * where deltas are added up and exponential histograms become classic ones.
 */
import {
  pointsPerStep,
  type OtlpAttributes,
  type OtlpData,
  type OtlpMetric,
  type OtlpPoint,
  type OtlpResource,
  type OtlpSteps,
} from "../../../core/wire/otlp.ts";
import type { FamilyType } from "../../../core/wire/parse-metadata.ts";
import {
  checkLabels,
  createBatchBuilder,
  type SampleBatch,
  type WireLabel,
} from "../../../core/wire/write-request.ts";
import { stalenessHigh, stalenessLow } from "../../history/sample.ts";
import type { Registry } from "../remote-write/registry.ts";
import {
  addMeasures,
  isSame,
  measuresOf,
  partsOf,
  valuesOf,
  type Measure,
  type Part,
} from "./measure.ts";
import { metricNameOf, type NamedKind } from "./names.ts";
import {
  createStream,
  createStreams,
  type Family,
  type Stream,
  type TargetStreams,
  type Total,
} from "./streams.ts";
import { targetOf, withLabels } from "./target.ts";

/** Beside those that the registry and the writer have. */
export const translationRefusals = ["temporality", "out_of_order", "buckets", "samples"] as const;

export type TranslationRefusal =
  | (typeof translationRefusals)[number]
  | "invalid"
  | "series"
  | "origins"
  | "future"
  | "conflict";

export interface Translated {
  readonly points: number;
  readonly batch: SampleBatch;
  /** Points by their place in the request. */
  readonly refused: Map<number, TranslationRefusal>;
  /** Which point a sample is of; -1: of none. */
  pointOf(sample: number): number;
}

export interface Translator {
  /** One request after the other: the columns are used again. */
  translate(resources: readonly OtlpResource[], latestMilliseconds: number): OtlpSteps<Translated>;
  sweep(): void;
}

export interface TranslatorOptions {
  readonly registry: Registry;
  readonly limits: {
    readonly origins: number;
    readonly series: number;
    readonly labelValueLength: number;
  };
}

/** Of one request. */
const maximumSamples = 2_000_000;
const infoName = "target_info";

export function createTranslator({ registry, limits }: TranslatorOptions): Translator {
  const builder = createBatchBuilder(maximumSamples);
  const streams = createStreams({
    limits: { targets: limits.origins * 4, families: limits.series, streams: limits.series },
    targetOf(attributes) {
      const read = attributes.read();
      return read && targetOf(read, limits.labelValueLength);
    },
    familyOf: describe,
  });
  const value = new Float64Array(1);
  const words = new Int32Array(value.buffer);
  /** Per point of the request its first sample and the one behind its last. */
  let firsts: number[] = [];
  let ends: number[] = [];
  let refused = new Map<number, TranslationRefusal>();
  let latest = 0;
  let requests = 0;

  function add(number: number, time: number, sample: number): void {
    value[0] = sample;
    builder.add(number, time, words[0]!, words[1]!);
  }

  function* takeResource(resource: OtlpResource): OtlpSteps<void> {
    const held = streams.target(resource);
    const refusal = held === null ? "origins" : held.target === null ? "invalid" : null;
    let newest = 0;
    for (const metric of resource.metrics) {
      const family = held && refusal === null ? streams.family(held, metric) : null;
      const reason = refusal ?? (family === null ? "series" : refusalOf(family, metric.data));
      for (const [point, measure] of measuresOf(metric.data)) {
        const first = builder.batch.length;
        const problem =
          reason ??
          (typeof measure === "string"
            ? measure
            : take(held!, family!, metric.data, point, measure));
        if (problem !== null) refused.set(firsts.length, problem);
        else newest = Math.max(newest, point.timeMilliseconds);
        firsts.push(first);
        ends.push(builder.batch.length);
        if (firsts.length % pointsPerStep === 0) yield;
      }
    }
    if (held && newest > 0) tellTarget(held, newest);
  }

  /** What is wrong with the point, or null. */
  function take(
    held: TargetStreams,
    family: Family,
    data: OtlpData,
    point: OtlpPoint,
    measure: Measure,
  ): TranslationRefusal | null {
    const { key } = point.attributes;
    const known = streams.find(family, key);
    if (point.isMissing) {
      if (known) end(known, point.timeMilliseconds);
      return null;
    }
    const stream = known ?? createStream();
    const isDelta = "temporality" in data && data.temporality === "delta";
    const { total } = stream;
    const early = isDelta ? deltaRefusal(total, point) : null;
    if (early !== null) return early;
    const shown = isDelta ? totalOf(total, point, measure) : measure;
    const values = valuesOf(shown);
    if (builder.batch.length + values.length > maximumSamples) return "samples";
    const isBound = stream.epoch === registry.epoch && stream.numbers.length === values.length;
    if (!isBound || !isSame(stream.bounds, shown.buckets.bounds)) {
      bind(stream, held, family, point.attributes, partsOf(shown));
      stream.bounds = shown.buckets.bounds;
    }
    if (
      !known &&
      stream.numbers.some((number) => number >= 0) &&
      !streams.keep(family, key, stream)
    )
      return "series";
    if (isDelta)
      stream.total = {
        timeMilliseconds: point.timeMilliseconds,
        measure: shown,
        request: requests,
      };
    values.forEach((one, part) => add(stream.numbers[part]!, point.timeMilliseconds, one));
    return null;
  }

  /** Asked before it is added: what was added can't be taken back. */
  function deltaRefusal(
    total: Total | null,
    { timeMilliseconds }: OtlpPoint,
  ): TranslationRefusal | null {
    if (timeMilliseconds > latest) return "future";
    if (total === null || timeMilliseconds > total.timeMilliseconds) return null;
    if (timeMilliseconds < total.timeMilliseconds) return "out_of_order";
    // Twice in one request it is no repeat.
    return total.request === requests ? "conflict" : null;
  }

  function bind(
    stream: Stream,
    { target }: TargetStreams,
    { name, metadata }: Family,
    attributes: OtlpAttributes,
    parts: readonly Part[],
  ): void {
    const read = attributes.read();
    const labels = read && target && withLabels(read, target.labels);
    stream.numbers = parts.map(({ suffix, label }) => {
      const all = labels && named(labels, `${name}${suffix}`, label);
      return registry.numberOf(all && checkLabels(all), metadata);
    });
    stream.epoch = registry.epoch;
  }

  function end({ epoch, numbers }: Stream, time: number): void {
    if (epoch !== registry.epoch) return;
    for (const number of numbers)
      if (number >= 0) builder.add(number, time, stalenessLow, stalenessHigh);
  }

  function tellTarget({ target, info }: TargetStreams, time: number): void {
    if (!target?.info || builder.batch.length >= maximumSamples) return;
    if (info.epoch !== registry.epoch) {
      const labels = checkLabels(named(target.info, infoName, null));
      const metadata = { type: "gauge", help: "Target metadata." } as const;
      info.numbers = [registry.numberOf(labels, metadata)];
      info.epoch = registry.epoch;
    }
    for (const number of info.numbers) if (number >= 0) add(number, time, 1);
  }

  return {
    *translate(resources, latestMilliseconds) {
      builder.reset();
      firsts = [];
      ends = [];
      refused = new Map();
      latest = latestMilliseconds;
      requests += 1;
      for (const resource of resources) yield* takeResource(resource);
      const [starts, stops] = [firsts, ends];
      const pointOf = (sample: number): number => findPoint(starts, stops, sample);
      return { points: starts.length, batch: builder.batch, refused, pointOf };
    },
    sweep: () => streams.sweep(),
  };
}

/** The same delta again was sent because its answer got lost: it is in the total already. */
function totalOf(total: Total | null, point: OtlpPoint, delta: Measure): Measure {
  if (total === null) return delta;
  const isRepeated = point.timeMilliseconds === total.timeMilliseconds;
  return isRepeated ? total.measure : addMeasures(total.measure, delta);
}

function describe({
  name,
  unit,
  description,
  data,
}: OtlpMetric): Pick<Family, "name" | "metadata"> {
  const isCounter = data.kind === "sum" && data.isMonotonic;
  const named: NamedKind = isCounter ? "counter" : data.kind === "gauge" ? "gauge" : "other";
  const type: FamilyType = isCounter
    ? "counter"
    : data.kind === "gauge" || data.kind === "sum"
      ? "gauge"
      : data.kind === "summary"
        ? "summary"
        : "histogram";
  return { name: metricNameOf(name, unit, named), metadata: { type, help: description } };
}

function refusalOf(family: Family, data: OtlpData): TranslationRefusal | null {
  if (family.name === null) return "invalid";
  return "temporality" in data && data.temporality === "unspecified" ? "temporality" : null;
}

function named(
  labels: readonly WireLabel[],
  name: string,
  added: WireLabel | null,
): readonly WireLabel[] {
  const others = added ? labels.filter((label) => label.name !== added.name) : labels;
  return [...others, ...(added ? [added] : []), { name: "__name__", value: name }];
}

/** The last point that begins at the sample or before, when the sample is within it. */
function findPoint(firsts: readonly number[], ends: readonly number[], sample: number): number {
  let low = 0;
  let high = firsts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (firsts[middle]! <= sample) low = middle + 1;
    else high = middle;
  }
  return low > 0 && sample < ends[low - 1]! ? low - 1 : -1;
}
