import { beforeAll, describe, expect, it } from "vitest";
import { allRules, optionalRules, shippedRules } from "../../alerts/all.ts";
import { leadingComparison, longestWindow, metricsOf } from "../../alerts/expression.ts";
import { canGoBlind, missingAlertOf, renderRuleFile } from "../../alerts/prometheus.ts";
import type { Rule } from "../../alerts/rule.ts";
import type { Alert } from "../../collector/state/alert.ts";
import { fillTemplate } from "../../collector/detect/template.ts";
import { hasProgram } from "../kit/programs.ts";
import {
  checkRules,
  tryRules,
  type ExpectedAlert,
  type RuleTest,
  type RuleTrial,
  type Verdict,
} from "../kit/promtool.ts";
import type { MakeCase } from "./cases/case.ts";
import {
  engineStartSeconds,
  lookbackSeconds,
  paceOf,
  playInEngine,
  prometheusLabels,
  samplesOf,
  seriesOf,
  stepsOf,
  target,
  type Phase,
} from "./play.ts";
import { thresholdMutants } from "./mutants.ts";
import { ruleCases } from "./rule-cases.ts";

const byName = new Map(allRules.map((rule) => [rule.name, rule]));
const cases = ruleCases.map((make) => [make().rule, make] as const);
/** What promtool said, by the rule's name and the kind of trial. */
const verdicts = new Map<string, Verdict>();

describe.runIf(hasProgram("promtool"))("the rendered rule files", () => {
  it("are ones that promtool accepts, with a second alert for each rule that reads anything", () => {
    for (const rules of [shippedRules, optionalRules]) {
      const { passed, output } = checkRules(renderRuleFile(rules));
      const alerts = rules.map(
        (rule): number => (canGoBlind(rule) ? 2 : 1) + (rule.recorded?.length ?? 0),
      );
      expect(output).toContain(`${alerts.reduce((sum, count) => sum + count)} rules found`);
      expect(passed).toBe(true);
    }
  });

  it("hold one that always fires", async () => {
    const [verdict] = await tryRules([
      {
        ruleFile: renderRuleFile([byName.get("Watchdog") as Rule]),
        stepSeconds: 30,
        tests: [
          {
            name: "always",
            series: [],
            counts: [0, 9].map((step) => ({ step, alert: "Watchdog", state: "firing", count: 1 })),
          },
        ],
      },
    ]);
    expect(verdict).toMatchObject({ passed: true });
  });
});

describe.runIf(hasProgram("promtool"))("Prometheus", () => {
  beforeAll(async () => {
    const trials = new Map<string, RuleTrial>();
    for (const [name, make] of cases) {
      const rule = byName.get(name) as Rule;
      const { stepSeconds } = paceOf(rule);
      const ruleFile = renderRuleFile([rule]);
      const kinds = {
        fires: await firesTest(rule, make),
        below: belowTest(rule, make),
        clears: clearsTest(rule, make),
        missing: missingTest(rule, make),
      };
      for (const [kind, test] of Object.entries(kinds))
        trials.set(`${name} ${kind}`, { ruleFile, stepSeconds, tests: [test] });
      for (const { change, mutant } of thresholdMutants(rule, make().whole === true).slice(0, 2))
        trials.set(`${name} ${change}`, {
          ruleFile: renderRuleFile([mutant]),
          stepSeconds,
          tests: [
            change === "laxer" && leadingComparison(rule.condition).op !== "=="
              ? kinds.below
              : countsOnly(kinds.fires),
          ],
        });
    }
    const answers = await tryRules([...trials.values()]);
    [...trials.keys()].forEach((key, index) => {
      const answer = answers[index];
      if (answer) verdicts.set(key, answer);
    });
  }, 480_000);

  it("is asked at least four things of every rule that reads anything", () => {
    const kinds = ["fires", "below", "clears", "missing"];
    const asked = allRules
      .filter(({ condition }) => metricsOf(condition).length > 0)
      .map(({ name }) => [name, kinds.filter((kind) => verdicts.has(`${name} ${kind}`)).length]);
    expect(asked.filter(([, count]) => Number(count) < 4)).toEqual([]);
  });

  it.each(cases)("fires %s when its condition has held for `for`, texts filled in", (name) => {
    expectPassed(`${name} fires`);
  });

  it.each(cases)("does not fire %s just below", (name) => {
    expectPassed(`${name} below`);
  });

  it.each(cases)("holds %s until it is back past its threshold to clear, then ends it", (name) => {
    expectPassed(`${name} clears`);
  });

  it.each(cases)(
    "says by another alert that %s went blind, where that is news, until its series are back",
    (name) => {
      expectPassed(`${name} missing`);
    },
  );

  it.each(cases)("tells %s from one whose threshold is a fifth off, both ways", (name) => {
    for (const change of ["stricter", "laxer"])
      expect(verdicts.get(`${name} ${change}`), change).toMatchObject({ passed: false });
  });
});

describe.runIf(hasProgram("promtool"))("a counter's first sample", () => {
  it("says nothing to the engine, where Prometheus takes nothing for no", async () => {
    const name = "GpuClockBelowExpected";
    const rule = { ...(byName.get(name) as Rule), forMilliseconds: 0 };
    const make = cases.find(([one]) => one === name)?.[1] as MakeCase;
    const phases: Phase[] = [[make().fires, 2]];
    const engine = await playInEngine(rule, samplesOf(make(), phases, 30, engineStartSeconds), 30);
    expect(engine.map(({ length }) => length)).toEqual([0, 1]);
    const test: RuleTest = {
      name: "first sample",
      series: seriesOf(samplesOf(make(), phases, 30, 0)),
      counts: [0, 1].map((step) => ({ step, alert: name, state: "firing", count: 1 })),
    };
    const [verdict] = await tryRules([
      { ruleFile: renderRuleFile([rule]), stepSeconds: 30, tests: [test] },
    ]);
    expect(verdict).toMatchObject({ passed: true });
  });
});

async function firesTest(rule: Rule, make: MakeCase): Promise<RuleTest> {
  const given = make();
  const { waits, settles, stepSeconds } = paceOf(rule);
  const phases: Phase[] = [
    [given.below, settles],
    [given.fires, waits + settles],
  ];
  const last = stepsOf(phases) - 1;
  const count = (step: number, expected: number) =>
    ({ step, alert: rule.name, state: "firing", count: expected }) as const;
  const rounds = samplesOf(make(), phases, stepSeconds, engineStartSeconds);
  const firing =
    rule.prometheusOnly === undefined
      ? (await playInEngine(rule, rounds, stepSeconds)).at(-1)
      : null;
  return {
    name: "fires",
    series: seriesOf(samplesOf(given, phases, stepSeconds, 0)),
    counts: [
      count(settles - 1, 0),
      // A rate needs part of its window to pass the threshold; from then on it is `for`.
      ...(waits > 0 ? [count(settles + waits - 1, 0)] : []),
      count(last, firing?.length ?? 1),
    ],
    firing: firing
      ? [{ step: last, alert: rule.name, alerts: firing.map((alert) => expectedOf(rule, alert)) }]
      : [],
  };
}

/** The texts hold the threshold's value; what a mutant must be caught by is whether it fires. */
function countsOnly(test: RuleTest): RuleTest {
  return { ...test, firing: [] };
}

function belowTest(rule: Rule, make: MakeCase): RuleTest {
  const given = make();
  const { waits, settles, stepSeconds } = paceOf(rule);
  const phases: Phase[] = [[given.below, waits + 2 * settles]];
  return {
    name: "just below",
    series: seriesOf(samplesOf(given, phases, stepSeconds, 0)),
    counts: (["pending", "firing"] as const).map((state) => ({
      step: stepsOf(phases) - 1,
      alert: rule.name,
      state,
      count: 0,
    })),
  };
}

function clearsTest(rule: Rule, make: MakeCase): RuleTest {
  const given = make();
  const { waits, settles, stepSeconds } = paceOf(rule);
  const held: Phase[] = [
    [given.fires, waits + settles],
    ...(given.holds === undefined ? [] : [[given.holds, settles] as const]),
  ];
  const phases: Phase[] = [
    ...held,
    [given.clears, settles],
    // Back between the two thresholds: it must not fire again.
    ...(given.holds === undefined ? [] : [[given.holds, settles] as const]),
  ];
  return {
    name: "clears",
    series: seriesOf(samplesOf(given, phases, stepSeconds, 0)),
    counts: [
      { step: stepsOf(held) - 1, alert: rule.name, state: "firing", count: 1 },
      { step: stepsOf(held) + settles - 1, alert: rule.name, state: "firing", count: 0 },
      { step: stepsOf(phases) - 1, alert: rule.name, state: "firing", count: 0 },
    ],
  };
}

function missingTest(rule: Rule, make: MakeCase): RuleTest {
  const given = make();
  const { waits, settles, stepSeconds } = paceOf(rule);
  // Five minutes until the samples are too old, five for the alert.
  const gap = Math.ceil((2 * lookbackSeconds) / stepSeconds) + 2;
  const phases: Phase[] = [
    [given.fires, waits + settles],
    [null, gap],
    [given.below, 3],
  ];
  const gone = stepsOf(phases.slice(0, 1));
  const back = stepsOf(phases.slice(0, 2));
  const alert = missingAlertOf(rule);
  // A long window still has its old samples.
  const forgets = longestWindow(rule.condition) / 1000 + 60 < gap * stepSeconds;
  return {
    name: "series missing",
    series: seriesOf(samplesOf(given, phases, stepSeconds, 0)),
    counts: [
      { step: gone - 1, alert: rule.name, state: "firing", count: 1 },
      { step: gone - 1, alert, state: "firing", count: 0 },
      ...(forgets
        ? [{ step: back - 1, alert: rule.name, state: "firing" as const, count: 0 }]
        : []),
      { step: back - 1, alert, state: "firing", count: canGoBlind(rule) ? 1 : 0 },
      { step: back + 1, alert, state: "firing", count: 0 },
    ],
  };
}

/** The engine's alert as Prometheus has it; a percent sign stands close. */
function expectedOf(rule: Rule, alert: Alert): ExpectedAlert {
  const { alertname: _, ...labels } = prometheusLabels(alert);
  const place = { node: labels["node"] ?? target.instance };
  const fill = (template: string): string =>
    fillTemplate(template, { ...labels, ...place }, alert.value).replaceAll(" %", "%");
  return {
    labels,
    annotations: {
      summary: fill(rule.summary),
      description: fill(rule.description),
      runbook_url: rule.runbookUrl,
      dashboard_url: fill(rule.dashboardUrl),
    },
  };
}

function expectPassed(key: string): void {
  const verdict = verdicts.get(key);
  expect(verdict?.passed, `${key}: ${verdict?.output.slice(0, 4000)}`).toBe(true);
}
