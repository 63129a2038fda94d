/**
 * Expressions as steps of a program: the work of matching labels is done once for a shape. A frame then only fills rows,
 * and what is made of rows that are as they were before is left as it is.
 */
import { isPresent } from "../../../core/wire/frame.ts";
import {
  matchedLabels,
  type Arithmetic,
  type Expression,
  type Selection,
} from "../../../alerts/expression.ts";
import type { OriginState } from "../../origin.ts";
import { compileAggregate } from "./aggregate.ts";
import type { Assembler } from "./assembler.ts";
import { takeIn } from "./counter-columns.ts";
import type { Memory } from "./memory.ts";
import { moved, restless, still, type Motion } from "./motion.ts";
import { rowsOf, type Vector } from "./program.ts";
import { matchRows, select, seriesLabels } from "./rows.ts";
import {
  hasLine,
  isEmpty,
  predictLine,
  pushSample,
  summarize,
  type SampleWindow,
} from "./sample-window.ts";

/** Rows of a stretch: few, so that a counter that moves doesn't have many others looked at. */
const longestStretch = 64;

export function compileExpression(expression: Expression, to: Assembler): Vector {
  return to.once(keyOfExpression(expression), () => compile(expression, to));
}

function compile(expression: Expression, to: Assembler): Vector {
  switch (expression.op) {
    case "value":
      return compileSelection(expression, to);
    case "age":
      return compileAge(compileExpression(expression.of, to), to);
    case "rate":
    case "increase":
      return compileCounters(expression, to);
    case "over":
    case "predict":
      return compileSamples(expression, to);
    case "constant":
      return compileConstant(expression.value, to);
    case "sum":
    case "min":
    case "max":
    case "avg":
    case "count":
    case "median":
      return compileAggregate(
        expression.op,
        expression.by,
        compileExpression(expression.of, to),
        to,
      );
    default:
      return compileArithmetic(expression, to);
  }
}

/** The same text for what asks the same. */
function keyOfExpression(expression: Expression): string {
  return JSON.stringify(expression, (name, part: unknown) => {
    if (part instanceof RegExp) return String(part);
    return name === "metric" ? (part as { name: string }).name : part;
  });
}

function rowsOfSlots(slots: Int32Array, first: number, after: readonly number[]): Vector {
  return {
    length: slots.length,
    first,
    after,
    labels: (schema, row) => seriesLabels(schema, slots[row]!),
  };
}

function compileConstant(number: number, to: Assembler): Vector {
  const first = to.reserve("values", 1);
  const run = ({ values, known }: Memory): Motion => {
    values[first] = number;
    known[first] = 1;
    return moved;
  };
  return { length: 1, first, after: [to.add({ run }, "constant", number)], labels: () => ({}) };
}

function compileSelection(selection: Selection, to: Assembler): Vector {
  const slots = Int32Array.from(select(to.schema, to.index, selection));
  const first = to.reserve("values", slots.length);
  const run = (memory: Memory, state: OriginState): Motion => gather(slots, first, memory, state);
  return rowsOfSlots(slots, first, [to.add({ run, slots }, "value")]);
}

function gather(
  slots: Int32Array,
  first: number,
  { values, known }: Memory,
  { present, values: newest }: OriginState,
): Motion {
  let motion = still;
  for (let row = 0; row < slots.length; row += 1) {
    const slot = slots[row]!;
    const place = first + row;
    if (!isPresent(present, slot)) {
      if (known[place] === 1) motion = moved;
      known[place] = 0;
      continue;
    }
    const value = newest[slot]!;
    if (known[place] === 1 && value === values[place]) continue;
    known[place] = 1;
    values[place] = value;
    motion = moved;
  }
  return motion;
}

/** Grows by itself. */
function compileAge(of: Vector, to: Assembler): Vector {
  const { length, labels } = of;
  const first = to.reserve("values", length);
  const run = ({ values, known }: Memory, { timeMilliseconds }: OriginState): Motion => {
    for (let row = 0; row < length; row += 1) {
      values[first + row] = timeMilliseconds / 1000 - values[of.first + row]!;
      known[first + row] = known[of.first + row]!;
    }
    return length === 0 ? still : moved | restless;
  };
  return { length, first, labels, after: [to.add({ run, after: of.after }, "age")] };
}

type CounterExpression = Extract<Expression, { op: "rate" | "increase" }>;

function compileCounters(expression: CounterExpression, to: Assembler): Vector {
  const { op, of, windowMilliseconds } = expression;
  const slots = Int32Array.from(select(to.schema, to.index, of));
  const first = to.reserve("values", slots.length);
  const rings = Array.from(slots, (slot) => to.ring(slot, windowMilliseconds));
  const after: number[] = [];
  for (let from = 0; from < slots.length;) {
    let end = from + 1;
    while (end < slots.length && end < from + longestStretch && rings[end] === rings[from])
      end += 1;
    const stretch = to.addStretch({
      key: keyOfExpression(expression),
      slots: slots.subarray(from, end),
      ring: rings[from]!,
      first: first + from,
      column: to.reserve("counters", end - from),
      lengthMilliseconds: windowMilliseconds,
      perSeconds: op === "rate" ? windowMilliseconds / 1000 : 1,
    });
    const run = (memory: Memory, state: OriginState): Motion => takeIn(stretch, memory, state);
    after.push(to.add({ run, slots: stretch.slots }, "counters"));
    from = end;
  }
  return rowsOfSlots(slots, first, after);
}

type SampleExpression = Extract<Expression, { op: "over" | "predict" }>;

/** A sample is noted with every frame, whether or not it is other than the one before. */
function compileSamples(expression: SampleExpression, to: Assembler): Vector {
  const { op, of, windowMilliseconds } = expression;
  const slots = Int32Array.from(select(to.schema, to.index, of));
  const first = to.reserve("values", slots.length);
  const how = op === "over" ? expression.how : "last";
  const key = keyOfExpression(expression);
  const places = Array.from(slots, (slot) =>
    to.addWindow({ key, slot, how, lengthMilliseconds: windowMilliseconds }),
  );
  const kept = { slots, first, window: places[0] ?? 0 };
  const ahead = op === "predict" ? expression.aheadMilliseconds : 0;
  const judge = op === "over" ? summaryOf : lineOf;
  const run = (memory: Memory, state: OriginState): Motion =>
    noteSamples(kept, judge, ahead, memory, state);
  return rowsOfSlots(slots, first, [to.add({ run, slots }, op, ahead)]);
}

interface KeptSamples {
  readonly slots: Int32Array;
  /** Places of the first row and its window. */
  readonly first: number;
  readonly window: number;
}

/** Writes the number of a row that has one. */
type Judge = (
  window: SampleWindow,
  end: number,
  ahead: number,
  to: Float64Array,
  at: number,
) => boolean;

function summaryOf(window: SampleWindow, end: number, _: number, to: Float64Array, at: number) {
  to[at] = summarize(window, end);
  return !isEmpty(window);
}

function lineOf(window: SampleWindow, end: number, ahead: number, to: Float64Array, at: number) {
  to[at] = predictLine(window, end, ahead);
  return hasLine(window);
}

function noteSamples(
  { slots, first, window: firstWindow }: KeptSamples,
  judge: Judge,
  ahead: number,
  { values, known, windows }: Memory,
  { present, times, values: newest, timeMilliseconds }: OriginState,
): Motion {
  let motion = slots.length > 0 ? restless : still;
  for (let row = 0; row < slots.length; row += 1) {
    const slot = slots[row]!;
    const place = first + row;
    const before = values[place]!;
    let isKnown = 0;
    if (isPresent(present, slot)) {
      const window = windows[firstWindow + row]!;
      pushSample(window, times[slot]!, newest[slot]!);
      isKnown = judge(window, timeMilliseconds, ahead, values, place) ? 1 : 0;
    }
    if (isKnown === known[place] && (isKnown === 0 || values[place] === before)) continue;
    known[place] = isKnown;
    motion |= moved;
  }
  return motion;
}

type ArithmeticExpression = Extract<Expression, { op: Arithmetic }>;

function compileArithmetic(expression: ArithmeticExpression, to: Assembler): Vector {
  const left = compileExpression(expression.left, to);
  const { op, right } = expression;
  if (typeof right === "number") {
    const { length, labels } = left;
    const first = to.reserve("values", length);
    const run = (memory: Memory): Motion => applyNumber(op, left, right, first, memory);
    const step = to.add({ run, after: left.after }, op, right);
    return { length, first, labels, after: [step] };
  }
  const other = compileExpression(right, to);
  const partners = matchRows(
    rowsOf(left, to.schema),
    rowsOf(other, to.schema),
    matchedLabels(expression.left, right, expression.on),
  );
  const matched = partners.flatMap((rows, row) => (rows.length > 0 ? [row] : []));
  const leftRows = Int32Array.from(matched);
  const rightRows = Int32Array.from(matched, (row) => partners[row]?.[0] ?? 0);
  const first = to.reserve("values", leftRows.length);
  const pairs = {
    lefts: leftRows.map((row) => left.first + row),
    rights: rightRows.map((row) => other.first + row),
  };
  const run = (memory: Memory): Motion => applyPairs(op, pairs, first, memory);
  const after = [...new Set([...left.after, ...other.after])];
  const step = to.add({ run, after }, op, pairs.lefts, pairs.rights);
  return {
    length: leftRows.length,
    first,
    after: [step],
    labels: (schema, row) => left.labels(schema, leftRows[row]!),
  };
}

function applyNumber(
  op: Arithmetic,
  { first: from, length }: Vector,
  right: number,
  first: number,
  { values, known }: Memory,
): Motion {
  for (let row = 0; row < length; row += 1) {
    known[first + row] = known[from + row]!;
    values[first + row] = apply(op, values[from + row]!, right);
  }
  return moved;
}

/** Places of each row's sides. */
interface Pairs {
  readonly lefts: Int32Array;
  readonly rights: Int32Array;
}

function applyPairs(
  op: Arithmetic,
  { lefts, rights }: Pairs,
  first: number,
  { values, known }: Memory,
): Motion {
  for (let row = 0; row < lefts.length; row += 1) {
    const one = lefts[row]!;
    const two = rights[row]!;
    known[first + row] = known[one]! & known[two]!;
    values[first + row] = apply(op, values[one]!, values[two]!);
  }
  return moved;
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
