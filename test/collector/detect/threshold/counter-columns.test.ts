import { describe, expect, it } from "vitest";
import { rate, value } from "../../../../alerts/expression.ts";
import { createAssembler } from "../../../../collector/detect/threshold/assembler.ts";
import {
  createWindows,
  type Former,
} from "../../../../collector/detect/threshold/bound-windows.ts";
import { compileExpression } from "../../../../collector/detect/threshold/expression.ts";
import { createMemory } from "../../../../collector/detect/threshold/memory.ts";
import { moved, restless, still } from "../../../../collector/detect/threshold/motion.ts";
import { lookAt } from "../../../../collector/detect/threshold/run.ts";
import { createCounterWindow } from "../../../../collector/detect/threshold/window.ts";
import type { OriginState } from "../../../../collector/origin.ts";
import { openMetric } from "../../../../core/catalog/metric.ts";
import { isPresent, setPresent, type Schema } from "../../../../core/wire/frame.ts";
import { createRandom, type Random } from "../../../kit/random.ts";

const rows = 12;
const lengthMilliseconds = 60_000;

interface Course {
  readonly complete: boolean;
  /** Milliseconds from one frame to the next. */
  readonly step: (random: Random) => number;
  /** One sample of this many is missing or NaN. */
  readonly gaps: number;
  readonly restarts: boolean;
  /** A counter begins anew at one of this many samples. */
  readonly resets?: number;
}

const metric = openMetric("counted_total", "counter", "", ["row"]);
const expression = rate(value(metric), lengthMilliseconds);

function makeSchema(source: string): Schema {
  const origin = { node: "", job: "", instance: "", boot: "" };
  const series = Array.from({ length: rows }, (_, row) => ({
    metric,
    values: [String(row)],
    device: null,
  }));
  return { origin, version: 1, groups: [{ source, first: 0, length: rows }], series };
}

interface Found {
  readonly motion: number;
  readonly values: Float64Array;
  readonly known: Uint8Array;
}

/** Windows that go on under another schema, of another source when it is asked for. */
function createColumns(onMerged: (samples: number) => void = () => {}) {
  let bound: Former | null = null;
  function bind(source: string): Former {
    const schema = makeSchema(source);
    const assembler = createAssembler(schema);
    compileExpression(expression, assembler);
    const program = assembler.finish();
    const memory = createMemory(program, createWindows(schema, program, bound));
    bound = { schema, program, memory };
    return bound;
  }
  return {
    bind,
    evaluate(state: OriginState): Found {
      const { program, memory } = bound ?? bind("source");
      lookAt(program, memory, state);
      const isDue = memory.due[0] === 1;
      const motion = isDue ? program.steps[0]!.run(memory, state) : still;
      memory.due[0] = (motion & restless) === 0 ? 0 : 1;
      onMerged(memory.counters.merged);
      memory.counters.merged = 0;
      return { motion, values: memory.values, known: memory.known };
    },
  };
}

/** Counters of which some stand still, some move and some begin anew. */
function* play(course: Course, seed: number, frames: number): Generator<OriginState> {
  const random = createRandom(seed);
  const values = new Float64Array(rows);
  const times = new Float64Array(rows);
  let present = new Uint8Array(2);
  let before: Shown = { values: new Float64Array(rows), present };
  let now = 1_700_000_000_000;
  for (let frame = 0; frame < frames; frame += 1) {
    now += course.restarts && random.below(150) === 0 ? -30_000 : course.step(random);
    const shown = new Uint8Array(2);
    const newest = values.slice();
    for (let row = 0; row < rows; row += 1) {
      const late = !course.complete && random.below(3) === 0;
      if (late) {
        // What a partial frame doesn't hold stays as it was.
        newest[row] = values[row] ?? 0;
        if (frame > 0 && isPresent(present, row)) setPresent(shown, row);
        continue;
      }
      if (course.gaps > 0 && random.below(course.gaps) === 0) continue;
      setPresent(shown, row);
      times[row] = now;
      if (random.below(12) < row - 2) values[row] = values[row]! + random.below(5);
      if (random.below(course.resets ?? 60) === 0) values[row] = random.below(3);
      newest[row] = course.gaps > 0 && random.below(course.gaps) === 0 ? Number.NaN : values[row]!;
    }
    present = shown;
    yield {
      ...({} as OriginState),
      values: newest,
      present,
      times: times.slice(),
      complete: course.complete,
      timeMilliseconds: now,
      revision: frame + 1,
      changed: changesOf(before, { values: newest, present }),
    };
    before = { values: newest, present };
  }
}

type Shown = Pick<OriginState, "values" | "present">;

function changesOf(before: Shown, now: Shown): Uint8Array {
  const changed = new Uint8Array(2);
  for (let row = 0; row < rows; row += 1) {
    const stands = Object.is(before.values[row], now.values[row]);
    if (!stands || isPresent(before.present, row) !== isPresent(now.present, row))
      setPresent(changed, row);
  }
  return changed;
}

/** What windows of their own say of the same rows. */
function follow(states: Iterable<OriginState>, evaluate: (state: OriginState) => Found): void {
  const alone = Array.from({ length: rows }, () => createCounterWindow(lengthMilliseconds));
  for (const state of states) {
    const { values, known } = evaluate(state);
    alone.forEach((window, row) => {
      let expected = Number.NaN;
      if (isPresent(state.present, row)) {
        window.push(state.times[row]!, state.values[row]!);
        expected = window.rate(state.timeMilliseconds);
      }
      const found = known[row] === 1 ? values[row]! : Number.NaN;
      if (!Object.is(found, expected)) expect(found, `row ${row}`).toBeCloseTo(expected, 9);
    });
  }
}

describe("counters' windows in columns", () => {
  const even = (): number => 1000;
  const uneven = (random: Random): number => random.below(4) * 700 + 100;
  it.each([
    ["sampled evenly", { complete: true, step: even, gaps: 0, restarts: false }],
    ["sampled unevenly", { complete: true, step: uneven, gaps: 0, restarts: false }],
    [
      "hardly ever beginning anew",
      { complete: true, step: even, gaps: 0, restarts: false, resets: 3000 },
    ],
    [
      "hardly ever missed",
      { complete: true, step: even, gaps: 2000, restarts: false, resets: 1e6 },
    ],
    [
      "closer than a window can hold",
      { complete: true, step: () => 30, gaps: 0, restarts: false, resets: 1e6 },
    ],
    ["with gaps", { complete: true, step: uneven, gaps: 40, restarts: false }],
    ["with a clock that goes back", { complete: true, step: uneven, gaps: 0, restarts: true }],
    ["after silences", { complete: true, step: silent, gaps: 100, restarts: false }],
    ["in partial frames", { complete: false, step: uneven, gaps: 0, restarts: false }],
    ["in partial frames with gaps", { complete: false, step: even, gaps: 50, restarts: false }],
  ] satisfies [string, Course][])("say what windows of their own do: %s", (_, course) => {
    for (const seed of [1, 2, 3]) {
      const columns = createColumns();
      follow(play(course, seed, 600), (state) => columns.evaluate(state));
    }
  });

  it("say when nothing is other than it was, and that nothing will be until a sample changes", () => {
    const columns = createColumns();
    const course = { complete: true, step: even, gaps: 0, restarts: false };
    const motions = Array.from(play(course, 1, 4), (state, frame) => {
      const changed = new Uint8Array(2).fill(frame === 0 ? 255 : 0);
      return columns.evaluate({ ...state, values: new Float64Array(rows), changed }).motion;
    });
    expect(motions).toEqual([restless, moved, still, still]);
  });

  it.each(["source", "another source"])("go on under another schema, of %s", (source) => {
    const columns = createColumns();
    columns.bind("source");
    follow(play({ complete: true, step: even, gaps: 30, restarts: false }, 5, 600), (state) => {
      if (state.revision % 97 === 0) columns.bind(state.revision % 2 === 0 ? "source" : source);
      return columns.evaluate(state);
    });
  });

  it("count the samples that take others' places, and lose no reset by it", () => {
    let merged = 0;
    const columns = createColumns((samples) => (merged += samples));
    const course = { complete: true, step: () => 20, gaps: 0, restarts: false };
    follow(play(course, 9, 4000), (state) => columns.evaluate(state));
    expect(merged).toBeGreaterThan(1000 * rows);
  });
});

function silent(random: Random): number {
  return random.below(20) === 0 ? 90_000 : 1000;
}
