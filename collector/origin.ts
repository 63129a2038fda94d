/** What the collector holds of one origin: its newest samples, copied out of the frames it sent. */
import type { Frame, Origin, Schema } from "../core/wire/frame.ts";

export interface OriginState {
  /** `job` and `instance` together: unique among origins. */
  readonly key: string;
  readonly origin: Origin;
  /** What the door let in of the sender's schema; the same object until the sender's version changes. */
  readonly schema: Schema;
  readonly sequence: number;
  /** Newest sample per slot; means nothing where `present` has no bit. */
  readonly values: Float64Array;
  readonly present: Uint8Array;
  /** Unix milliseconds of each slot's sample. */
  readonly times: Float64Array;
  /** Rises by one with every frame that was let in. */
  readonly revision: number;
  /** A bit per slot, clear only where value and presence are as they were in the revision before. */
  readonly changed: Uint8Array;
  readonly complete: boolean;
  /** Unix milliseconds of the newest sample in the frame: the time at which rules judge it. */
  readonly timeMilliseconds: number;
  /** When the last frame came in, on the collector's monotonic clock. */
  readonly arrivedMonotonic: number;
  /** Smoothed time between frames; 0 until there were two. */
  readonly periodMilliseconds: number;
}

/** How the parts of the collector hear of what comes in. The state belongs to the door: copy what is kept. */
export interface OriginListener {
  frame(state: OriginState): void;
  /**
   * A frame that came late, after an outage: its samples belong to the past. It changes what is kept of the past, and
   * nothing that tells how things stand now. A sender may repeat it: what must count once tells by boot and sequence.
   */
  late?(frame: Frame): void;
  /** The origin was silent so long that another took its place. */
  forget?(key: string): void;
}

/** The collector's own origins: what it counts of itself, what its detectors say, what it knows of the fleet. */
export const ownJobs = {
  collector: "warpwatch-collector",
  detectors: "warpwatch-detectors",
  fleet: "warpwatch-fleet",
} as const;

export function originKey({ job, instance }: Pick<Origin, "job" | "instance">): string {
  return `${job}/${instance}`;
}

/** Those of the collector on this node. */
export function ownOriginKeys(node: string): ReadonlySet<string> {
  const { collector, detectors, fleet } = ownJobs;
  return new Set([
    originKey({ job: collector, instance: node }),
    ...[detectors, fleet].map((job) => originKey({ job, instance: job })),
  ]);
}

/** Three missed periods, and never less than three seconds: from then on nothing is known of the origin. */
export function silentAfterMilliseconds(periodMilliseconds: number): number {
  return 3 * Math.max(periodMilliseconds, 1000);
}
