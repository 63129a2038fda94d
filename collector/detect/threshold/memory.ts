/** What one origin's rules remember: the rows of their steps, which steps a frame is about, and the windows they look back on. */
import type { CounterColumns } from "./counter-columns.ts";
import type { Program } from "./program.ts";
import type { SampleWindow } from "./sample-window.ts";
import type { TimeRing } from "./time-ring.ts";

export interface Memory {
  /** By place; `values` count only where `known` is 1: a sample that isn't there is neither 0 nor NaN. */
  readonly values: Float64Array;
  readonly known: Uint8Array;
  /** What conditions say of their rows. */
  readonly truth: Uint8Array;
  /** 1 where a row's alert fires. */
  readonly firing: Uint8Array;
  /** 1 where a step has to run with this frame, and behind the steps where a rule has to be judged. */
  readonly due: Uint8Array;
  readonly rings: readonly TimeRing[];
  readonly counters: CounterColumns;
  readonly windows: readonly SampleWindow[];
  /** Of the frame that was looked at last; -1 before the first. */
  revision: number;
  /** Something failed: the next frame finds everything due. */
  isShaken: boolean;
}

/** How many of each an origin's memory has to hold. */
export type Sizes = Readonly<Record<"values" | "truth" | "firing" | "counters", number>>;

/** Everything is unknown and due. */
export function createMemory(
  { sizes, steps, rules }: Program,
  windows: Pick<Memory, "rings" | "counters" | "windows">,
): Memory {
  return {
    values: new Float64Array(sizes.values).fill(Number.NaN),
    known: new Uint8Array(sizes.values),
    truth: new Uint8Array(sizes.truth).fill(isUnknown),
    firing: new Uint8Array(sizes.firing),
    due: new Uint8Array(steps.length + rules.length).fill(1),
    ...windows,
    revision: -1,
    isShaken: false,
  };
}

/** A condition's truths. */
export const isFalse = 0;
export const isTrue = 1;
export const isUnknown = 2;
