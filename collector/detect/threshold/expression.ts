/**
 * Expressions bound to one schema: the work of matching labels is done once. A frame then only fills arrays, and what is
 * made of rows that are as they were before is left as it is.
 */
import { isPresent, type Schema } from "../../../core/wire/frame.ts";
import {
  matchedLabels,
  type Arithmetic,
  type Expression,
  type Selection,
} from "../../../alerts/expression.ts";
import { bindAggregate } from "./aggregate.ts";
import { moved, restless, still } from "./motion.ts";
import { matchRows, select, seriesLabels, type Rows, type SlotIndex } from "./rows.ts";
import type { SampleWindow } from "./sample-window.ts";
import { createSlotMask, touches } from "./slot-mask.ts";
import { createVector, type Vector } from "./vector.ts";
import type { CounterExpression, WindowStore } from "./window-store.ts";

export interface BindContext {
  readonly schema: Schema;
  readonly index: SlotIndex;
  readonly windows: WindowStore;
  /** Takes the slots that are read. */
  readonly reads: Set<number>;
}

export function bindExpression(expression: Expression, context: BindContext): Vector {
  switch (expression.op) {
    case "value":
      return bindSelection(expression, context);
    case "age":
      return bindAge(bindExpression(expression.of, context));
    case "rate":
    case "increase":
      return bindCounters(expression, context);
    case "over":
      return bindSamples(expression, context, (window, end) => window[expression.how](end));
    case "predict":
      return bindSamples(expression, context, (window, end) =>
        window.predict(end, expression.aheadMilliseconds),
      );
    case "constant":
      return bindConstant(expression.value);
    case "sum":
    case "min":
    case "max":
    case "avg":
    case "count":
    case "median":
      return bindAggregate(expression.op, expression.by, bindExpression(expression.of, context));
    default:
      return bindArithmetic(expression, context);
  }
}

/** The slots of a selection, noted as read. */
function slotsOf(selection: Selection, { schema, index, reads }: BindContext): Int32Array {
  const slots = select(schema, index, selection);
  for (const slot of slots) reads.add(slot);
  return Int32Array.from(slots);
}

function rowsOf(schema: Schema, slots: Int32Array): Rows {
  return { length: slots.length, labels: (row) => seriesLabels(schema, slots[row]!) };
}

function bindConstant(number: number): Vector {
  return createVector({ length: 1, labels: () => ({}) }, [], (values, known) => {
    values[0] = number;
    known[0] = 1;
  });
}

function bindSelection(selection: Selection, context: BindContext): Vector {
  const { schema } = context;
  const slots = slotsOf(selection, context);
  const values = new Float64Array(slots.length);
  const known = new Uint8Array(slots.length);
  const mask = createSlotMask(slots);
  let seen = -1;
  return {
    ...rowsOf(schema, slots),
    values,
    known,
    evaluate({ revision, changed, present, values: newest }) {
      let motion = seen < 0 ? moved : still;
      const isNext = revision === seen + 1;
      seen = revision;
      if (isNext && motion === still && !touches(mask, changed)) return still;
      for (let row = 0; row < slots.length; row += 1) {
        const slot = slots[row]!;
        if (!isPresent(present, slot)) {
          if (known[row] === 1) motion = moved;
          known[row] = 0;
          continue;
        }
        const value = newest[slot]!;
        if (known[row] === 1 && value === values[row]) continue;
        known[row] = 1;
        values[row] = value;
        motion = moved;
      }
      return motion;
    },
  };
}

/** Grows by itself. */
function bindAge(of: Vector): Vector {
  const values = new Float64Array(of.length);
  return {
    length: of.length,
    labels: of.labels,
    values,
    known: of.known,
    evaluate(state) {
      of.evaluate(state);
      const now = state.timeMilliseconds / 1000;
      for (let row = 0; row < values.length; row += 1) values[row] = now - of.values[row]!;
      return values.length === 0 ? still : moved | restless;
    },
  };
}

function bindCounters(expression: CounterExpression, context: BindContext): Vector {
  const { schema, windows, reads } = context;
  const { slots, values, known, evaluate } = windows.counters(expression);
  for (const slot of slots) reads.add(slot);
  return { ...rowsOf(schema, slots), values, known, evaluate };
}

/** A sample is noted with every frame, whether or not it is other than the one before. */
function bindSamples(
  { of, windowMilliseconds }: Extract<Expression, { op: "over" | "predict" }>,
  context: BindContext,
  summarize: (window: SampleWindow, endMilliseconds: number) => number | undefined,
): Vector {
  const { schema, windows } = context;
  const slots = slotsOf(of, context);
  const kept = Array.from(slots, (slot) => windows.samples(of, slot, windowMilliseconds));
  const values = new Float64Array(slots.length);
  const known = new Uint8Array(slots.length);
  let isFirst = true;
  return {
    ...rowsOf(schema, slots),
    values,
    known,
    evaluate(state) {
      let motion = (isFirst ? moved : still) | (slots.length > 0 ? restless : still);
      isFirst = false;
      for (let row = 0; row < slots.length; row += 1) {
        const slot = slots[row]!;
        const window = kept[row]!;
        let value: number | undefined;
        if (isPresent(state.present, slot)) {
          window.push(state.times[slot]!, state.values[slot]!);
          value = summarize(window, state.timeMilliseconds);
        }
        const isKnown = value === undefined ? 0 : 1;
        if (isKnown === known[row] && (isKnown === 0 || value === values[row])) continue;
        known[row] = isKnown;
        values[row] = value ?? Number.NaN;
        motion |= moved;
      }
      return motion;
    },
  };
}

type ArithmeticExpression = Extract<Expression, { op: Arithmetic }>;

function bindArithmetic(expression: ArithmeticExpression, context: BindContext): Vector {
  const left = bindExpression(expression.left, context);
  const apply = operations[expression.op];
  const { right } = expression;
  if (typeof right === "number")
    return createVector(left, [left], (values, known) => {
      known.set(left.known);
      for (let row = 0; row < values.length; row += 1)
        values[row] = apply(left.values[row]!, right);
    });
  const other = bindExpression(right, context);
  const partners = matchRows(left, other, matchedLabels(expression.left, right, expression.on));
  const matched = partners.flatMap((rows, row) => (rows.length > 0 ? [row] : []));
  const leftRows = Int32Array.from(matched);
  const rightRows = Int32Array.from(matched, (row) => partners[row]?.[0] ?? 0);
  const rows = { length: matched.length, labels: (row: number) => left.labels(leftRows[row]!) };
  return createVector(rows, [left, other], (values, known) => {
    for (let row = 0; row < values.length; row += 1) {
      const one = leftRows[row]!;
      const two = rightRows[row]!;
      known[row] = left.known[one]! & other.known[two]!;
      values[row] = apply(left.values[one]!, other.values[two]!);
    }
  });
}

const operations: Readonly<Record<Arithmetic, (a: number, b: number) => number>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
};
