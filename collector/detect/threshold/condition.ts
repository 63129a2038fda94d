/** Conditions as steps of a program, in three truths: true, false, and unknown where samples are missing. */
import {
  leadingComparison,
  type Comparison,
  type ComparisonCondition,
  type Condition,
  type Expression,
} from "../../../alerts/expression.ts";
import type { Schema } from "../../../core/wire/frame.ts";
import type { Assembler } from "./assembler.ts";
import { compileExpression } from "./expression.ts";
import { isFalse, isTrue, isUnknown, type Memory } from "./memory.ts";
import { moved, still, type Motion } from "./motion.ts";
import { rowsOf } from "./program.ts";
import { matchRows, type Labels, type SlotIndex } from "./rows.ts";

export interface CompiledCondition {
  readonly length: number;
  labels: (schema: Schema, row: number) => Labels;
  /** Places of the first row: of its truth, of the number that is compared (the leftmost side's), and of whether its alert fires. */
  readonly truth: number;
  readonly values: number;
  readonly firing: number;
  readonly after: readonly number[];
  readonly onFiring: OnFiring;
}

/** What follows when an alert begins or ends to fire. */
export interface OnFiring {
  /** Steps that are due then: they hold those rows against the threshold to clear. */
  readonly steps: readonly number[];
  /** Rows on a right side that fire with those on the left. */
  readonly spreads: readonly Spread[];
}

interface Spread {
  readonly partners: Partners;
  readonly from: number;
  readonly to: number;
}

export function compileCondition(condition: Condition, to: Assembler): CompiledCondition {
  switch (condition.op) {
    case "and":
    case "unless":
      return compileSet(condition, to);
    case "lacks":
      return compileAbsence(condition, to);
    default:
      return compileComparison(condition, to);
  }
}

/** False where the schema has nothing of what the condition's rows are made of. */
export function isAbout(condition: Condition, index: SlotIndex): boolean {
  return hasRows(leadingComparison(condition).left, index);
}

function hasRows(expression: Expression, index: SlotIndex): boolean {
  switch (expression.op) {
    case "value":
      return index.has(expression.metric.name);
    case "constant":
      return true;
    case "+":
    case "-":
    case "*":
    case "/":
      return hasRows(expression.left, index);
    default:
      return hasRows(expression.of, index);
  }
}

/** Where an alert fires, so do the partners of its row. */
export function spreadFiring({ spreads }: OnFiring, { firing }: Memory): void {
  for (const { partners, from, to } of spreads) {
    firing.fill(0, to, to + partners.right);
    for (let row = 0; row < partners.left; row += 1)
      if (firing[from + row] === 1)
        for (let at = partners.starts[row]!; at < partners.starts[row + 1]!; at += 1)
          firing[to + partners.rows[at]!] = 1;
  }
}

function compileComparison(
  { op, left, right, clear = right }: ComparisonCondition,
  to: Assembler,
): CompiledCondition {
  const vector = compileExpression(left, to);
  const { length, labels, first: values } = vector;
  const truth = to.reserve("truth", length);
  const firing = to.reserve("firing", length);
  const comparison = { op, right, clear, values, truth, firing, length };
  const run = (memory: Memory): Motion => compareRows(comparison, memory);
  const step = to.add({ run, after: vector.after }, op, right, clear);
  const onFiring = { steps: clear === right ? [] : [step], spreads: [] };
  return { length, labels, truth, values, firing, after: [step], onFiring };
}

interface CompiledComparison {
  readonly op: Comparison;
  readonly right: number;
  readonly clear: number;
  /** Places of the first row. */
  readonly values: number;
  readonly truth: number;
  readonly firing: number;
  readonly length: number;
}

function compareRows(comparison: CompiledComparison, memory: Memory): Motion {
  const { op, right, clear, length } = comparison;
  const { values, known, truth, firing } = memory;
  let motion = still;
  for (let row = 0; row < length; row += 1) {
    const threshold = firing[comparison.firing + row] === 1 ? clear : right;
    const place = comparison.values + row;
    let own = isUnknown;
    if (known[place] === 1) own = holds(op, values[place]!, threshold) ? isTrue : isFalse;
    if (own === truth[comparison.truth + row]) continue;
    truth[comparison.truth + row] = own;
    motion = moved;
  }
  return motion;
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

function compileSet(
  condition: Extract<Condition, { op: "and" | "unless" }>,
  to: Assembler,
): CompiledCondition {
  const left = compileCondition(condition.left, to);
  const right = compileCondition(condition.right, to);
  const partners = findPartners(left, right, condition.on, to);
  const isAnd = condition.op === "and";
  const truth = to.reserve("truth", left.length);
  const run = ({ truth: all }: Memory): Motion => {
    let motion = still;
    for (let row = 0; row < left.length; row += 1)
      motion |= write(
        all,
        truth + row,
        decide(isAnd, all[left.truth + row]!, all, right.truth, partners, row),
      );
    return motion;
  };
  const after = [...left.after, ...right.after];
  const step = to.add({ run, after }, condition.op, partners.starts, partners.rows);
  return {
    ...left,
    truth,
    after: [step],
    onFiring: isAnd ? joined(left, right, partners) : left.onFiring,
  };
}

function joined(left: CompiledCondition, right: CompiledCondition, partners: Partners): OnFiring {
  if (right.onFiring.steps.length === 0) return left.onFiring;
  const spread = { partners, from: left.firing, to: right.firing };
  return {
    steps: [...left.onFiring.steps, ...right.onFiring.steps],
    spreads: [...left.onFiring.spreads, spread, ...right.onFiring.spreads],
  };
}

function write(truth: Uint8Array, place: number, own: number): Motion {
  if (truth[place] === own) return still;
  truth[place] = own;
  return moved;
}

function decide(
  isAnd: boolean,
  left: number,
  truth: Uint8Array,
  right: number,
  partners: Partners,
  row: number,
): number {
  // Whatever the right side is: nothing makes it true.
  if (left === isFalse) return isFalse;
  const other = anyOf(truth, right, partners, row);
  return isAnd ? decideAnd(left, other) : decideUnless(left, other);
}

/** The origin reports, so a sample that isn't there is missed and not just late. */
function compileAbsence(
  condition: Extract<Condition, { op: "lacks" }>,
  to: Assembler,
): CompiledCondition {
  const left = compileCondition(condition.left, to);
  const right = compileExpression(condition.right, to);
  const partners = findPartners(left, right, condition.on, to);
  const truth = to.reserve("truth", left.length);
  const run = ({ truth: all, known }: Memory): Motion => {
    let motion = still;
    for (let row = 0; row < left.length; row += 1) {
      const isThere = isAnyThere(known, right.first, partners, row);
      motion |= write(all, truth + row, isThere ? isFalse : all[left.truth + row]!);
    }
    return motion;
  };
  const after = [...left.after, ...right.after];
  const step = to.add({ run, after }, condition.op, partners.starts, partners.rows);
  return { ...left, truth, after: [step] };
}

/** The partners of a left row are those from `starts[row]` to before `starts[row + 1]`. */
interface Partners {
  readonly starts: Int32Array;
  readonly rows: Int32Array;
  /** How many rows each side has. */
  readonly left: number;
  readonly right: number;
}

type Side = Pick<CompiledCondition, "length" | "labels">;

function findPartners(
  left: Side,
  right: Side,
  on: readonly string[] | undefined,
  { schema }: Assembler,
): Partners {
  const lists = matchRows(rowsOf(left, schema), rowsOf(right, schema), on);
  const starts = new Int32Array(lists.length + 1);
  lists.forEach((list, row) => (starts[row + 1] = starts[row]! + list.length));
  const rows = Int32Array.from(lists.flat());
  return { starts, rows, left: left.length, right: right.length };
}

function isAnyThere(
  known: Uint8Array,
  first: number,
  { starts, rows }: Partners,
  row: number,
): boolean {
  for (let at = starts[row]!; at < starts[row + 1]!; at += 1)
    if (known[first + rows[at]!] === 1) return true;
  return false;
}

/** True when one of the row's partners is; null when there is none at all. */
function anyOf(
  truth: Uint8Array,
  first: number,
  { starts, rows }: Partners,
  row: number,
): number | null {
  let found: number | null = null;
  for (let at = starts[row]!; at < starts[row + 1]!; at += 1) {
    const one = truth[first + rows[at]!]!;
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
