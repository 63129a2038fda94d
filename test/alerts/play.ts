/** Plays a rule's case in phases: as series for promtool, and as frames for the collector's engine. */
import { longestWindow } from "../../alerts/expression.ts";
import type { Rule } from "../../alerts/rule.ts";
import type { Alert } from "../../collector/state/alert.ts";
import type { InputSeries } from "../kit/promtool.ts";
import { createBench, startMilliseconds, testOrigin, type Sample } from "../kit/rule-bench.ts";
import type { RuleCase } from "./cases/case.ts";

/** A value that the scene makes, held for so many steps; null is a time without samples. */
export type Phase = readonly [value: number | null, steps: number];

/** How fast a rule's time passes: what it waits for and looks back on fits in some hundred steps. */
export interface Pace {
  readonly stepSeconds: number;
  /** Steps of the rule's `for`. */
  readonly waits: number;
  /** After so many steps every window and `keepFiringFor` has seen nothing but the present value. */
  readonly settles: number;
}

/** As Prometheus labels the series of the origin that the collector's bench uses. */
export const target = { job: testOrigin.job, instance: testOrigin.instance };
/** Prometheus looks back so far for a sample. */
export const lookbackSeconds = 300;

export function paceOf(rule: Rule): Pace {
  const waitSeconds = rule.forMilliseconds / 1000;
  const window = Math.max(longestWindow(rule.condition) / 1000, lookbackSeconds);
  const keeps = rule.keepFiringForMilliseconds / 1000;
  const longest = Math.max(waitSeconds, window);
  const stepSeconds = longest <= 1200 ? 30 : longest <= 7200 ? 60 : longest <= 86_400 ? 180 : 900;
  return {
    stepSeconds,
    waits: waitSeconds / stepSeconds,
    settles: Math.ceil((window + keeps) / stepSeconds) + 2,
  };
}

export function stepsOf(phases: readonly Phase[]): number {
  return phases.reduce((sum, [, steps]) => sum + steps, 0);
}

/** The scene's samples at every step; null is a step without any. */
export function samplesOf(
  given: RuleCase,
  phases: readonly Phase[],
  stepSeconds: number,
  startSeconds: number,
): Sample[][] {
  const rounds: Sample[][] = [];
  for (const [value, steps] of phases)
    for (let count = 0; count < steps; count += 1) {
      // Counters stand still while nobody looks.
      const samples = given.scene(value ?? 0, rounds.length * stepSeconds, startSeconds);
      rounds.push(
        value === null ? samples.map((sample) => ({ ...sample, value: undefined })) : samples,
      );
    }
  return rounds;
}

/** The samples as series from 1970 on, labelled as a scrape labels them. */
export function seriesOf(rounds: readonly (readonly Sample[])[]): InputSeries[] {
  const columns = new Map<string, { sample: Sample; values: (number | undefined)[] }>();
  for (const samples of rounds)
    for (const sample of samples) {
      const key = JSON.stringify([nameOf(sample), sample.labels]);
      const column = columns.get(key) ?? { sample, values: [] };
      columns.set(key, column);
      column.values.push(sample.value);
    }
  return [...columns.values()].map(({ sample, values }) => ({
    name: nameOf(sample),
    labels: { ...target, ...sample.labels },
    values,
  }));
}

function nameOf({ metric }: Sample): string {
  return typeof metric === "string" ? metric : metric.name;
}

/** Sends the samples to the collector's engine and gives what fires after each step. */
export async function playInEngine(
  rule: Rule,
  rounds: readonly (readonly Sample[])[],
  stepSeconds: number,
): Promise<(readonly Alert[])[]> {
  const bench = createBench([rule]);
  const firing: (readonly Alert[])[] = [];
  for (const samples of rounds) {
    await bench.send(firing.length * stepSeconds, samples);
    firing.push(bench.engine.alerts().filter(({ state }) => state === "firing"));
  }
  return firing;
}

/** The labels of the engine's alert as Prometheus has them: its place is the scrape's, but where its series names a node itself. */
export function prometheusLabels(alert: Alert): Record<string, string> {
  const { node, instance, ...labels } = alert.labels;
  const ownNode = instance === undefined && node !== undefined ? { node } : {};
  return { ...labels, ...target, ...ownNode };
}

/** The scene's own time for the engine: the bench's clock. */
export const engineStartSeconds = startMilliseconds / 1000;
