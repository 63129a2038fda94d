/** Expressions bound to one schema: the work of matching labels is done once, and each frame only fills arrays. */
import { isPresent } from "../../../core/wire/frame.ts";
import {
  matchedLabels,
  type Aggregate,
  type Arithmetic,
  type Expression,
  type Selection,
} from "../../../alerts/expression.ts";
import type { OriginState } from "../../origin.ts";
import {
  keyOfLabels,
  matchRows,
  select,
  seriesLabels,
  type Labels,
  type SlotIndex,
} from "./rows.ts";
import type { SampleWindow } from "./sample-window.ts";
import type { CounterWindow } from "./window.ts";

/** `values[row]` counts only where `known[row]` is 1: a sample that isn't there is neither 0 nor NaN. */
export interface Vector {
  readonly rows: readonly Labels[];
  readonly values: Float64Array;
  readonly known: Uint8Array;
  evaluate(state: OriginState): void;
}

/** The windows of one origin by series and length; they outlive a change of its schema. */
export interface WindowStore {
  counter(key: string, lengthMilliseconds: number): CounterWindow;
  samples(key: string, lengthMilliseconds: number): SampleWindow;
}

export interface BindContext {
  readonly state: OriginState;
  readonly index: SlotIndex;
  readonly windows: WindowStore;
}

export function bindExpression(expression: Expression, context: BindContext): Vector {
  switch (expression.op) {
    case "value":
      return bindSelection(expression, context);
    case "age":
      return bindAge(bindExpression(expression.of, context));
    case "rate":
    case "increase":
      return bindCounter(expression, context);
    case "over":
      return bindSamples(expression, context, (window, end) => window[expression.how](end));
    case "predict":
      return bindSamples(expression, context, (window, end) =>
        window.predict(end, expression.aheadMilliseconds),
      );
    case "constant":
      return createVector([{}], (_, values, known) => {
        values[0] = expression.value;
        known[0] = 1;
      });
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

function createVector(
  rows: readonly Labels[],
  fill: (state: OriginState, values: Float64Array, known: Uint8Array) => void,
): Vector {
  const values = new Float64Array(rows.length);
  const known = new Uint8Array(rows.length);
  return { rows, values, known, evaluate: (state) => fill(state, values, known) };
}

function bindSelection(selection: Selection, { state, index }: BindContext): Vector {
  const slots = Int32Array.from(select(state.schema, index, selection));
  const rows = Array.from(slots, (slot) => seriesLabels(state.schema, slot));
  return createVector(rows, (now, values, known) => {
    for (let row = 0; row < slots.length; row++) {
      const slot = slots[row] ?? 0;
      known[row] = isPresent(now.present, slot) ? 1 : 0;
      values[row] = now.values[slot] ?? Number.NaN;
    }
  });
}

function bindAge(of: Vector): Vector {
  return createVector(of.rows, (state, values, known) => {
    of.evaluate(state);
    known.set(of.known);
    for (let row = 0; row < values.length; row++)
      values[row] = state.timeMilliseconds / 1000 - (of.values[row] ?? Number.NaN);
  });
}

function bindCounter(
  expression: Extract<Expression, { op: "rate" | "increase" }>,
  context: BindContext,
): Vector {
  const { op, of, windowMilliseconds } = expression;
  return bindWindow(
    of,
    context,
    (key) => context.windows.counter(key, windowMilliseconds),
    (window, end) => window[op](end),
    // Too few samples for an increase yet.
    (value) => !Number.isNaN(value),
  );
}

function bindSamples(
  expression: Extract<Expression, { op: "over" | "predict" }>,
  context: BindContext,
  summarize: (window: SampleWindow, endMilliseconds: number) => number | undefined,
): Vector {
  const { of, windowMilliseconds } = expression;
  return bindWindow(
    of,
    context,
    (key) => context.windows.samples(key, windowMilliseconds),
    summarize,
    (value) => value !== undefined,
  );
}

interface Window {
  push(timeMilliseconds: number, value: number): void;
}

function bindWindow<W extends Window>(
  of: Selection,
  { state, index }: BindContext,
  open: (key: string) => W,
  summarize: (window: W, endMilliseconds: number) => number | undefined,
  isKnown: (value: number | undefined) => boolean,
): Vector {
  const slots = Int32Array.from(select(state.schema, index, of));
  const rows = Array.from(slots, (slot) => seriesLabels(state.schema, slot));
  const kept = rows.map((labels) => open(`${of.metric.name} ${keyOfLabels(labels)}`));
  return createVector(rows, (now, values, known) => {
    for (let row = 0; row < slots.length; row++) {
      const slot = slots[row] ?? 0;
      const window = kept[row];
      if (!window || !isPresent(now.present, slot)) {
        known[row] = 0;
        continue;
      }
      window.push(now.times[slot] ?? 0, now.values[slot] ?? Number.NaN);
      const value = summarize(window, now.timeMilliseconds);
      known[row] = isKnown(value) ? 1 : 0;
      values[row] = value ?? Number.NaN;
    }
  });
}

type ArithmeticExpression = Extract<Expression, { op: Arithmetic }>;

function bindArithmetic(expression: ArithmeticExpression, context: BindContext): Vector {
  const left = bindExpression(expression.left, context);
  const apply = operations[expression.op];
  const { right } = expression;
  if (typeof right === "number")
    return createVector(left.rows, (state, values, known) => {
      left.evaluate(state);
      known.set(left.known);
      for (let row = 0; row < values.length; row++)
        values[row] = apply(left.values[row] ?? 0, right);
    });
  const other = bindExpression(right, context);
  const labels = matchedLabels(expression.left, right, expression.on);
  const partners = matchRows(left.rows, other.rows, labels);
  const matched = partners.flatMap((rows, row) => (rows.length > 0 ? [row] : []));
  const leftRows = Int32Array.from(matched);
  const rightRows = Int32Array.from(matched, (row) => partners[row]?.[0] ?? 0);
  const rows = matched.map((row) => left.rows[row] ?? {});
  return createVector(rows, (state, values, known) => {
    left.evaluate(state);
    other.evaluate(state);
    for (let row = 0; row < values.length; row++) {
      const a = leftRows[row] ?? 0;
      const b = rightRows[row] ?? 0;
      known[row] = (left.known[a] ?? 0) & (other.known[b] ?? 0);
      values[row] = apply(left.values[a] ?? 0, other.values[b] ?? 0);
    }
  });
}

const operations: Readonly<Record<Arithmetic, (a: number, b: number) => number>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
};

/** As PromQL's `quantile`: NaN counts as the least, and between two members the value lies halfway. */
function bindMedian(of: Vector, rows: readonly Labels[], groupOf: Int32Array): Vector {
  const members = rows.map((): number[] => []);
  return createVector(rows, (state, values, known) => {
    of.evaluate(state);
    for (const group of members) group.length = 0;
    groupOf.forEach((group, member) => {
      if (of.known[member] === 1) members[group]?.push(of.values[member] ?? Number.NaN);
    });
    members.forEach((group, row) => {
      known[row] = group.length > 0 ? 1 : 0;
      values[row] = medianOf(group);
    });
  });
}

function medianOf(values: number[]): number {
  values.sort((one, other) => (Number.isNaN(one) ? -1 : Number.isNaN(other) ? 1 : one - other));
  const rank = (values.length - 1) / 2;
  const [low = Number.NaN, high = Number.NaN] = [values[Math.floor(rank)], values[Math.ceil(rank)]];
  return low === high ? low : low * 0.5 + high * 0.5;
}

/** As PromQL does, a group is made of the members that are there; without any it is unknown. */
function bindAggregate(how: Aggregate, by: readonly string[], of: Vector): Vector {
  const groups = new Map<string, number>();
  const rows: Labels[] = [];
  const groupOf = Int32Array.from(of.rows, (labels) => {
    const key = keyOfLabels(labels, by);
    const known = groups.get(key);
    if (known !== undefined) return known;
    groups.set(key, rows.length);
    rows.push(
      Object.fromEntries(by.flatMap((name) => (labels[name] ? [[name, labels[name]]] : []))),
    );
    return rows.length - 1;
  });
  if (how === "median") return bindMedian(of, rows, groupOf);
  const counts = new Int32Array(rows.length);
  const combine = combinations[how];
  return createVector(rows, (state, values, known) => {
    of.evaluate(state);
    counts.fill(0);
    for (let member = 0; member < groupOf.length; member++) {
      if (of.known[member] === 0) continue;
      const group = groupOf[member] ?? 0;
      const value = how === "count" ? 1 : (of.values[member] ?? 0);
      const count = (counts[group] ?? 0) + 1;
      counts[group] = count;
      values[group] = count === 1 ? value : combine(values[group] ?? 0, value, count);
    }
    for (let group = 0; group < counts.length; group++)
      known[group] = (counts[group] ?? 0) > 0 ? 1 : 0;
  });
}

type Combination = (all: number, value: number, count: number) => number;

/** PromQL's min and max pass over NaN where there is a number; its mean is made in steps, which decides the last digit. */
const combinations: Readonly<Record<Exclude<Aggregate, "median">, Combination>> = {
  sum: (all, value) => all + value,
  avg: (all, value, count) => all + (value / count - all / count),
  count: (all, value) => all + value,
  min: (all, value) => (value < all || Number.isNaN(all) ? value : all),
  max: (all, value) => (value > all || Number.isNaN(all) ? value : all),
};
