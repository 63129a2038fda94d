/** Expressions bound to one schema: the work of matching labels is done once, and each frame only fills arrays. */
import { isPresent } from "../../../core/wire/frame.ts";
import type { Aggregate, Arithmetic, Expression, Selection } from "../../../alerts/expression.ts";
import type { OriginState } from "../../origin.ts";
import {
  keyOfLabels,
  matchRows,
  select,
  seriesLabels,
  type Labels,
  type SlotIndex,
} from "./rows.ts";
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
  get(key: string, lengthMilliseconds: number): CounterWindow;
}

export interface BindContext {
  readonly state: OriginState;
  readonly index: SlotIndex;
  readonly windows: WindowStore;
}

export function bindExpression(expression: Expression, context: BindContext): Vector {
  switch (expression.op) {
    case "value":
      return bindSelection(expression, context, (value) => value);
    case "age":
      return bindSelection(
        expression.of,
        context,
        (value, state) => state.timeMilliseconds / 1000 - value,
      );
    case "rate":
      return bindWindow(expression, context, 1000 / expression.windowMilliseconds);
    case "increase":
      return bindWindow(expression, context, 1);
    case "sum":
    case "min":
    case "max":
    case "avg":
    case "count":
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

function bindSelection(
  selection: Selection,
  { state, index }: BindContext,
  convert: (value: number, state: OriginState) => number,
): Vector {
  const slots = Int32Array.from(select(state.schema, index, selection));
  const rows = Array.from(slots, (slot) => seriesLabels(state.schema, slot));
  return createVector(rows, (now, values, known) => {
    for (let row = 0; row < slots.length; row++) {
      const slot = slots[row] ?? 0;
      known[row] = isPresent(now.present, slot) ? 1 : 0;
      values[row] = convert(now.values[slot] ?? Number.NaN, now);
    }
  });
}

function bindWindow(
  expression: Extract<Expression, { op: "rate" | "increase" }>,
  { state, index, windows }: BindContext,
  factor: number,
): Vector {
  const { of, windowMilliseconds } = expression;
  const slots = Int32Array.from(select(state.schema, index, of));
  const rows = Array.from(slots, (slot) => seriesLabels(state.schema, slot));
  const kept = rows.map((labels) =>
    windows.get(`${of.metric.name} ${keyOfLabels(labels)}`, windowMilliseconds),
  );
  return createVector(rows, (now, values, known) => {
    for (let row = 0; row < slots.length; row++) {
      const slot = slots[row] ?? 0;
      const window = kept[row];
      const present = isPresent(now.present, slot);
      if (!window || !present) {
        known[row] = 0;
        continue;
      }
      window.push(now.times[slot] ?? 0, now.values[slot] ?? Number.NaN);
      const increase = window.increase(now.timeMilliseconds);
      known[row] = Number.isNaN(increase) ? 0 : 1;
      values[row] = increase * factor;
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
  const partners = matchRows(left.rows, other.rows);
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
  const counts = new Int32Array(rows.length);
  const combine = combinations[how];
  return createVector(rows, (state, values, known) => {
    of.evaluate(state);
    counts.fill(0);
    for (let member = 0; member < groupOf.length; member++) {
      if (of.known[member] === 0) continue;
      const group = groupOf[member] ?? 0;
      const value = how === "count" ? 1 : (of.values[member] ?? 0);
      values[group] = counts[group] === 0 ? value : combine(values[group] ?? 0, value);
      counts[group] = (counts[group] ?? 0) + 1;
    }
    for (let group = 0; group < counts.length; group++) {
      const count = counts[group] ?? 0;
      known[group] = count > 0 ? 1 : 0;
      if (how === "avg" && count > 0) values[group] = (values[group] ?? 0) / count;
    }
  });
}

/** PromQL's min and max pass over NaN where there is a number. */
const combinations: Readonly<Record<Aggregate, (a: number, b: number) => number>> = {
  sum: (a, b) => a + b,
  avg: (a, b) => a + b,
  count: (a, b) => a + b,
  min: (a, b) => (b < a || Number.isNaN(a) ? b : a),
  max: (a, b) => (b > a || Number.isNaN(a) ? b : a),
};
