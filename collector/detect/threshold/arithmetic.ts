/** Arithmetic of two vectors, or of a vector and a number, as a step. */
import { matchedLabels, type Arithmetic, type Expression } from "../../../alerts/expression.ts";
import type { Assembler } from "./assembler.ts";
import type { Memory } from "./memory.ts";
import { moved, type Motion } from "./motion.ts";
import { rowsOf, type Vector } from "./program.ts";
import { matchRows } from "./rows.ts";

type ArithmeticExpression = Extract<Expression, { op: Arithmetic }>;

export function compileArithmetic(
  expression: ArithmeticExpression,
  left: Vector,
  right: Vector | number,
  to: Assembler,
): Vector {
  const { op } = expression;
  if (typeof right === "number") {
    const { length, labels } = left;
    const first = to.reserve("values", length);
    const run = (memory: Memory): Motion => applyNumber(op, left, right, first, memory);
    return { length, first, labels, after: [to.add({ run, after: left.after }, op, right)] };
  }
  const { leftRows, pairs } = pairUp(expression, left, right, to);
  const first = to.reserve("values", leftRows.length);
  const run = (memory: Memory): Motion => applyPairs(op, pairs, first, memory);
  const after = [...new Set([...left.after, ...right.after])];
  return {
    length: leftRows.length,
    first,
    after: [to.add({ run, after }, op, pairs.lefts, pairs.rights)],
    labels: (schema, row) => left.labels(schema, leftRows[row]!),
  };
}

/** A left row without a partner is left out. */
function pairUp(
  { left: one, right: other, on }: ArithmeticExpression,
  left: Vector,
  right: Vector,
  { schema }: Assembler,
): { leftRows: Int32Array; pairs: Pairs } {
  const names = typeof other === "number" ? on : matchedLabels(one, other, on);
  const partners = matchRows(rowsOf(left, schema), rowsOf(right, schema), names);
  const matched = partners.flatMap((rows, row) => (rows.length > 0 ? [row] : []));
  const leftRows = Int32Array.from(matched);
  const lefts = leftRows.map((row) => left.first + row);
  const rights = leftRows.map((row) => right.first + partners[row]![0]!);
  return { leftRows, pairs: { lefts, rights } };
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
