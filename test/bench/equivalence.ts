/**
 * The collector's engine against promtool on generated series sets, and whether they would catch a rule whose threshold
 * is a fifth off: `node test/bench/equivalence.ts [sets]`, 1960 when not given: each rule twenty times.
 */
import { judgedRules } from "../../alerts/all.ts";
import { leadingComparison } from "../../alerts/expression.ts";
import { overrideRule } from "../../alerts/override.ts";
import type { Rule } from "../../alerts/rule.ts";
import { equivalenceTrial, type EquivalenceTrial } from "../alerts/equivalence.ts";
import { ruleCases } from "../alerts/rule-cases.ts";
import { tryRules } from "../kit/promtool.ts";

const sets = Number(process.argv[2] ?? 1960);
/** promtool is given so many at a time. */
const batch = 100;
const makers = new Map(ruleCases.map((make) => [make().rule, make]));
const changes = new Map<string, number>();
const differing: string[] = [];

for (let first = 0; first < sets; first += batch) {
  const plan = Array.from({ length: Math.min(batch, sets - first) }, (_, index) => first + index);
  const trials: { readonly name: string; readonly trial: EquivalenceTrial }[] = [];
  for (const set of plan) {
    const rule = judgedRules[set % judgedRules.length] as Rule;
    const trial = await trialOf(rule, set);
    trials.push({ name: `${rule.name} seed ${set}`, trial });
    changes.set(rule.name, (changes.get(rule.name) ?? 0) + trial.changes);
  }
  const verdicts = await tryRules(trials.map(({ trial }) => trial));
  verdicts.forEach(({ passed, output }, index) => {
    if (passed) return;
    const name = trials[index]?.name ?? "";
    differing.push(name);
    process.stdout.write(`${name}\n${output.slice(0, 600)}\n`);
  });
}

const missed = await missedMutants();
const counts = [...changes].toSorted(([, one], [, other]) => one - other);
process.stdout.write(
  `${sets} sets over ${judgedRules.length} rules: ${differing.length} differ\n` +
    `times fired or ended, least: ${counts
      .slice(0, 5)
      .map(([name, count]) => `${name} ${count}`)
      .join(", ")}\n` +
    `mutants: ${2 * judgedRules.length - missed.length} of ${2 * judgedRules.length} caught; missed: ${missed.join(", ")}\n`,
);
process.exitCode = differing.length === 0 ? 0 : 1;

function trialOf(rule: Rule, seed: number, rendered?: Rule): Promise<EquivalenceTrial> {
  const make = makers.get(rule.name);
  if (!make) throw new Error(`no case of ${rule.name}`);
  return equivalenceTrial(rule, make, seed, rendered);
}

/** Mutants that fire and end as the rule itself does, on two sets each. */
async function missedMutants(): Promise<string[]> {
  const names: string[] = [];
  const trials: EquivalenceTrial[] = [];
  for (const rule of judgedRules) {
    const { right } = leadingComparison(rule.condition);
    const distance = right === 0 ? 1 : Math.abs(right) / 5;
    for (const threshold of [right - distance, right + distance])
      for (const seed of [1, 2]) {
        names.push(`${rule.name} ${threshold}`);
        trials.push(await trialOf(rule, seed, overrideRule(rule, { threshold })));
      }
  }
  const verdicts = await tryRules(trials);
  const caught = new Set(names.filter((_, index) => verdicts[index]?.passed === false));
  return [...new Set(names)].filter((name) => !caught.has(name));
}
