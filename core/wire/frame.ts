/** The frame: the samples of one origin at one moment, as a schema that rarely changes and one column of numbers. */
import type { Device } from "../catalog/device.ts";
import type { Metric } from "../catalog/metric.ts";

/** Who the samples are about and how they came here. */
export interface Origin {
  /** The node the samples describe. */
  readonly node: string;
  /** Prometheus' `job` and `instance`; `instance` is unique among origins. */
  readonly job: string;
  readonly instance: string;
  /** Changes when the origin's process starts. */
  readonly boot: string;
}

export interface Series {
  readonly metric: Metric;
  /** Label values in the order of `metric.labels`. */
  readonly values: readonly string[];
  readonly device: Device | null;
}

/** Samples that are taken together (one source's), and so share a timestamp. */
export interface Group {
  readonly source: string;
  /** Index of the group's first slot in the column. */
  readonly first: number;
  readonly length: number;
}

/** The list of series that a column's slots stand for. Immutable: a change makes a new schema with a higher version. */
export interface Schema {
  readonly origin: Origin;
  readonly version: number;
  readonly groups: readonly Group[];
  readonly series: readonly Series[];
}

/**
 * `values[i]` is the sample of `schema.series[i]` where bit i of `present` is set.
 * A frame handed to a sink is the sender's again once the call returns: copy what is kept.
 */
export interface Frame {
  readonly schema: Schema;
  /** Rises by one per frame of an origin's boot. */
  readonly sequence: number;
  /** Unix milliseconds per group: when its samples were read. */
  readonly timestamps: Float64Array;
  readonly values: Float64Array;
  /** One bit per slot, least significant first. Absent is neither 0 nor NaN. */
  readonly present: Uint8Array;
  /** `complete`: a series that is not in it has ended. `partial`: it says nothing of series it doesn't hold. */
  readonly complete: boolean;
  /** Where the sender says what changed: `slots` has a bit for each that may hold another number than in the frame `since`. */
  readonly difference?: { readonly since: number; readonly slots: Uint8Array };
}

export interface FrameSink {
  accept(frame: Frame): void;
}

export function isPresent(present: Uint8Array, slot: number): boolean {
  return ((present[slot >> 3] ?? 0) & (1 << (slot & 7))) !== 0;
}

export function setPresent(present: Uint8Array, slot: number): void {
  present[slot >> 3] = (present[slot >> 3] ?? 0) | (1 << (slot & 7));
}

/** The labels of a series as an object, for alerts and pages; never on a sampling path. */
export function labelsOf(series: Series): Record<string, string> {
  const labels: Record<string, string> = {};
  series.metric.labels.forEach((name, index) => {
    labels[name] = series.values[index] ?? "";
  });
  return labels;
}
