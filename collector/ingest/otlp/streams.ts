/**
 * What is known of each stream, which is one set of attributes of one metric of one resource: the numbers of its series, and for
 * deltas what they add up to, as OpenTelemetry's delta-to-cumulative conversion has it.
 */
import type { OtlpAttributes, OtlpMetric, OtlpResource } from "../../../core/wire/otlp.ts";
import type { FamilyMetadata } from "../../../core/wire/write-request.ts";
import type { Measure } from "./measure.ts";
import type { Target } from "./target.ts";

export interface Stream {
  /** Void once the registry's epoch is another. */
  epoch: number;
  /** Of its series, in the order of its parts. */
  numbers: readonly number[];
  /** Which buckets the numbers are of. */
  bounds: readonly number[];
  /** Null until a delta came. */
  total: Total | null;
  seen: number;
}

/** Deltas up to a time. */
export interface Total {
  readonly timeMilliseconds: number;
  readonly measure: Measure;
  /** Of the translator's, by number. */
  readonly request: number;
}

export interface Family {
  /** Null where nothing of it is left in Prometheus' alphabet. */
  readonly name: string | null;
  readonly metadata: FamilyMetadata;
  readonly streams: Map<string, Stream>;
}

export interface TargetStreams {
  /** Null when its attributes can't be read. */
  readonly target: Target | null;
  readonly families: Map<string, Family>;
  /** Of `target_info`. */
  readonly info: Stream;
}

export interface Streams {
  readonly size: number;
  /** Null when there are too many. */
  target(resource: OtlpResource): TargetStreams | null;
  /** Null when there are too many. */
  family(target: TargetStreams, metric: OtlpMetric): Family | null;
  find(family: Family, key: string): Stream | null;
  /** False when there are too many. */
  keep(family: Family, key: string, stream: Stream): boolean;
  /** Lets go of what didn't come during the last sixty sweeps. */
  sweep(): void;
}

export interface StreamsOptions {
  readonly limits: {
    readonly targets: number;
    readonly families: number;
    readonly streams: number;
  };
  readonly targetOf: (attributes: OtlpAttributes) => Target | null;
  readonly familyOf: (metric: OtlpMetric) => Pick<Family, "name" | "metadata">;
}

const sweeps = 60;
/** Of what streams are known by. */
const maximumKeyLength = 256 * 1024 * 1024;

export function createStreams({ limits, targetOf, familyOf }: StreamsOptions): Streams {
  const targets = new Map<string, TargetStreams>();
  let size = 0;
  let families = 0;
  let keyLength = 0;
  let sweepCount = 0;

  function sweepTarget(target: TargetStreams, oldest: number): void {
    for (const [name, { streams }] of target.families) {
      for (const [key, { seen }] of streams) {
        if (seen >= oldest) continue;
        streams.delete(key);
        size -= 1;
        keyLength -= key.length;
      }
      if (streams.size > 0) continue;
      target.families.delete(name);
      families -= 1;
    }
  }

  return {
    get size() {
      return size;
    },
    target({ attributes }) {
      const known = targets.get(attributes.key);
      if (known) return known;
      const room = targets.size < limits.targets && keyLength < maximumKeyLength;
      if (!room) return null;
      const made = { target: targetOf(attributes), families: new Map(), info: createStream() };
      targets.set(attributes.key, made);
      keyLength += attributes.key.length;
      return made;
    },
    family(target, metric) {
      const key = keyOf(metric);
      const known = target.families.get(key);
      if (known) return known;
      if (families >= limits.families) return null;
      const made = { ...familyOf(metric), streams: new Map() };
      target.families.set(key, made);
      families += 1;
      return made;
    },
    find({ streams }, key) {
      const known = streams.get(key) ?? null;
      if (known) known.seen = sweepCount;
      return known;
    },
    keep({ streams }, key, stream) {
      if (size >= limits.streams || keyLength >= maximumKeyLength) return false;
      stream.seen = sweepCount;
      streams.set(key, stream);
      size += 1;
      keyLength += key.length;
      return true;
    },
    sweep() {
      sweepCount += 1;
      for (const [key, target] of targets) {
        sweepTarget(target, sweepCount - sweeps);
        if (target.families.size > 0) continue;
        targets.delete(key);
        keyLength -= key.length;
      }
    },
  };
}

export function createStream(): Stream {
  return { epoch: -1, numbers: [], bounds: [], total: null, seen: 0 };
}

/** Two metrics of one name that differ in any of these are two, as in OpenTelemetry's data model. */
function keyOf({ name, unit, data }: OtlpMetric): string {
  const kind = data.kind === "sum" && data.isMonotonic ? "counter" : data.kind;
  return `${kind} ${name}\u0000${unit}`;
}
