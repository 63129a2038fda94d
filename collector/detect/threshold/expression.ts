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
import type { OriginState } from "../../origin.ts";
import { bindAggregate } from "./aggregate.ts";
import { moved, restless, still, type Motion } from "./motion.ts";
import { matchRows, select, seriesLabels, type Rows, type SlotIndex } from "./rows.ts";
import {
  greatestOf,
  leastOf,
  meanOf,
  predictLine,
  pushSample,
  type SampleWindow,
} from "./sample-window.ts";
import { createSlotMask, touches, type SlotMask } from "./slot-mask.ts";
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
      return bindSamples(expression, context, summaries[expression.how]);
    case "predict":
      return bindSamples(expression, context, (window, end) =>
        predictLine(window, end, expression.aheadMilliseconds),
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
  const gathered = { slots, values, known, mask: createSlotMask(slots), revision: -1 };
  return {
    ...rowsOf(schema, slots),
    values,
    known,
    evaluate: (state) => gather(gathered, state),
  };
}

/** What works on rows stands outside of what binds them, so that it is made fast once for all origins. */
interface Gathered {
  readonly slots: Int32Array;
  readonly values: Float64Array;
  readonly known: Uint8Array;
  readonly mask: SlotMask;
  /** -1 before the first. */
  revision: number;
}

function gather(gathered: Gathered, state: OriginState): Motion {
  const { slots, values, known, mask, revision } = gathered;
  const { present, values: newest } = state;
  gathered.revision = state.revision;
  if (state.revision === revision + 1 && revision >= 0 && !touches(mask, state.changed))
    return still;
  let motion = revision < 0 ? moved : still;
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
      grow(values, of.values, state.timeMilliseconds / 1000);
      return values.length === 0 ? still : moved | restless;
    },
  };
}

function grow(ages: Float64Array, times: Float64Array, now: number): void {
  for (let row = 0; row < ages.length; row += 1) ages[row] = now - times[row]!;
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
  const summarized = { slots, kept, values, known, summarize, motion: moved };
  return {
    ...rowsOf(schema, slots),
    values,
    known,
    evaluate: (state) => summarizeRows(summarized, state),
  };
}

interface Summarized {
  readonly slots: Int32Array;
  readonly kept: readonly SampleWindow[];
  readonly values: Float64Array;
  readonly known: Uint8Array;
  readonly summarize: (window: SampleWindow, endMilliseconds: number) => number | undefined;
  /** The first time all is other than it was. */
  motion: Motion;
}

function summarizeRows(summarized: Summarized, state: OriginState): Motion {
  const { slots, kept, values, known, summarize } = summarized;
  let motion = summarized.motion | (slots.length > 0 ? restless : still);
  summarized.motion = still;
  for (let row = 0; row < slots.length; row += 1) {
    const slot = slots[row]!;
    const window = kept[row]!;
    let value: number | undefined;
    if (isPresent(state.present, slot)) {
      pushSample(window, state.times[slot]!, state.values[slot]!);
      value = summarize(window, state.timeMilliseconds);
    }
    const isKnown = value === undefined ? 0 : 1;
    if (isKnown === known[row] && (isKnown === 0 || value === values[row])) continue;
    known[row] = isKnown;
    values[row] = value ?? Number.NaN;
    motion |= moved;
  }
  return motion;
}

const summaries = { min: leastOf, max: greatestOf, avg: meanOf };

type ArithmeticExpression = Extract<Expression, { op: Arithmetic }>;

function bindArithmetic(expression: ArithmeticExpression, context: BindContext): Vector {
  const left = bindExpression(expression.left, context);
  const { op, right } = expression;
  if (typeof right === "number")
    return createVector(left, [left], (values, known) => {
      known.set(left.known);
      applyNumber(op, left.values, right, values);
    });
  const other = bindExpression(right, context);
  const partners = matchRows(left, other, matchedLabels(expression.left, right, expression.on));
  const matched = partners.flatMap((rows, row) => (rows.length > 0 ? [row] : []));
  const pairs = {
    left,
    right: other,
    leftRows: Int32Array.from(matched),
    rightRows: Int32Array.from(matched, (row) => partners[row]?.[0] ?? 0),
  };
  const { leftRows } = pairs;
  const rows = { length: matched.length, labels: (row: number) => left.labels(leftRows[row]!) };
  return createVector(rows, [left, other], (values, known) => applyPairs(op, pairs, values, known));
}

interface Pairs {
  readonly left: Vector;
  readonly right: Vector;
  readonly leftRows: Int32Array;
  readonly rightRows: Int32Array;
}

function applyNumber(op: Arithmetic, left: Float64Array, right: number, to: Float64Array): void {
  for (let row = 0; row < to.length; row += 1) to[row] = apply(op, left[row]!, right);
}

function applyPairs(op: Arithmetic, pairs: Pairs, values: Float64Array, known: Uint8Array): void {
  const { left, right, leftRows, rightRows } = pairs;
  for (let row = 0; row < values.length; row += 1) {
    const one = leftRows[row]!;
    const two = rightRows[row]!;
    known[row] = left.known[one]! & right.known[two]!;
    values[row] = apply(op, left.values[one]!, right.values[two]!);
  }
}

function apply(op: Arithmetic, one: number, two: number): number {
  switch (op) {
    case "+":
      return one + two;
    case "-":
      return one - two;
    case "*":
      return one * two;
    default:
      return one / two;
  }
}
