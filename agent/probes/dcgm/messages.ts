/** What the agent and its probe say about DCGM: the calls' arguments and answers. */

/** Where a host engine is: one that runs, or one of the probe's own. */
export type Target =
  | { readonly kind: "tcp" | "socket"; readonly address: string }
  | { readonly kind: "embedded" };

export interface OpenArgument {
  /** Files, best first. */
  readonly libraries: readonly string[];
  readonly targets: readonly Target[];
}

/** Absent: there is no library that can be loaded. Down: there is one, and no host engine. */
export type OpenAnswer =
  | { readonly state: "absent"; readonly reason: string }
  | { readonly state: "down"; readonly reason: string }
  | {
      readonly state: "open";
      readonly path: string;
      readonly target: string;
      /** Of the host engine: 4.6.0 */
      readonly version: string;
    };

export const readingSets = ["fast", "steady"] as const;
export type ReadingSet = (typeof readingSets)[number];

export interface WatchArgument extends Readonly<Record<ReadingSet, readonly number[]>> {
  /** Fields whose values are read once, as text. */
  readonly facts: readonly number[];
  /** Numbers of GPUs that are left alone, with all that is in them. */
  readonly withoutGpus: readonly number[];
}

/** A part of the machine that DCGM knows. */
export interface Entity {
  /** One of `entityGroups`. */
  readonly group: number;
  readonly id: number;
  /** What it is a part of; null where it is part of nothing. */
  readonly parent: { readonly group: number; readonly id: number } | null;
  /** An instance's number in its GPU, a link's on its device; the id of anything else. */
  readonly number: number;
  /** By field. */
  readonly facts: Readonly<Record<number, string>>;
}

/** The code says how it went; the rest is empty unless it is 0. */
export interface WatchAnswer {
  readonly code: number;
  readonly sentence: string;
  readonly entities: readonly Entity[];
  /** The fields that are read of each of the entities, in their order: what the columns hold, one entity after the other. */
  readonly fields: Readonly<Record<ReadingSet, readonly (readonly number[])[]>>;
  /** Fields that this library doesn't know. */
  readonly unknown: readonly number[];
  /** Fields that were asked for as values and are texts, or whole tables. */
  readonly notNumbers: readonly number[];
  /** Sentences: what couldn't be watched. */
  readonly refusals: readonly string[];
}

export interface ReadAnswer {
  readonly code: number;
  readonly sentence: string;
  /** NaN for what has no value now. */
  readonly column: Float64Array;
  /** There are other entities than those that are watched. */
  readonly changed: boolean;
}

export interface Incident {
  readonly group: number;
  readonly id: number;
  /** A bit of the health systems. */
  readonly system: number;
  /** 10 is a warning, 20 a failure. */
  readonly health: number;
  readonly errorCode: number;
  readonly text: string;
}

export interface HealthAnswer {
  readonly code: number;
  readonly sentence: string;
  readonly incidents: readonly Incident[];
}
