/** A rule with its threshold, or the one at which it clears, a fifth off: what the cases and the series sets must tell from it. */
import { leadingComparison } from "../../alerts/expression.ts";
import { overrideRule } from "../../alerts/override.ts";
import type { Rule } from "../../alerts/rule.ts";

export interface Mutant {
  readonly change: "stricter" | "laxer" | "clears later" | "clears sooner";
  readonly mutant: Rule;
}

/** `whole`: the rule counts things, and one more or less is the least change there is. */
export function thresholdMutants(rule: Rule, whole: boolean): Mutant[] {
  const { op, right, clear } = leadingComparison(rule.condition);
  const distance = right === 0 || whole ? 1 : Math.abs(right) / 5;
  const up = op.startsWith("<") ? -1 : 1;
  const moved = (by: number): Rule => overrideRule(rule, { threshold: right + by });
  const mutants: Mutant[] = [
    { change: "stricter", mutant: moved(up * distance) },
    { change: "laxer", mutant: moved(-up * distance) },
  ];
  if (clear === undefined || clear === right) return mutants;
  // A fifth of the way between both, since a fifth of the number itself may lie beyond the threshold.
  const way = (right - clear) / 5;
  return [
    ...mutants,
    { change: "clears later", mutant: overrideRule(rule, { clear: clear - way }) },
    { change: "clears sooner", mutant: overrideRule(rule, { clear: clear + way }) },
  ];
}
