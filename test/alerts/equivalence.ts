/**
 * Series sets from a seed, on which the collector's engine and Prometheus must fire and end at the same steps:
 * levels held for random times, flapping, values a hair beside the threshold, NaN, and counters that begin anew.
 */
import { leadingComparison } from "../../alerts/expression.ts";
import { renderRuleFile } from "../../alerts/prometheus.ts";
import type { Rule } from "../../alerts/rule.ts";
import type { RuleTest, RuleTrial } from "../kit/promtool.ts";
import { createRandom, type Random } from "../kit/random.ts";
import type { Sample } from "../kit/rule-bench.ts";
import type { MakeCase, RuleCase } from "./cases/case.ts";
import {
  engineStartSeconds,
  paceOf,
  playInEngine,
  samplesOf,
  seriesOf,
  stepsOf,
  type Phase,
} from "./play.ts";

export interface EquivalenceTrial extends RuleTrial {
  /** Steps at which the engine's count of firing alerts changed. */
  readonly changes: number;
}

/** What promtool has to confirm for one rule and seed; `mutant` is rendered in the rule's place. */
export async function equivalenceTrial(
  rule: Rule,
  make: MakeCase,
  seed: number,
  rendered: Rule = rule,
): Promise<EquivalenceTrial> {
  const { stepSeconds, settles } = paceOf(rule);
  const phases = randomPhases(make(), rule, createRandom(seed));
  // The last two phases are left alone, so that every set fires and ends.
  const unrest = stepsOf(phases.slice(0, -2)) - settles;
  const disturb = (startSeconds: number): Sample[][] =>
    disturbed(samplesOf(make(), phases, stepSeconds, startSeconds), unrest, createRandom(seed + 1));
  const engine = await playInEngine(rule, disturb(engineStartSeconds), stepSeconds);
  const counts = engine.map(({ length }) => length);
  const test: RuleTest = {
    name: `seed ${seed}`,
    series: seriesOf(disturb(0)),
    ends: true,
    values: runsOf(counts).map(({ first, last, count }) => ({
      step: last,
      expression: firingSamples(rule.name, (last - first) * stepSeconds),
      labels: "{}",
      value: count * (last - first + 1),
    })),
  };
  return {
    ruleFile: renderRuleFile([rendered]),
    tests: [test],
    stepSeconds,
    changes: counts.filter((count, step) => step > 0 && count !== counts[step - 1]).length,
  };
}

/** How often alerts of the rule were seen firing, at all steps of the range together. */
function firingSamples(name: string, rangeSeconds: number): string {
  const firing = `ALERTS{alertname="${name}", alertstate="firing"}`;
  const seen =
    rangeSeconds === 0 ? `count(${firing})` : `sum(count_over_time(${firing}[${rangeSeconds}s]))`;
  return `${seen} or vector(0)`;
}

/** The steps in which the count stayed the same. */
function runsOf(counts: readonly number[]): { first: number; last: number; count: number }[] {
  const runs: { first: number; last: number; count: number }[] = [];
  counts.forEach((count, step) => {
    const run = runs.at(-1);
    if (run?.count === count) run.last = step;
    else runs.push({ first: step, last: step, count });
  });
  return runs;
}

/** Levels in an order and for times that follow from the seed; the last ones make it fire and end. */
function randomPhases(given: RuleCase, rule: Rule, random: Random): Phase[] {
  const { waits, settles } = paceOf(rule);
  const levels = levelsOf(given, rule);
  const pick = (): number => levels[random.below(levels.length)] ?? given.below;
  const between = Array.from({ length: 4 }, (): Phase[] => {
    if (random.below(4) > 0) return [[pick(), 1 + random.below(waits + settles)]];
    const [one, other] = [pick(), pick()];
    return Array.from({ length: 10 }, (_, turn): Phase => [turn % 2 === 0 ? one : other, 1]);
  });
  const end: Phase[] = [
    [given.fires, waits + settles],
    [given.clears, settles],
  ];
  return [...between.flat(), ...end];
}

/** The case's levels, and some so close to where it turns that only the last digits tell. */
function levelsOf(given: RuleCase, rule: Rule): number[] {
  const { fires, below, holds = below, clears } = given;
  const threshold = leadingComparison(rule.condition).right;
  // Where the case's value is the one that is compared.
  const grazes = below === threshold ? [below * (1 + 1e-9), below * (1 - 1e-9)] : [];
  return [fires, fires, below, holds, clears, ...grazes];
}

/** Gauges turn to NaN and counters begin anew; the same steps for the same seed. */
function disturbed(
  rounds: readonly (readonly Sample[])[],
  unrestSteps: number,
  random: Random,
): Sample[][] {
  const lost = new Map<number, number>();
  return rounds.map((samples, step) =>
    samples.map((sample, slot) => {
      const { metric, value } = sample;
      const hit = random.below(60) === 0 && step < unrestSteps;
      if (value === undefined || typeof metric === "string") return sample;
      if (metric.kind !== "counter")
        return hit && metric.kind === "gauge" ? { ...sample, value: Number.NaN } : sample;
      if (hit) lost.set(slot, value);
      return { ...sample, value: value - (lost.get(slot) ?? 0) };
    }),
  );
}
