import { describe, expect, it } from "vitest";
import { allRules } from "../../alerts/all.ts";
import type { Rule } from "../../alerts/rule.ts";
import { createBench, startMilliseconds } from "../kit/rule-bench.ts";
import { ruleCases, type RuleCase } from "./rule-cases.ts";

const byName = new Map(allRules.map((rule) => [rule.name, rule]));
/** Longer than any window, so that a rate is what its case says. */
const settleSeconds = 310;
const start = startMilliseconds / 1000;

function prepare(make: () => RuleCase) {
  const given = make();
  const rule = byName.get(given.rule) as Rule;
  const bench = createBench([rule]);
  let second = -1;
  return {
    ...given,
    bench,
    waitSeconds: rule.forMilliseconds / 1000,
    /** Sends the scene with this value once a second. */
    run: async (value: number, seconds: number): Promise<void> => {
      for (let count = 0; count < seconds; count++) {
        second += 1;
        await bench.send(second, given.scene(value, second, start));
      }
    },
    runWithoutSamples: async (): Promise<void> => {
      second += 1;
      const missing = given
        .scene(given.fires, second, start)
        .map((one) => ({ ...one, value: undefined }));
      await bench.send(second, missing);
    },
  };
}

describe.each(ruleCases.map((make) => [make().rule, make] as const))("%s", (_name, make) => {
  it("fires when its condition has held for `for`", async () => {
    const { run, bench, fires, below, waitSeconds } = prepare(make);
    await run(below, 2);
    await run(fires, waitSeconds + settleSeconds);
    const [alert] = bench.engine.alerts();
    expect(alert?.state).toBe("firing");
    expect((alert?.firedAtMilliseconds ?? 0) - (alert?.activeAtMilliseconds ?? 0)).toBe(
      waitSeconds * 1000,
    );
    expect(Object.values(alert?.annotations ?? {}).join(" ")).not.toMatch(/\{\{|NaN|undefined/);
  });

  it("does not fire just below", async () => {
    const { run, bench, below, waitSeconds } = prepare(make);
    await run(below, waitSeconds + settleSeconds);
    expect(bench.history()).toEqual([]);
  });

  it("holds until it is back past its threshold to clear, then resolves", async () => {
    const { run, bench, fires, holds, clears, waitSeconds } = prepare(make);
    await run(fires, waitSeconds + settleSeconds);
    if (holds !== undefined) {
      await run(holds, settleSeconds);
      expect(bench.engine.alerts()[0]?.state).toBe("firing");
    }
    await run(clears, settleSeconds);
    expect(bench.engine.alerts()).toEqual([]);
    expect(bench.history().at(-1)).toContain("resolved");
  });

  it("is held as unknown while its samples are missing, and silent where there never were any", async () => {
    const { run, runWithoutSamples, bench, fires, waitSeconds } = prepare(make);
    await runWithoutSamples();
    expect(bench.engine.alerts()).toEqual([]);
    await run(fires, waitSeconds + settleSeconds);
    await runWithoutSamples();
    expect(bench.engine.alerts()[0]).toMatchObject({ state: "firing", unknown: true });
  });
});

describe("the rules", () => {
  it("have a case above each", () => {
    expect(
      ruleCases.map((make) => make().rule).toSorted(),
      "a rule has one case in test/alerts/rule-cases.ts",
    ).toEqual([...byName.keys()].toSorted());
  });
});
