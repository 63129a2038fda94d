/** The form of a rule's case, and the shapes that most of them have. */
import type { Metric } from "../../../core/catalog/metric.ts";
import type { Sample } from "../../kit/rule-bench.ts";

/**
 * The samples that make a rule's value what the case wants, so many seconds after a Unix time; called with rising
 * seconds, and counters grow by it each second.
 */
export type Scene = (value: number, second: number, startSeconds: number) => Sample[];

export interface Levels {
  readonly fires: number;
  /** As close to the threshold as matters, on the good side. */
  readonly below: number;
  /** Not past the threshold to clear yet; the same as `below` for rules without one. */
  readonly holds?: number;
  readonly clears: number;
  /** The rule counts things: a threshold that is a fifth off is the same to it, one that is one off isn't. */
  readonly whole?: true;
}

export interface RuleCase extends Levels {
  readonly rule: string;
  readonly scene: Scene;
}

/** A case is made anew for every run, since its counters remember. */
export type MakeCase = () => RuleCase;

export const uuid = { gpu: "0", UUID: "GPU-1" };
export const dcgm = {
  ...uuid,
  pci_bus_id: "x",
  device: "nvidia0",
  modelName: "H100",
  Hostname: "node-1",
};

/** A counter that rises by the given rate from the second before on; a change of the rate starts from where it stood. */
export function rising(): (rate: number, second: number) => number {
  let total = 0;
  let before = -1;
  return (rate, second) => {
    total += rate * (second - before);
    before = second;
    return total;
  };
}

/** A gauge has the value; `beside` is there all the time. */
export function gauge(
  rule: string,
  metric: Metric,
  labels: Readonly<Record<string, string>>,
  levels: Levels,
  beside: readonly Sample[] = [],
): MakeCase {
  const scene: Scene = (value) => [{ metric, labels, value }, ...beside];
  return () => ({ rule, scene, ...levels });
}

/** A counter rises by the value each second. */
export function counter(
  rule: string,
  metric: Metric,
  labels: Readonly<Record<string, string>>,
  levels: Levels,
  beside: readonly Sample[] = [],
): MakeCase {
  return () => {
    const count = rising();
    const scene: Scene = (rate, second) => [
      { metric, labels, value: count(rate, second) },
      ...beside,
    ];
    return { rule, scene, ...levels };
  };
}

/** Something happened so many seconds ago, and counts for ten minutes. */
export function lastEvent(
  rule: string,
  metric: Metric,
  labels: Readonly<Record<string, string>>,
  beside: readonly Sample[],
): MakeCase {
  const scene: Scene = (age, second, start) => [
    { metric, labels, value: start + second - age },
    ...beside,
  ];
  return () => ({ rule, scene, fires: 599, below: 600, clears: 600 });
}
