import { describe, expect, it } from "vitest";
import {
  add,
  age,
  aggregate,
  both,
  compare,
  divide,
  increase,
  multiply,
  rate,
  subtract,
  unless,
  value,
  type Condition,
} from "../../../../alerts/expression.ts";
import { openMetric } from "../../../../core/catalog/metric.ts";
import { createAssembler } from "../../../../collector/detect/threshold/assembler.ts";
import { createWindows } from "../../../../collector/detect/threshold/bound-windows.ts";
import {
  compileCondition,
  spreadFiring,
} from "../../../../collector/detect/threshold/condition.ts";
import { createMemory } from "../../../../collector/detect/threshold/memory.ts";
import { lookAt, runSteps } from "../../../../collector/detect/threshold/run.ts";
import type { OriginState } from "../../../../collector/origin.ts";
import { createIngest, defaultIngestLimits } from "../../../../collector/ingest/door.ts";
import { createFakeClock } from "../../../kit/fake-clock.ts";
import {
  createFrameMaker,
  createTestMetrics,
  quietLog,
  startMilliseconds,
  type Sample,
} from "../../../kit/rule-bench.ts";

const used = openMetric("used", "gauge", "", ["disk", "kind"]);
const size = openMetric("size", "gauge", "", ["disk", "kind"]);
const events = openMetric("events_total", "counter", "", ["disk"]);
const seen = openMetric("seen_timestamp_seconds", "gauge", "");

/** Runs the frames through a door, a second apart, and gives what the last says of each row. */
function judge(
  condition: Condition,
  frames: readonly (readonly Sample[])[],
  firing: number[] = [],
) {
  const clock = createFakeClock(startMilliseconds + frames.length * 1000);
  const metrics = createTestMetrics();
  const ingest = createIngest({ clock, log: quietLog, metrics, limits: defaultIngestLimits });
  const make = createFrameMaker();
  let rows: { labels: Readonly<Record<string, string>>; truth: string; value: number }[] = [];
  let follow: ((state: OriginState) => void) | null = null;

  function bind({ schema }: OriginState) {
    const assembler = createAssembler(schema);
    const own = compileCondition(condition, assembler);
    const program = assembler.finish();
    const memory = createMemory(program, createWindows(schema, program, null));
    memory.firing.set(firing, own.firing);
    spreadFiring(own.onFiring, memory);
    return (state: OriginState): void => {
      lookAt(program, memory, state);
      runSteps(program, memory, state, (_, thrown) => {
        throw thrown;
      });
      rows = Array.from({ length: own.length }, (_, row) => ({
        labels: own.labels(schema, row),
        truth: ["false", "true", "unknown"][memory.truth[own.truth + row]!]!,
        value: memory.values[own.values + row]!,
      }));
    };
  }

  ingest.listen({
    frame(state: OriginState) {
      follow ??= bind(state);
      follow(state);
    },
  });
  frames.forEach((samples, index) =>
    ingest.accept(make(startMilliseconds + (index + 1) * 1000, samples)),
  );
  return rows;
}

const disk = (name: string, metric: typeof used, value: number | undefined): Sample => ({
  metric,
  labels: { disk: name, kind: "nvme" },
  value,
});
const truthOf = (rows: ReturnType<typeof judge>) => rows.map(({ truth }) => truth);

describe("a bound condition", () => {
  it("selects by metric name and by anchored label conditions", () => {
    const samples = ["sda", "sdb", "nvme0", "xsda"].map((name) => disk(name, used, 1));
    const rowsOf = (match: Parameters<typeof value>[1]): string[] =>
      judge(compare(value(used, match), ">", 0), [samples]).map(
        ({ labels }) => labels["disk"] ?? "",
      );
    expect(rowsOf({ disk: "sda" })).toEqual(["sda"]);
    expect(rowsOf({ disk: { matches: /sd[ab]/ } })).toEqual(["sda", "sdb"]);
    expect(rowsOf({ disk: { excludes: /sd.|nv.*/ } })).toEqual(["xsda"]);
    expect(rowsOf({ other: "" })).toHaveLength(4);
    expect(rowsOf({ other: "x" })).toEqual([]);
  });

  it("matches two sides by their labels, in whatever order the samples come", () => {
    const rows = judge(compare(divide(value(used), value(size)), ">", 0.5), [
      [
        disk("a", used, 6),
        disk("b", used, 1),
        disk("c", used, 1),
        disk("b", size, 10),
        disk("a", size, 10),
      ],
    ]);
    expect(rows.map(({ labels, truth, value }) => [labels["disk"], truth, value])).toEqual([
      ["a", "true", 0.6],
      ["b", "false", 0.1],
    ]);
  });

  it("computes with numbers and with vectors", () => {
    const of = (left: Parameters<typeof compare>[0]) =>
      judge(compare(left, ">", 0), [[disk("a", used, 6), disk("a", size, 4)]])[0]?.value;
    expect(of(add(value(used), value(size)))).toBe(10);
    expect(of(subtract(value(used), value(size)))).toBe(2);
    expect(of(multiply(value(used), 3))).toBe(18);
    expect(of(divide(value(used), 4))).toBe(1.5);
  });

  it("says unknown of a missing sample, and false of a division by zero", () => {
    const condition = compare(divide(value(used), value(size)), ">", 0.5);
    expect(truthOf(judge(condition, [[disk("a", used, undefined), disk("a", size, 1)]]))).toEqual([
      "unknown",
    ]);
    expect(truthOf(judge(condition, [[disk("a", used, 0), disk("a", size, 0)]]))).toEqual([
      "false",
    ]);
  });

  it.each([
    [">", 5, "false"],
    [">", 4, "true"],
    [">=", 5, "true"],
    ["<", 5, "false"],
    ["<=", 5, "true"],
    ["==", 5, "true"],
    ["!=", 5, "false"],
  ] as const)("compares 5 %s %d", (op, right, truth) => {
    expect(truthOf(judge(compare(value(used), op, right), [[disk("a", used, 5)]]))).toEqual([
      truth,
    ]);
  });

  it("compares with the threshold to clear only where the alert fires", () => {
    const condition = compare(value(used), ">", 85, 80);
    const frame = [disk("a", used, 82), disk("b", used, 82), disk("c", used, 80)];
    expect(truthOf(judge(condition, [frame], [1, 0, 1]))).toEqual(["true", "false", "false"]);
  });

  it("aggregates what is there, and knows nothing of an empty group", () => {
    const frame = [
      disk("a", used, 1),
      disk("b", used, 5),
      { metric: used, labels: { disk: "c", kind: "tape" }, value: undefined },
    ];
    const valuesOf = (how: Parameters<typeof aggregate>[0]) =>
      judge(compare(aggregate(how, ["kind"], value(used)), ">", 0), [frame]);
    expect(valuesOf("sum")[0]?.value).toBe(6);
    expect(valuesOf("avg")[0]?.value).toBe(3);
    expect(valuesOf("min")[0]?.value).toBe(1);
    expect(valuesOf("max")[0]?.value).toBe(5);
    expect(valuesOf("count")[0]?.value).toBe(2);
    expect(valuesOf("sum")[1]).toMatchObject({ labels: { kind: "tape" }, truth: "unknown" });
  });

  it("takes both sides of `and`, matched on the labels that are named", () => {
    const condition = both(compare(value(used), ">", 5), compare(value(events), ">", 0), ["disk"]);
    const event = (name: string, value: number | undefined): Sample => ({
      metric: events,
      labels: { disk: name },
      value,
    });
    const frame = [
      ...["a", "b", "c", "d"].map((name) => disk(name, used, 9)),
      event("a", 1),
      event("b", 0),
      event("c", undefined),
    ];
    expect(truthOf(judge(condition, [frame]))).toEqual(["true", "false", "unknown", "unknown"]);
    const calm = [disk("d", used, 1)];
    expect(truthOf(judge(condition, [calm]))).toEqual(["false"]);
  });

  it("compares both sides of `and` with the threshold to clear where the alert fires", () => {
    const condition = both(compare(value(used), ">", 85, 80), compare(value(size), ">", 85, 80));
    const frame = ["a", "b"].flatMap((name) => [disk(name, used, 82), disk(name, size, 82)]);
    expect(truthOf(judge(condition, [frame], [1, 0]))).toEqual(["true", "false"]);
  });

  it("lets the right side of `unless` silence the left, and its absence not", () => {
    const condition = unless(compare(value(used), ">", 5), compare(value(events), ">", 0), [
      "disk",
    ]);
    const frame = [
      disk("a", used, 9),
      disk("b", used, 9),
      disk("c", used, 9),
      { metric: events, labels: { disk: "a" }, value: 1 },
      { metric: events, labels: { disk: "b" }, value: undefined },
    ];
    expect(truthOf(judge(condition, [frame]))).toEqual(["false", "unknown", "true"]);
  });

  it("gives rate and increase over the samples of a window", () => {
    const frames = [1, 2, 3, 4, 5].map((count) => [
      { metric: events, labels: { disk: "a" }, value: count * 10 },
    ]);
    const result = (left: Parameters<typeof compare>[0]) => judge(compare(left, ">", 0), frames)[0];
    expect(result(rate(value(events), 4000))?.value).toBeCloseTo(10, 10);
    expect(result(increase(value(events), 4000))?.value).toBeCloseTo(40, 10);
    expect(judge(compare(rate(value(events), 4000), ">", 0), frames.slice(0, 1))[0]?.truth).toBe(
      "unknown",
    );
  });

  it("measures age against the time of the samples", () => {
    const frame = [{ metric: seen, value: startMilliseconds / 1000 - 9 }];
    expect(judge(compare(age(value(seen)), "<", 600), [frame])[0]?.value).toBeCloseTo(10, 6);
  });
});
