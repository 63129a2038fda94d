/** What is made of a gauge's samples over a window, as a step. */
import { isPresent } from "../../../core/wire/frame.ts";
import type { Expression } from "../../../alerts/expression.ts";
import type { OriginState } from "../../origin.ts";
import type { Assembler } from "./assembler.ts";
import { keyOfExpression } from "./expression-key.ts";
import type { Memory } from "./memory.ts";
import { moved, restless, still, type Motion } from "./motion.ts";
import { rowsOfSlots, type Vector } from "./program.ts";
import { select } from "./rows.ts";
import {
  hasLine,
  isEmpty,
  predictLine,
  pushSample,
  summarize,
  type SampleWindow,
} from "./sample-window.ts";

type SampleExpression = Extract<Expression, { op: "over" | "predict" }>;

/** A sample is noted with every frame, whether or not it is other than the one before. */
export function compileSamples(expression: SampleExpression, to: Assembler): Vector {
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
