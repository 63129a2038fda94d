/** A small portion of what `node test/bench/equivalence.ts` plays: one set per rule, the same ones every time. */
import { beforeAll, describe, expect, it } from "vitest";
import { judgedRules } from "../../alerts/all.ts";
import type { Rule } from "../../alerts/rule.ts";
import { hasProgram } from "../kit/programs.ts";
import { tryRules, type Verdict } from "../kit/promtool.ts";
import type { MakeCase } from "./cases/case.ts";
import { playSet, trialOf, type PlayedSet } from "./equivalence.ts";
import { ruleCases } from "./rule-cases.ts";

const makers = new Map(ruleCases.map((make) => [make().rule, make]));
const rules = judgedRules.map((rule) => [rule.name, rule] as const);

function play(rule: Rule): Promise<PlayedSet> {
  return playSet({ rule, make: makers.get(rule.name) as MakeCase, seed: 1, rounds: 1 });
}

describe.runIf(hasProgram("promtool"))("Prometheus and the collector's engine", () => {
  const verdicts = new Map<string, Verdict & { readonly firings: number }>();

  beforeAll(async () => {
    const sets = [];
    for (const [, rule] of rules) sets.push(await play(rule));
    const answers = await tryRules(sets.map((set) => trialOf(set)));
    sets.forEach(({ plan, firings }, index) => {
      const answer = answers[index];
      if (answer) verdicts.set(plan.rule.name, { ...answer, firings });
    });
  }, 240_000);

  it.each(rules)("fire and end %s at the same steps", (name) => {
    const verdict = verdicts.get(name);
    expect(verdict?.passed, verdict?.output.slice(0, 4000)).toBe(true);
    expect(verdict?.firings).toBeGreaterThan(0);
  });
});
