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
  const made = { motion: moved, sources, values, known, fill };
  return {
    length: rows.length,
    labels: rows.labels,
    values,
    known,
    evaluate: (state) => evaluateMade(made, state),
  };
}

interface Made {
  /** Of what was left undone: all of it, the first time. */
  motion: Motion;
  readonly sources: readonly Vector[];
  readonly values: Float64Array;
  readonly known: Uint8Array;
  readonly fill: (values: Float64Array, known: Uint8Array) => void;
}

function evaluateMade(made: Made, state: OriginState): Motion {
  const { sources } = made;
  let { motion } = made;
  for (let index = 0; index < sources.length; index += 1) motion |= sources[index]!.evaluate(state);
  made.motion = still;
  if ((motion & moved) !== 0) made.fill(made.values, made.known);
  return motion;
}
