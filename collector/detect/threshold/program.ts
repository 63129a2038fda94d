/**
 * The rules bound to a shape: steps in an order in which each finds its inputs done, and where in an origin's memory their
 * rows lie. Origins with the same shape share one program, so that a fleet's frames find it in the processor's caches.
 */
import type { Rule } from "../../../alerts/rule.ts";
import type { Schema } from "../../../core/wire/frame.ts";
import type { OriginState } from "../../origin.ts";
import type { OnFiring } from "./condition.ts";
import type { Stretch } from "./counter-columns.ts";
import type { Memory, Sizes } from "./memory.ts";
import type { Motion } from "./motion.ts";
import { seriesLabels, type Labels, type Rows } from "./rows.ts";
import type { Summary } from "./sample-window.ts";

export interface Step {
  /** Fills its rows from the origin's newest frame or from other steps' rows. */
  readonly run: (memory: Memory, state: OriginState) => Motion;
  /** Slots of the schema whose change makes it due. */
  readonly slots: Int32Array;
  /** Steps whose rows it reads. */
  readonly after: readonly number[];
}

export interface Program {
  /** The same text for the same program. */
  readonly signature: string;
  readonly steps: readonly Step[];
  /** Per step those that read its rows; rules are numbered behind the steps. */
  readonly followers: readonly Uint16Array[];
  readonly readers: Readers;
  readonly rules: readonly ProgramRule[];
  readonly sizes: Sizes;
  readonly rings: readonly RingPlan[];
  readonly stretches: readonly Stretch[];
  readonly windows: readonly WindowPlan[];
}

/** Rows of numbers at a place of their own in every origin's memory. */
export interface Vector {
  readonly length: number;
  /** The first row's place. */
  readonly first: number;
  /** The steps that fill it. */
  readonly after: readonly number[];
  labels: (schema: Schema, row: number) => Labels;
}

export interface ProgramRule {
  readonly rule: Rule;
  readonly length: number;
  labels: (schema: Schema, row: number) => Labels;
  /** Places of the first row: what the condition says of it, the number that is compared, and whether its alert fires. */
  readonly truth: number;
  readonly values: number;
  readonly firing: number;
  readonly onFiring: OnFiring;
}

/** When the series of one source were sampled, for windows of one length. */
export interface RingPlan {
  readonly key: string;
  readonly lengthMilliseconds: number;
  readonly slots: Int32Array;
}

export interface WindowPlan {
  /** What is asked of it: with the series' labels it is found again under another schema. */
  readonly key: string;
  readonly slot: number;
  readonly how: Summary;
  readonly lengthMilliseconds: number;
}

/** Side by side, in the order of the bitmap: a byte of it, the bits in it that a step reads, and the step. */
export interface Readers {
  readonly places: Uint32Array;
  readonly bits: Uint8Array;
  readonly steps: Uint16Array;
}

export function rowsOf(
  { length, labels }: Pick<Vector, "length" | "labels">,
  schema: Schema,
): Rows {
  return { length, labels: (row) => labels(schema, row) };
}

export function rowsOfSlots(slots: Int32Array, first: number, after: readonly number[]): Vector {
  return {
    length: slots.length,
    first,
    after,
    labels: (schema, row) => seriesLabels(schema, slots[row]!),
  };
}

export function listReaders(steps: readonly Step[]): Readers {
  const readers = steps.flatMap(({ slots }, step) => {
    const bits = new Map<number, number>();
    for (const slot of slots) bits.set(slot >> 3, (bits.get(slot >> 3) ?? 0) | (1 << (slot & 7)));
    return Array.from(bits, ([place, own]) => ({ place, bits: own, step }));
  });
  readers.sort((one, other) => one.place - other.place);
  return {
    places: Uint32Array.from(readers, ({ place }) => place),
    bits: Uint8Array.from(readers, ({ bits }) => bits),
    steps: Uint16Array.from(readers, ({ step }) => step),
  };
}

export function listFollowers(
  steps: readonly Step[],
  rules: readonly { readonly after: readonly number[] }[],
): Uint16Array[] {
  const followers = steps.map((): number[] => []);
  [...steps, ...rules].forEach(({ after }, index) => {
    for (const step of after) followers[step]!.push(index);
  });
  return followers.map((list) => Uint16Array.from(list));
}
