/**
 * Writes a snapshot of an origin's samples as OTLP requests (opentelemetry-proto 1.x: collector/metrics/v1), a bounded number of
 * points in each. Counters are cumulative: since the first sample that was sent, or since the last before they fell.
 */
import { version } from "../kit/version.ts";
import { createByteWriter } from "./bytes.ts";
import { isPresent, type Schema } from "./frame.ts";
import { writeOtlpRequest, type ChosenMetric, type ChosenPoint } from "./otlp-message.ts";
import { planOtlp, writeAttribute, type OtlpPlan, type PlannedPoint } from "./otlp-plan.ts";

/** What an origin says at one moment. It must stay as it is until all of it is written. */
export interface OtlpSnapshot {
  /** Unique among origins. */
  readonly key: string;
  readonly schema: Schema;
  readonly values: Float64Array;
  readonly present: Uint8Array;
  /** Unix milliseconds per slot. */
  readonly times: Float64Array;
}

export interface OtlpBatch {
  readonly message: Buffer;
  readonly points: number;
}

export interface OtlpEncoder {
  /** Requests with what has another time than what was written before; the caller may rest between them. */
  encode(snapshot: OtlpSnapshot): Generator<OtlpBatch>;
  /** The origin is gone. */
  forget(key: string): void;
}

export interface OtlpEncoderOptions {
  /** Attributes of what the samples are of; an empty one isn't told. */
  readonly resourceOf: (schema: Schema) => Readonly<Record<string, string>>;
  /** Of one request. */
  readonly maximumPoints: number;
}

/** An origin with what was written of it last, by slot. */
interface Written {
  readonly plan: OtlpPlan;
  readonly resource: Buffer;
  readonly times: Float64Array;
  readonly values: Float64Array;
  /** Since when a counter counts; 0: it was never written. */
  readonly starts: Float64Array;
}

export function createOtlpEncoder(options: OtlpEncoderOptions): OtlpEncoder {
  const { resourceOf, maximumPoints } = options;
  const origins = new Map<string, Written>();
  const scope = encodeScope();

  function writtenOf({ key, schema }: OtlpSnapshot): Written {
    const known = origins.get(key);
    if (known?.plan.schema === schema) return known;
    const { length } = schema.series;
    const made: Written = {
      plan: planOtlp(schema),
      resource: encodeResource(resourceOf(schema)),
      times: new Float64Array(length),
      values: new Float64Array(length),
      starts: new Float64Array(length),
    };
    if (known) carryOver(known, made);
    origins.set(key, made);
    return made;
  }

  return {
    *encode(snapshot) {
      const written = writtenOf(snapshot);
      const { plan, resource } = written;
      let chosen: ChosenMetric[] = [];
      let points = 0;
      for (const metric of plan.metrics) {
        let list: ChosenPoint[] = [];
        for (const point of metric.points) {
          if (!isNew(snapshot, written, point)) continue;
          if (list.length === 0) chosen.push({ metric, points: list });
          list.push(choose(snapshot, written, point));
          points += 1;
          if (points < maximumPoints) continue;
          yield { message: writeOtlpRequest(resource, scope, plan.attributes, chosen), points };
          chosen = [];
          list = [];
          points = 0;
        }
      }
      if (points > 0)
        yield { message: writeOtlpRequest(resource, scope, plan.attributes, chosen), points };
    },
    forget: (key) => void origins.delete(key),
  };
}

function isNew(snapshot: OtlpSnapshot, written: Written, point: PlannedPoint): boolean {
  const { slot, histogram } = point;
  const { present, times } = snapshot;
  // A clock that was set back must not silence a series until it is where it was.
  if (!isPresent(present, slot) || times[slot] === written.times[slot]) return false;
  return histogram === null || histogram.slots.every((bucket) => isPresent(present, bucket));
}

/** The point with its numbers; from now on it is written. */
function choose(snapshot: OtlpSnapshot, written: Written, point: PlannedPoint): ChosenPoint {
  const { slot, histogram } = point;
  const { values, present, times } = snapshot;
  const value = values[slot]!;
  const time = times[slot]!;
  if (written.starts[slot] === 0 || time < written.times[slot]!) written.starts[slot] = time;
  else if (value < written.values[slot]!) written.starts[slot] = written.times[slot]!;
  written.values[slot] = value;
  written.times[slot] = time;
  const common = { start: point.start, end: point.end, since: written.starts[slot]!, time, value };
  if (histogram === null) return { ...common, histogram: null };
  const { bounds, slots, sumSlot } = histogram;
  const below = slots.map((bucket) => values[bucket]!);
  const counts = [...below, value].map((count, index) =>
    Math.max(0, count - (below[index - 1] ?? 0)),
  );
  const sum = sumSlot >= 0 && isPresent(present, sumSlot) ? values[sumSlot]! : null;
  return { ...common, histogram: { bounds, counts, sum } };
}

/** A new list of series has mostly those of before: their counters go on counting. */
function carryOver(former: Written, made: Written): void {
  const slots = new Map<string, number>();
  former.plan.schema.series.forEach(({ metric, values }, slot) => {
    if (former.starts[slot] !== 0) slots.set(`${metric.name}\u0000${values.join("\u0000")}`, slot);
  });
  made.plan.schema.series.forEach(({ metric, values }, slot) => {
    const from = slots.get(`${metric.name}\u0000${values.join("\u0000")}`);
    if (from === undefined) return;
    made.times[slot] = former.times[from]!;
    made.values[slot] = former.values[from]!;
    made.starts[slot] = former.starts[from]!;
  });
}

/** `Resource = { attribute = 1 }` */
function encodeResource(attributes: Readonly<Record<string, string>>): Buffer {
  const writer = createByteWriter();
  for (const [name, value] of Object.entries(attributes))
    if (value !== "") writeAttribute(writer, 0x0a, name, value);
  return writer.finish();
}

/** `InstrumentationScope = name = 1 version = 2` */
function encodeScope(): Buffer {
  const writer = createByteWriter();
  writer.byte(0x0a);
  writer.string("warpwatch");
  writer.byte(0x12);
  writer.string(version);
  return writer.finish();
}
