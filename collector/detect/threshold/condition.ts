/** Conditions bound to one schema, in three truths: true, false, and unknown where samples are missing. */
import type { Comparison, ComparisonCondition, Condition } from "../../../alerts/expression.ts";
import type { OriginState } from "../../origin.ts";
import { bindExpression, type BindContext } from "./expression.ts";
import { moved, still, type Motion } from "./motion.ts";
import { matchRows, type Rows } from "./rows.ts";

const isFalse = 0;
export const isTrue = 1;
export const isUnknown = 2;

export interface BoundCondition extends Rows {
  readonly truth: Uint8Array;
  /** The number that is compared: the leftmost side's. */
  readonly values: Float64Array;
  /**
   * `firing[row]` is 1 where the alert fires already, and the threshold to clear counts; `firingMoved` where that changed
   * since the last time.
   */
  evaluate(state: OriginState, firing: Uint8Array, firingMoved: boolean): Motion;
}

export function bindCondition(condition: Condition, context: BindContext): BoundCondition {
  switch (condition.op) {
    case "and":
    case "unless":
      return bindSet(condition, context);
    case "lacks":
      return bindAbsence(condition, context);
    default:
      return bindComparison(condition, context);
  }
}

function bindComparison(
  { op, left, right, clear = right }: ComparisonCondition,
  context: BindContext,
): BoundCondition {
  const vector = bindExpression(left, context);
  const { length, labels, values, known } = vector;
  const truth = new Uint8Array(length).fill(isUnknown);
  const comparison = { op, right, clear, values, known, truth };
  return {
    length,
    labels,
    truth,
    values,
    evaluate(state, firing, firingMoved) {
      const motion = vector.evaluate(state) | (firingMoved && clear !== right ? moved : still);
      if ((motion & moved) === 0) return motion;
      compareRows(comparison, firing);
      return motion;
    },
  };
}

/** What works on rows stands outside of what binds them, so that it is made fast once for all origins. */
interface BoundComparison {
  readonly op: Comparison;
  readonly right: number;
  readonly clear: number;
  readonly values: Float64Array;
  readonly known: Uint8Array;
  readonly truth: Uint8Array;
}

function compareRows(comparison: BoundComparison, firing: Uint8Array): void {
  const { op, right, clear, values, known, truth } = comparison;
  for (let row = 0; row < truth.length; row += 1) {
    const threshold = firing[row] === 1 ? clear : right;
    if (known[row] === 0) truth[row] = isUnknown;
    else truth[row] = holds(op, values[row]!, threshold) ? isTrue : isFalse;
  }
}

function holds(op: Comparison, value: number, threshold: number): boolean {
  switch (op) {
    case ">":
      return value > threshold;
    case ">=":
      return value >= threshold;
    case "<":
      return value < threshold;
    case "<=":
      return value <= threshold;
    case "==":
      return value === threshold;
    default:
      return value !== threshold;
  }
}

function bindSet(
  condition: Extract<Condition, { op: "and" | "unless" }>,
  context: BindContext,
): BoundCondition {
  const left = bindCondition(condition.left, context);
  const right = bindCondition(condition.right, context);
  const partners = flatten(matchRows(left, right, condition.on));
  const rightFiring = new Uint8Array(right.length);
  const truth = new Uint8Array(left.length).fill(isUnknown);
  const isAnd = condition.op === "and";
  return {
    length: left.length,
    labels: left.labels,
    truth,
    values: left.values,
    evaluate(state, firing, firingMoved) {
      if (isAnd && firingMoved) spread(firing, partners, rightFiring);
      const motion =
        left.evaluate(state, firing, firingMoved) |
        right.evaluate(state, rightFiring, isAnd && firingMoved);
      if ((motion & moved) === 0) return motion;
      decideRows(left.truth, right.truth, partners, isAnd, truth);
      return motion;
    },
  };
}

function decideRows(
  left: Uint8Array,
  right: Uint8Array,
  partners: Partners,
  isAnd: boolean,
  truth: Uint8Array,
): void {
  for (let row = 0; row < truth.length; row += 1) {
    const one = left[row]!;
    // Whatever the right side is: nothing makes it true.
    if (one === isFalse) truth[row] = isFalse;
    else if (isAnd) truth[row] = decideAnd(one, anyOf(right, partners, row));
    else truth[row] = decideUnless(one, anyOf(right, partners, row));
  }
}

/** The origin reports, so a sample that isn't there is missed and not just late. */
function bindAbsence(
  condition: Extract<Condition, { op: "lacks" }>,
  context: BindContext,
): BoundCondition {
  const left = bindCondition(condition.left, context);
  const right = bindExpression(condition.right, context);
  const partners = flatten(matchRows(left, right, condition.on));
  const truth = new Uint8Array(left.length).fill(isUnknown);
  return {
    length: left.length,
    labels: left.labels,
    truth,
    values: left.values,
    evaluate(state, firing, firingMoved) {
      const motion = left.evaluate(state, firing, firingMoved) | right.evaluate(state);
      if ((motion & moved) === 0) return motion;
      for (let row = 0; row < truth.length; row += 1)
        truth[row] = isAnyThere(right.known, partners, row) ? isFalse : left.truth[row]!;
      return motion;
    },
  };
}

/** The partners of a row are those from `starts[row]` to before `starts[row + 1]`. */
interface Partners {
  readonly starts: Int32Array;
  readonly rows: Int32Array;
}

function flatten(lists: readonly (readonly number[])[]): Partners {
  const starts = new Int32Array(lists.length + 1);
  lists.forEach((list, row) => (starts[row + 1] = starts[row]! + list.length));
  return { starts, rows: Int32Array.from(lists.flat()) };
}

/** Where an alert fires, so do the partners of its row. */
function spread(firing: Uint8Array, { starts, rows }: Partners, partnerFiring: Uint8Array): void {
  partnerFiring.fill(0);
  for (let row = 0; row < firing.length; row += 1)
    if (firing[row] === 1)
      for (let at = starts[row]!; at < starts[row + 1]!; at += 1) partnerFiring[rows[at]!] = 1;
}

function isAnyThere(known: Uint8Array, { starts, rows }: Partners, row: number): boolean {
  for (let at = starts[row]!; at < starts[row + 1]!; at += 1)
    if (known[rows[at]!] === 1) return true;
  return false;
}

/** True when one of the row's partners is; null when there is none at all. */
function anyOf(truth: Uint8Array, { starts, rows }: Partners, row: number): number | null {
  let found: number | null = null;
  for (let at = starts[row]!; at < starts[row + 1]!; at += 1) {
    const one = truth[rows[at]!]!;
    if (one === isTrue) return isTrue;
    if (found !== isUnknown) found = one;
  }
  return found;
}

/** A right side that isn't there is no proof that the condition stopped holding. */
function decideAnd(left: number, right: number | null): number {
  if (right === isFalse) return isFalse;
  return left === isTrue && right === isTrue ? isTrue : isUnknown;
}

function decideUnless(left: number, right: number | null): number {
  if (right === isTrue) return isFalse;
  return right === isUnknown ? isUnknown : left;
}
