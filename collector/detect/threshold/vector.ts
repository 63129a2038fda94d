/** Vectors: rows of numbers that follow an origin's frames. */
import type { OriginState } from "../../origin.ts";
import { moved, still, type Motion } from "./motion.ts";
import type { Rows } from "./rows.ts";

/** `values[row]` counts only where `known[row]` is 1: a sample that isn't there is neither 0 nor NaN. */
export interface Vector extends Rows {
  readonly values: Float64Array;
  readonly known: Uint8Array;
  /** Follows the origin's newest frame. */
  evaluate: (state: OriginState) => Motion;
}

/** Computes rows from others, and only when those are other than they were. */
export function createVector(
  rows: Rows,
  sources: readonly Vector[],
  fill: (values: Float64Array, known: Uint8Array) => void,
): Vector {
  const values = new Float64Array(rows.length);
  const known = new Uint8Array(rows.length);
  let motion: Motion = moved;
  return {
    length: rows.length,
    labels: rows.labels,
    values,
    known,
    evaluate(state) {
      for (const source of sources) motion |= source.evaluate(state);
      const seen = motion;
      motion = still;
      if ((seen & moved) !== 0) fill(values, known);
      return seen;
    },
  };
}
