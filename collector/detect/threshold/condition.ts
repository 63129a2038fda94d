/** Conditions bound to one schema, in three truths: true, false, and unknown where samples are missing. */
import type { Comparison, ComparisonCondition, Condition } from "../../../alerts/expression.ts";
import type { OriginState } from "../../origin.ts";
import { matchRows, type Labels } from "./rows.ts";
import { bindExpression, type BindContext } from "./vector.ts";

const isFalse = 0;
export const isTrue = 1;
export const isUnknown = 2;

export interface BoundCondition {
  readonly rows: readonly Labels[];
  readonly truth: Uint8Array;
  /** The number that is compared: the leftmost side's. */
  readonly values: Float64Array;
  /** `firing[row]` is 1 where the alert fires already, and the threshold to clear counts. */
  evaluate(state: OriginState, firing: Uint8Array): void;
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
  const truth = new Uint8Array(vector.rows.length);
  const holds = comparisons[op];
  return {
    rows: vector.rows,
    truth,
    values: vector.values,
    evaluate(state, firing) {
      vector.evaluate(state);
      for (let row = 0; row < truth.length; row++) {
        const threshold = firing[row] === 1 ? clear : right;
        if (vector.known[row] === 0) truth[row] = isUnknown;
        else truth[row] = holds(vector.values[row] ?? 0, threshold) ? isTrue : isFalse;
      }
    },
  };
}

const comparisons: Readonly<Record<Comparison, (a: number, b: number) => boolean>> = {
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
};

function bindSet(
  condition: Extract<Condition, { op: "and" | "unless" }>,
  context: BindContext,
): BoundCondition {
  const left = bindCondition(condition.left, context);
  const right = bindCondition(condition.right, context);
  const partners = matchRows(left.rows, right.rows, condition.on);
  const rightFiring = new Uint8Array(right.rows.length);
  const truth = new Uint8Array(left.rows.length);
  const decide = condition.op === "and" ? decideAnd : decideUnless;
  return {
    rows: left.rows,
    truth,
    values: left.values,
    evaluate(state, firing) {
      rightFiring.fill(0);
      if (condition.op === "and")
        partners.forEach((rows, row) => {
          if (firing[row] === 1) for (const partner of rows) rightFiring[partner] = 1;
        });
      left.evaluate(state, firing);
      right.evaluate(state, rightFiring);
      for (let row = 0; row < truth.length; row++)
        truth[row] = decide(left.truth[row] ?? isUnknown, anyOf(right.truth, partners[row] ?? []));
    },
  };
}

/** The origin reports, so a sample that isn't there is missed and not just late. */
function bindAbsence(
  condition: Extract<Condition, { op: "lacks" }>,
  context: BindContext,
): BoundCondition {
  const left = bindCondition(condition.left, context);
  const right = bindExpression(condition.right, context);
  const partners = matchRows(left.rows, right.rows, condition.on);
  const truth = new Uint8Array(left.rows.length);
  return {
    rows: left.rows,
    truth,
    values: left.values,
    evaluate(state, firing) {
      left.evaluate(state, firing);
      right.evaluate(state);
      for (let row = 0; row < truth.length; row++) {
        const there = partners[row]?.some((partner) => right.known[partner] === 1) ?? false;
        truth[row] = there ? isFalse : (left.truth[row] ?? isUnknown);
      }
    },
  };
}

/** True when one of the rows is; null when there is no such row at all. */
function anyOf(truth: Uint8Array, rows: readonly number[]): number | null {
  let found: number | null = null;
  for (const row of rows) {
    const one = truth[row] ?? isUnknown;
    if (one === isTrue) return isTrue;
    if (found !== isUnknown) found = one;
  }
  return found;
}

/** A right side that isn't there is no proof that the condition stopped holding. */
function decideAnd(left: number, right: number | null): number {
  if (left === isFalse || right === isFalse) return isFalse;
  return left === isTrue && right === isTrue ? isTrue : isUnknown;
}

function decideUnless(left: number, right: number | null): number {
  if (left === isFalse || right === isTrue) return isFalse;
  return right === isUnknown ? isUnknown : left;
}
