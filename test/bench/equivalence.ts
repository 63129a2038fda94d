/**
 * The collector's engine against promtool on generated series sets, and whether they would catch a rule whose threshold
 * is a fifth off: `node test/bench/equivalence.ts [sets] [first]`, 500 from the first one when not given. Every rule has
 * to fire twenty times; `[first]` goes on where an earlier run ended.
 */
import { allRules, judgedRules } from "../../alerts/all.ts";
import type { Rule } from "../../alerts/rule.ts";
import { playSet, trialOf, type PlayedSet } from "../alerts/equivalence.ts";
import { thresholdMutants } from "../alerts/mutants.ts";
import { ruleCases } from "../alerts/rule-cases.ts";
import { tryRules, type RuleTrial } from "../kit/promtool.ts";

const sets = Number(process.argv[2] ?? 500);
const first = Number(process.argv[3] ?? 0);
/** Firings that a rule has to come to, over all of its sets. */
const wanted = 20;
/** promtool is given so many sets at a time. */
const batch = 50;
const setsPerRule = Math.max(1, Math.floor(sets / judgedRules.length));
const rounds = Math.ceil(wanted / setsPerRule);
const makers = new Map(ruleCases.map((make) => [make().rule, make]));

interface Tally {
  sets: number;
  firings: number;
  differing: number;
  readonly mutants: Map<string, boolean>;
}

const tallies = new Map<string, Tally>(
  judgedRules.map(({ name }) => [
    name,
    { sets: 0, firings: 0, differing: 0, mutants: new Map<string, boolean>() },
  ]),
);

for (let set = first; set < first + sets; set += batch)
  await tryBatch(Array.from({ length: Math.min(batch, first + sets - set) }, (_, at) => set + at));
process.exitCode = report() ? 0 : 1;

async function tryBatch(seeds: readonly number[]): Promise<void> {
  const trials: RuleTrial[] = [];
  const judge: ((passed: boolean, output: string) => void)[] = [];
  for (const seed of seeds) {
    const rule = judgedRules[seed % judgedRules.length] as Rule;
    const tally = tallies.get(rule.name) as Tally;
    const make = makers.get(rule.name);
    if (!make) throw new Error(`no case of ${rule.name}`);
    const played = await playSet({ rule, make, seed, rounds });
    tally.sets += 1;
    tally.firings += played.firings;
    trials.push(trialOf(played));
    judge.push((passed, output) => {
      if (passed) return;
      tally.differing += 1;
      process.stdout.write(`${rule.name} seed ${seed}\n${output.slice(0, 1500)}\n`);
    });
    for (const { change, mutant } of mutantsLeft(played, tally, make().whole === true)) {
      trials.push(trialOf(played, mutant));
      judge.push((passed) => tally.mutants.set(change, !passed));
    }
  }
  const verdicts = await tryRules(trials);
  verdicts.forEach(({ passed, output }, index) => judge[index]?.(passed, output));
  const played = [...tallies.values()].reduce((sum, { sets: count }) => sum + count, 0);
  process.stderr.write(`${played} of ${sets} sets\n`);
}

/** Those that no set has caught yet. */
function mutantsLeft({ plan }: PlayedSet, { mutants }: Tally, whole: boolean) {
  return thresholdMutants(plan.rule, whole).filter(({ change }) => mutants.get(change) !== true);
}

/** True when nothing differs, every rule fired often enough and every mutant was caught. */
function report(): boolean {
  const rows = [...tallies].filter(([, { sets: count }]) => count > 0);
  const differing = rows.reduce((sum, [, tally]) => sum + tally.differing, 0);
  const least = rows.toSorted(([, one], [, other]) => one.firings - other.firings);
  const rare = rows.filter(([, { firings }]) => firings < wanted).map(([name]) => name);
  const mutants = rows.flatMap(([name, tally]) =>
    [...tally.mutants].map(([change, caught]) => ({ name: `${name} (${change})`, caught })),
  );
  const missed = mutants.filter(({ caught }) => !caught).map(({ name }) => name);
  const firings = rows.reduce((sum, [, tally]) => sum + tally.firings, 0);
  process.stdout.write(
    [
      `| rules judged by both | ${rows.length} of ${allRules.length}, the others are Prometheus' alone |`,
      `| series sets | ${rows.reduce((sum, [, tally]) => sum + tally.sets, 0)} |`,
      `| firings | ${firings}; least of a rule: ${least
        .slice(0, 3)
        .map(([name, tally]) => `${name} ${tally.firings}`)
        .join(", ")} |`,
      `| sets on which they differ | ${differing} |`,
      `| mutants caught | ${mutants.length - missed.length} of ${mutants.length}${missed.length > 0 ? `; missed: ${missed.join(", ")}` : ""} |`,
      "",
    ].join("\n"),
  );
  return differing === 0 && rare.length === 0 && missed.length === 0;
}
