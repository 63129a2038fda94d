import { describe, expect, it } from "vitest";
import { allRules } from "../../alerts/all.ts";
import { leadingComparison } from "../../alerts/expression.ts";
import { overrideRule } from "../../alerts/override.ts";
import { missingAlertOf, renderRuleFile } from "../../alerts/prometheus.ts";
import type { Rule } from "../../alerts/rule.ts";
import type { Alert } from "../../collector/state/alert.ts";
import { fillTemplate } from "../../collector/detect/template.ts";
import { hasProgram } from "../kit/programs.ts";
import {
  checkRules,
  stepSeconds,
  testRules,
  type ExpectedAlert,
  type InputSeries,
  type RuleTest,
} from "../kit/promtool.ts";
import { createRandom } from "../kit/random.ts";
import { createBench, startMilliseconds, testOrigin, type Sample } from "../kit/rule-bench.ts";
import { ruleCases, type RuleCase } from "./rule-cases.ts";

/** A value that the scene makes, held for so many steps; null is a time without samples. */
type Phase = readonly [value: number | null, steps: number];

const byName = new Map(allRules.map((rule) => [rule.name, rule]));
/** As Prometheus labels the series of the origin that the collector's bench uses. */
const target = { job: testOrigin.job, instance: testOrigin.instance };
/** Longer than any rate's window. */
const settleSteps = 310 / stepSeconds;
/** Prometheus looks back five minutes for a sample, and the alert for missing data waits for five more. */
const missingSteps = (2 * 300) / stepSeconds + 1;

describe.runIf(hasProgram("promtool"))("the rendered rule file", () => {
  it("is one that promtool accepts, with two alerts for each rule", () => {
    const { passed, output } = checkRules(renderRuleFile(allRules));
    expect(output).toContain(`${2 * allRules.length} rules found`);
    expect(passed).toBe(true);
  });
});

describe.runIf(hasProgram("promtool")).each(ruleCases.map((make) => [make().rule, make] as const))(
  "%s in Prometheus",
  (name, make) => {
    const rule = byName.get(name) as Rule;
    const file = renderRuleFile([rule]);

    it("fires when its condition has held for `for`, with its texts filled in", async () => {
      expectPassed(file, await firesTest(rule, make));
    });

    it("does not fire just below", () => {
      expectPassed(file, belowTest(rule, make));
    });

    it("holds until it is back past its threshold to clear, then ends", () => {
      expectPassed(file, clearsTest(rule, make));
    });

    it("goes blind without its series, and the alert for missing data says so until they are back", () => {
      expectPassed(file, missingTest(rule, make));
    });

    it("is told from one whose threshold is a fifth off, both ways", async () => {
      const tests = [await firesTest(rule, make), belowTest(rule, make)];
      for (const mutant of mutantsOf(rule))
        expect(testRules(renderRuleFile([mutant]), tests)).toMatchObject({ passed: false });
    });

    it("fires and ends at the steps at which the collector's own engine does", async () => {
      for (const seed of [1, 2]) {
        const phases = randomPhases(make(), rule, seed);
        const firing: number[] = [];
        await playInEngine(rule, make(), phases, (alerts) => firing.push(alerts.length));
        expect(new Set(firing).size, `seed ${seed} fires and rests`).toBe(2);
        const counts = firing.map((count, step) => ({
          step,
          alert: name,
          state: "firing" as const,
          count,
        }));
        expectPassed(file, { name: `seed ${seed}`, series: play(make(), phases), counts });
      }
    });
  },
);

async function firesTest(rule: Rule, make: () => RuleCase): Promise<RuleTest> {
  const given = make();
  const waits = rule.forMilliseconds / 1000 / stepSeconds;
  const phases: Phase[] = [
    [given.below, settleSteps],
    [given.fires, waits + settleSteps],
  ];
  const last = stepsOf(phases) - 1;
  let firing: readonly Alert[] = [];
  await playInEngine(rule, make(), phases, (alerts) => (firing = alerts));
  return {
    name: "fires",
    series: play(given, phases),
    counts: [
      { step: settleSteps - 1, alert: rule.name, state: "firing", count: 0 },
      // A rate needs part of its window to pass the threshold; from then on it is `for`.
      ...(waits > 0
        ? [{ step: settleSteps + waits - 1, alert: rule.name, state: "firing" as const, count: 0 }]
        : []),
      { step: last, alert: rule.name, state: "firing", count: 1 },
    ],
    firing: [
      { step: last, alert: rule.name, alerts: firing.map((alert) => expectedOf(rule, alert)) },
    ],
  };
}

function belowTest(rule: Rule, make: () => RuleCase): RuleTest {
  const given = make();
  const steps = rule.forMilliseconds / 1000 / stepSeconds + 2 * settleSteps;
  const series = play(given, [[given.below, steps]]);
  return {
    name: "just below",
    series,
    counts: (["pending", "firing"] as const).map((state) => ({
      step: steps - 1,
      alert: rule.name,
      state,
      count: 0,
    })),
  };
}

function clearsTest(rule: Rule, make: () => RuleCase): RuleTest {
  const given = make();
  const phases: Phase[] = [
    [given.fires, rule.forMilliseconds / 1000 / stepSeconds + 2 * settleSteps],
    ...(given.holds === undefined ? [] : [[given.holds, 2 * settleSteps] as const]),
    [given.clears, 2 * settleSteps],
    // Back between the two thresholds: it must not fire again.
    ...(given.holds === undefined ? [] : [[given.holds, 2 * settleSteps] as const]),
  ];
  const held = phases.slice(0, given.holds === undefined ? 1 : 2);
  const last = stepsOf(phases) - 1;
  return {
    name: "clears",
    series: play(given, phases),
    counts: [
      { step: stepsOf(held) - 1, alert: rule.name, state: "firing", count: 1 },
      { step: stepsOf(held) + 2 * settleSteps - 1, alert: rule.name, state: "firing", count: 0 },
      { step: last, alert: rule.name, state: "firing", count: 0 },
    ],
  };
}

function missingTest(rule: Rule, make: () => RuleCase): RuleTest {
  const given = make();
  const waits = rule.forMilliseconds / 1000 / stepSeconds;
  const phases: Phase[] = [
    [given.fires, waits + 2 * settleSteps],
    [null, missingSteps + settleSteps],
    [given.below, settleSteps],
  ];
  const gone = stepsOf(phases.slice(0, 1));
  const back = stepsOf(phases.slice(0, 2));
  const alert = missingAlertOf(rule);
  return {
    name: "series missing",
    series: play(given, phases),
    counts: [
      { step: gone - 1, alert: rule.name, state: "firing", count: 1 },
      { step: gone - 1, alert, state: "firing", count: 0 },
      { step: back - 1, alert: rule.name, state: "firing", count: 0 },
      { step: back - 1, alert, state: "firing", count: 1 },
      { step: back + 1, alert, state: "firing", count: 0 },
    ],
  };
}

/** The rule with its threshold a fifth further out and a fifth further in; where it is zero, by one. */
function mutantsOf(rule: Rule): Rule[] {
  const threshold = leadingComparison(rule.condition).right;
  const distance = threshold === 0 ? 1 : Math.abs(threshold) / 5;
  return [threshold + distance, threshold - distance].map((moved) =>
    overrideRule(rule, { threshold: moved }),
  );
}

/** Levels in an order and for times that follow from the seed, the first and the last chosen so that it fires and ends. */
function randomPhases(given: RuleCase, rule: Rule, seed: number): Phase[] {
  const random = createRandom(seed);
  const levels = [given.fires, given.below, given.holds ?? given.below, given.clears];
  const longest = rule.forMilliseconds / 1000 / stepSeconds + settleSteps;
  const between = Array.from({ length: 8 }, (): Phase => [
    levels[random.below(levels.length)] ?? given.below,
    1 + random.below(longest),
  ]);
  return [...between, [given.fires, 2 * longest], [given.clears, longest]];
}

function stepsOf(phases: readonly Phase[]): number {
  return phases.reduce((sum, [, steps]) => sum + steps, 0);
}

/** The scene's samples at every step; null is a step without any. */
function* samplesOf(given: RuleCase, phases: readonly Phase[], startSeconds: number) {
  let step = 0;
  for (const [value, steps] of phases)
    for (let count = 0; count < steps; count += 1, step += 1) {
      // Counters stand still while nobody looks.
      const samples = given.scene(value ?? 0, step * stepSeconds, startSeconds);
      yield samples.map((sample) => (value === null ? { ...sample, value: undefined } : sample));
    }
}

/** The scene's series over the phases from 1970 on, labelled as a scrape labels them. */
function play(given: RuleCase, phases: readonly Phase[]): InputSeries[] {
  const columns = new Map<string, { sample: Sample; values: (number | undefined)[] }>();
  for (const samples of samplesOf(given, phases, 0))
    for (const sample of samples) {
      const key = JSON.stringify([sample.metric, sample.labels]);
      const column = columns.get(key) ?? { sample, values: [] };
      columns.set(key, column);
      column.values.push(sample.value);
    }
  return [...columns.values()].map(({ sample, values }) => ({
    name: typeof sample.metric === "string" ? sample.metric : sample.metric.name,
    labels: { ...target, ...sample.labels },
    values,
  }));
}

/** Sends the same samples to the collector's engine and shows what fires after each step. */
async function playInEngine(
  rule: Rule,
  given: RuleCase,
  phases: readonly Phase[],
  look: (firing: readonly Alert[]) => void,
): Promise<void> {
  const bench = createBench([rule]);
  let second = 0;
  for (const samples of samplesOf(given, phases, startMilliseconds / 1000)) {
    await bench.send(second, samples);
    look(bench.engine.alerts().filter(({ state }) => state === "firing"));
    second += stepSeconds;
  }
}

/** The engine's alert as Prometheus has it: its place is the scrape's, and a percent sign stands close. */
function expectedOf(rule: Rule, alert: Alert): ExpectedAlert {
  const { alertname: _, node, instance, ...labels } = alert.labels;
  const ownNode = instance === undefined && node !== undefined ? { node } : {};
  const place = { node: ownNode.node ?? target.instance };
  const fill = (template: string): string =>
    fillTemplate(template, { ...labels, ...place }, alert.value).replaceAll(" %", "%");
  return {
    labels: { ...labels, ...target, ...ownNode },
    annotations: {
      summary: fill(rule.summary),
      description: fill(rule.description),
      runbook_url: rule.runbookUrl,
    },
  };
}

function expectPassed(file: string, test: RuleTest): void {
  const { passed, output } = testRules(file, [test]);
  expect(passed, output.slice(0, 4000)).toBe(true);
}
