import { describe, expect, it } from "vitest";
import { allRules, judgedRules } from "../../alerts/all.ts";
import { metricsOf } from "../../alerts/expression.ts";
import type { Rule } from "../../alerts/rule.ts";
import { createBench, startMilliseconds } from "../kit/rule-bench.ts";
import type { MakeCase } from "./cases/case.ts";
import { paceOf } from "./play.ts";
import { ruleCases } from "./rule-cases.ts";

const byName = new Map(judgedRules.map((rule) => [rule.name, rule]));
const cases = ruleCases.map((make) => [make().rule, make] as const);
const start = startMilliseconds / 1000;

function prepare(make: MakeCase) {
  const given = make();
  const rule = byName.get(given.rule) as Rule;
  const bench = createBench([rule]);
  const { stepSeconds, settles } = paceOf(rule);
  let second = -stepSeconds;
  return {
    ...given,
    bench,
    waitSeconds: rule.forMilliseconds / 1000,
    /** Longer than any window, so that a rate is what its case says. */
    settleSeconds: settles * stepSeconds,
    /** Sends the scene with this value for so many seconds. */
    run: async (value: number, seconds: number): Promise<void> => {
      for (let passed = 0; passed < seconds; passed += stepSeconds) {
        second += stepSeconds;
        await bench.send(second, given.scene(value, second, start));
      }
    },
    runWithoutSamples: async (): Promise<void> => {
      second += stepSeconds;
      const missing = given
        .scene(given.fires, second, start)
        .map((one) => ({ ...one, value: undefined }));
      await bench.send(second, missing);
    },
  };
}

describe.each(cases.filter(([name]) => byName.has(name)))("%s", (_name, make) => {
  it("fires when its condition has held for `for`", async () => {
    const { run, bench, fires, below, waitSeconds, settleSeconds } = prepare(make);
    await run(below, settleSeconds);
    await run(fires, waitSeconds + settleSeconds);
    const [alert] = bench.engine.alerts();
    expect(alert?.state).toBe("firing");
    expect((alert?.firedAtMilliseconds ?? 0) - (alert?.activeAtMilliseconds ?? 0)).toBe(
      waitSeconds * 1000,
    );
    expect(Object.values(alert?.annotations ?? {}).join(" ")).not.toMatch(/\{\{|NaN|undefined/);
  });

  it("does not fire just below", async () => {
    const { run, bench, below, waitSeconds, settleSeconds } = prepare(make);
    await run(below, waitSeconds + settleSeconds);
    expect(bench.history().filter((line) => /firing|resolved/.test(line))).toEqual([]);
  });

  it("holds until it is back past its threshold to clear, then resolves", async () => {
    const { run, bench, fires, holds, clears, waitSeconds, settleSeconds } = prepare(make);
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
    const { run, runWithoutSamples, bench, fires, waitSeconds, settleSeconds } = prepare(make);
    await runWithoutSamples();
    expect(bench.engine.alerts()).toEqual([]);
    await run(fires, waitSeconds + settleSeconds);
    await runWithoutSamples();
    expect(bench.engine.alerts()[0]).toMatchObject({ state: "firing", unknown: true });
  });
});

describe("the rules", () => {
  it("have a case above each", () => {
    const reading = allRules.filter(({ condition }) => metricsOf(condition).length > 0);
    expect(
      cases.map(([name]) => name).toSorted(),
      "a rule has one case in test/alerts/cases",
    ).toEqual(reading.map(({ name }) => name).toSorted());
  });
});
