import { describe, expect, it } from "vitest";
import { aggregate, compare, divide, increase, value } from "../../../../alerts/expression.ts";
import { createAssembler } from "../../../../collector/detect/threshold/assembler.ts";
import { createWindows } from "../../../../collector/detect/threshold/bound-windows.ts";
import { compileCondition } from "../../../../collector/detect/threshold/condition.ts";
import { createMemory } from "../../../../collector/detect/threshold/memory.ts";
import type { Program } from "../../../../collector/detect/threshold/program.ts";
import { createPrograms } from "../../../../collector/detect/threshold/programs.ts";
import { lookAt } from "../../../../collector/detect/threshold/run.ts";
import type { OriginState } from "../../../../collector/origin.ts";
import { openMetric } from "../../../../core/catalog/metric.ts";
import { createFrameMaker, startMilliseconds, type Sample } from "../../../kit/rule-bench.ts";

const used = openMetric("used", "gauge", "", ["disk", "kind"]);
const size = openMetric("size", "gauge", "", ["disk", "kind"]);
const reads = openMetric("reads_total", "counter", "", ["disk", "kind"]);

const of = (metric: typeof used, disk: string, kind = "nvme"): Sample => ({
  metric,
  labels: { disk, kind },
  value: 1,
});

function programOf(samples: readonly Sample[]): Program {
  const assembler = createAssembler(createFrameMaker()(startMilliseconds, samples).schema);
  compileCondition(compare(divide(value(used), value(size)), ">", 0.5), assembler);
  compileCondition(compare(aggregate("sum", ["kind"], value(used)), ">", 5), assembler);
  compileCondition(compare(increase(value(reads), 60_000), ">", 5), assembler);
  return assembler.finish();
}

const two = (one: string, other: string): Sample[] => [
  of(used, one),
  of(used, other),
  of(size, one),
  of(size, other),
  of(reads, one),
];
const signatureOf = (samples: readonly Sample[]): string => programOf(samples).signature;

describe("the programs of rules", () => {
  it("are the same for origins whose series differ in names only", () => {
    expect(signatureOf(two("a", "b"))).toBe(signatureOf(two("c", "d")));
  });

  it.each<[string, Sample[]]>([
    ["pairs", [of(used, "a"), of(used, "b"), of(size, "b"), of(size, "a"), of(reads, "a")]],
    ["slots", [of(reads, "a"), ...two("a", "b").slice(0, 4)]],
    ["groups", two("a", "b").with(1, of(used, "b", "tape"))],
    ["counters", [...two("a", "b"), of(reads, "b")]],
  ])("are others where %s are others", (_, samples) => {
    expect(signatureOf(samples)).not.toBe(signatureOf(two("a", "b")));
  });

  it("run whole after a frame that they weren't shown, and only what changed after the next", () => {
    const { schema, values, present } = createFrameMaker()(startMilliseconds, two("a", "b"));
    const program = programOf(two("a", "b"));
    const memory = createMemory(program, createWindows(schema, program, null));
    const times = new Float64Array(values.length).fill(startMilliseconds);
    const due = (revision: number): number => {
      const state = { ...({} as OriginState), values, present, times, complete: true, revision };
      lookAt(program, memory, {
        ...state,
        changed: new Uint8Array(1),
        timeMilliseconds: times[0]!,
      });
      const found = memory.due.reduce((sum, one) => sum + one, 0);
      memory.due.fill(0);
      return found;
    };
    expect([1, 2, 4, 5].map(due)).toEqual([program.steps.length, 0, program.steps.length, 0]);
  });

  it("are kept for as long as an origin uses them", () => {
    const programs = createPrograms();
    const first = programs.take(programOf(two("a", "b")));
    expect(programs.take(programOf(two("c", "d")))).toBe(first);
    programs.release(first);
    expect(programs.take(programOf(two("e", "f")))).toBe(first);
    programs.release(first);
    programs.release(first);
    expect(programs.take(programOf(two("a", "b")))).not.toBe(first);
  });
});
