/**
 * Series sets from a seed, on which the collector's engine and Prometheus must fire and end at the same steps. Each is
 * steered by its rule's case: rounds in which it has to fire and end, with unrest before each of them (levels held for
 * random times, flapping, values a hair beside the threshold), NaN, counters that begin anew, and a second device.
 */
import { leadingComparison, type Selection } from "../../alerts/expression.ts";
import { labelsOf } from "../../alerts/promql.ts";
import { renderRuleFile } from "../../alerts/prometheus.ts";
import type { Rule } from "../../alerts/rule.ts";
import type { Alert } from "../../collector/state/alert.ts";
import type { RuleTest, RuleTrial } from "../kit/promtool.ts";
import { createRandom, type Random } from "../kit/random.ts";
import type { Sample } from "../kit/rule-bench.ts";
import type { MakeCase, RuleCase } from "./cases/case.ts";
import {
  engineStartSeconds,
  paceOf,
  playInEngine,
  prometheusLabels,
  samplesOf,
  seriesOf,
  stepsOf,
  type Phase,
} from "./play.ts";

export interface SetPlan {
  readonly rule: Rule;
  readonly make: MakeCase;
  readonly seed: number;
  /** How often it is made to fire and to end. */
  readonly rounds: number;
}

/** What the engine did on one series set; promtool has to say the same. */
export interface PlayedSet {
  readonly plan: SetPlan;
  readonly test: RuleTest;
  readonly stepSeconds: number;
  /** How often an alert fired, of all devices together. */
  readonly firings: number;
}

export async function playSet(plan: SetPlan): Promise<PlayedSet> {
  const { rule } = plan;
  const { stepSeconds } = paceOf(rule);
  const engine = await playInEngine(rule, roundsOf(plan, engineStartSeconds), stepSeconds);
  const test: RuleTest = {
    name: `seed ${plan.seed}`,
    series: seriesOf(roundsOf(plan, 0)),
    ends: true,
    vectors: runsOf(engine).map(({ first, last, alerts }) => ({
      step: last,
      expression: firingSamples(rule.name, (last - first) * stepSeconds),
      samples: alerts.map((alert) => ({
        labels: { ...prometheusLabels(alert), alertname: rule.name, alertstate: "firing" },
        value: last - first + 1,
      })),
    })),
  };
  return { plan, test, stepSeconds, firings: firingsIn(engine) };
}

/** The rule, or another one in its place, before promtool with what the engine did. */
export function trialOf({ plan, test, stepSeconds }: PlayedSet, rendered = plan.rule): RuleTrial {
  return { ruleFile: renderRuleFile([rendered]), tests: [test], stepSeconds };
}

/** How often each alert of the rule was seen firing at the steps of the range. */
function firingSamples(name: string, rangeSeconds: number): string {
  const firing = `ALERTS{alertname="${name}", alertstate="firing"}`;
  return rangeSeconds === 0 ? `${firing} * 1` : `count_over_time(${firing}[${rangeSeconds}s])`;
}

interface Run {
  readonly first: number;
  last: number;
  readonly alerts: readonly Alert[];
}

/** The steps in which the same alerts fired. */
function runsOf(engine: readonly (readonly Alert[])[]): Run[] {
  const runs: Run[] = [];
  let former = "";
  engine.forEach((alerts, step) => {
    const key = fingerprints(alerts).join(" ");
    const run = runs.at(-1);
    if (run && key === former) run.last = step;
    else runs.push({ first: step, last: step, alerts });
    former = key;
  });
  return runs;
}

function firingsIn(engine: readonly (readonly Alert[])[]): number {
  let before: readonly string[] = [];
  let firings = 0;
  for (const alerts of engine) {
    const now = fingerprints(alerts);
    firings += now.filter((one) => !before.includes(one)).length;
    before = now;
  }
  return firings;
}

function fingerprints(alerts: readonly Alert[]): string[] {
  return alerts.map(({ fingerprint }) => fingerprint).toSorted();
}

/** A value held for some steps; samples are disturbed only in unrest, so that each round fires and ends. */
interface Part {
  readonly phase: Phase;
  readonly unrest: boolean;
}

/** The set's samples at every step: the same for the same plan, but for the time that the scene is told. */
function roundsOf(plan: SetPlan, startSeconds: number): Sample[][] {
  const { rule, make, seed } = plan;
  const { stepSeconds } = paceOf(rule);
  const random = createRandom(seed);
  const parts = partsOf(plan, random);
  const play = (own: readonly Part[]): Sample[][] => {
    const phases = own.map(({ phase }) => phase);
    const samples = samplesOf(make(), phases, stepSeconds, startSeconds);
    return disturbed(samples, own, countedBy(rule), random);
  };
  if (!canHaveTwo(plan)) return play(parts);
  const others = partsOf(plan, random);
  const length = Math.max(stepsOfParts(parts), stepsOfParts(others));
  const one = play(padded(parts, length, plan));
  const other = play(padded(others, length, plan));
  return one.map((samples, step) =>
    withoutRepetitions([...samples, ...(other[step] ?? []).map(renamed)]),
  );
}

/** Rounds that fire, hold where there is a second threshold, and end; with unrest that follows from the seed before each. */
function partsOf({ rule, make, rounds }: SetPlan, random: Random): Part[] {
  const given = make();
  const { waits, settles } = paceOf(rule);
  const levels = levelsOf(given, rule);
  const pick = (): number => levels[random.below(levels.length)] ?? given.below;
  const calm = (value: number, steps: number): Part => ({ phase: [value, steps], unrest: false });
  const unrest = (): Part[] => {
    const steps = 1 + random.below(waits + settles);
    if (random.below(3) > 0) return [{ phase: [pick(), steps], unrest: true }];
    const [one, other] = [pick(), pick()];
    return Array.from({ length: 10 }, (_, turn): Part => {
      return { phase: [turn % 2 === 0 ? one : other, 1], unrest: true };
    });
  };
  const { fires, holds, clears } = given;
  const round = (): Part[] => [
    ...unrest(),
    calm(fires, waits + settles),
    ...(holds === undefined ? [] : [calm(holds, 1 + random.below(settles))]),
    calm(clears, settles),
  ];
  // An increase is made of two samples: before the second the engine knows nothing, where Prometheus takes nothing for no.
  return [calm(clears, 2), ...Array.from({ length: rounds }, round).flat()];
}

/** The shorter one waits in order until the other has ended. */
function padded(parts: readonly Part[], length: number, { make }: SetPlan): Part[] {
  return [...parts, { phase: [make().clears, length - stepsOfParts(parts)], unrest: false }];
}

function stepsOfParts(parts: readonly Part[]): number {
  return stepsOf(parts.map(({ phase }) => phase));
}

/** The case's levels, and some so close to where it turns that only the last digits tell. */
function levelsOf(given: RuleCase, rule: Rule): number[] {
  const { fires, below, holds = below, clears } = given;
  const { right, clear = right } = leadingComparison(rule.condition);
  // Where the case's value is the one that is compared.
  const grazes = [right, clear].flatMap((turn) =>
    [below, clears].includes(turn) ? [turn * (1 + 1e-9), turn, turn * (1 - 1e-9)] : [],
  );
  return [fires, fires, below, holds, clears, ...grazes];
}

/** The metrics whose rate or increase the rule judges. */
function countedBy(rule: Rule): ReadonlySet<string> {
  const names = new Set<string>();
  const walk = (part: unknown): void => {
    if (typeof part !== "object" || part === null) return;
    const { op, of } = part as { readonly op?: unknown; readonly of?: Selection };
    if ((op === "rate" || op === "increase") && of) names.add(of.metric.name);
    for (const inner of Object.values(part)) walk(inner);
  };
  walk(rule.condition);
  return names;
}

/** Gauges turn to NaN; what is counted begins anew. */
function disturbed(
  rounds: readonly (readonly Sample[])[],
  parts: readonly Part[],
  counted: ReadonlySet<string>,
  random: Random,
): Sample[][] {
  const unrest = parts.flatMap((part) => Array.from({ length: part.phase[1] }, () => part.unrest));
  const lost = new Map<number, number>();
  return rounds.map((samples, step) =>
    samples.map((sample, slot) => {
      const { metric, value } = sample;
      const hit = unrest[step] === true && random.below(20) === 0;
      if (value === undefined || typeof metric === "string") return sample;
      if (metric.kind === "info") return sample;
      if (!counted.has(metric.name)) return hit ? { ...sample, value: Number.NaN } : sample;
      if (hit) lost.set(slot, value);
      return { ...sample, value: value - (lost.get(slot) ?? 0) };
    }),
  );
}

/** What tells a device or a part from its neighbour; other labels say what is measured. */
const identities: ReadonlySet<string> = new Set([
  "UUID",
  "Hostname",
  "command",
  "controller",
  "device",
  "gpu",
  "integration",
  "key",
  "model",
  "model_name",
  "mountpoint",
  "node",
  "notifier",
  "pci_bus_id",
  "port",
  "rule",
  "sensor",
  "source",
  "store",
  "subject",
]);

/** Two devices fire on their own where the alert names one, and where all that varies does. */
function canHaveTwo({ rule, make }: SetPlan): boolean {
  const { left } = leadingComparison(rule.condition);
  if (!labelsOf(left).some((label) => identities.has(label))) return false;
  const { fires, clears } = make();
  const other = make().scene(clears, 0, 0);
  return make()
    .scene(fires, 0, 0)
    .every(
      (sample, slot) =>
        sample.value === other[slot]?.value || keyOf(renamed(sample)) !== keyOf(sample),
    );
}

/** The same of another device. */
function renamed(sample: Sample): Sample {
  const labels = Object.entries(sample.labels ?? {}).map(([label, value]) => [
    label,
    identities.has(label) && value !== "" ? `${value}b` : value,
  ]);
  return { ...sample, labels: Object.fromEntries(labels) as Record<string, string> };
}

/** What both devices share is there once. */
function withoutRepetitions(samples: readonly Sample[]): Sample[] {
  return [...new Map(samples.toReversed().map((one) => [keyOf(one), one])).values()].toReversed();
}

function keyOf({ metric, labels }: Sample): string {
  return JSON.stringify([typeof metric === "string" ? metric : metric.name, labels]);
}
