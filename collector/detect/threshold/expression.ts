/**
 * Expressions as steps of a program: the work of matching labels is done once for a shape. A frame then only fills rows,
 * and what is made of rows that are as they were before is left as it is.
 */
import { isPresent } from "../../../core/wire/frame.ts";
import type { Expression, Selection } from "../../../alerts/expression.ts";
import type { OriginState } from "../../origin.ts";
import { compileAggregate } from "./aggregate.ts";
import { compileArithmetic } from "./arithmetic.ts";
import type { Assembler } from "./assembler.ts";
import { takeIn } from "./counter-columns.ts";
import type { Memory } from "./memory.ts";
import { moved, restless, still, type Motion } from "./motion.ts";
import { keyOfExpression } from "./expression-key.ts";
import { rowsOfSlots, type Vector } from "./program.ts";
import { select } from "./rows.ts";
import { compileSamples } from "./samples.ts";

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
      return compileArithmetic(
        expression,
        compileExpression(expression.left, to),
        typeof expression.right === "number"
          ? expression.right
          : compileExpression(expression.right, to),
        to,
      );
  }
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
