/** Expressions over catalogue metrics: one typed value that the collector evaluates and that renders to PromQL. */
import type { Metric } from "../core/catalog/metric.ts";

/** Label conditions: equal to a value, or (as a RegExp, fully anchored as in PromQL) matching it or not. */
export type Matchers<Label extends string> = {
  readonly [K in Label]?: string | { readonly matches: RegExp } | { readonly excludes: RegExp };
};

export type Comparison = ">" | ">=" | "<" | "<=" | "==" | "!=";
export type Arithmetic = "+" | "-" | "*" | "/";
export type Aggregate = "sum" | "min" | "max" | "avg" | "count";

export type Expression =
  | { readonly op: "value"; readonly metric: Metric; readonly match: Matchers<string> }
  | {
      readonly op: "rate" | "increase";
      readonly of: Selection;
      readonly windowMilliseconds: number;
    }
  /** Seconds since the time that the metric holds as a Unix timestamp. */
  | { readonly op: "age"; readonly of: Selection }
  | { readonly op: Arithmetic; readonly left: Expression; readonly right: Expression | number }
  | { readonly op: Aggregate; readonly by: readonly string[]; readonly of: Expression };

export type Selection = Extract<Expression, { op: "value" }>;

export interface ComparisonCondition {
  readonly op: Comparison;
  readonly left: Expression;
  readonly right: number;
  /** Hysteresis: while the alert fires, this takes the threshold's place. */
  readonly clear?: number;
}

export type Condition =
  | ComparisonCondition
  /** True where both are true for the same values of `on` (all labels when left out). */
  | {
      readonly op: "and" | "unless";
      readonly left: Condition;
      readonly right: Condition;
      readonly on?: readonly string[];
    };

/** The comparison whose threshold is the rule's: the leftmost, since the others say where it applies. */
export function leadingComparison(condition: Condition): ComparisonCondition {
  switch (condition.op) {
    case "and":
    case "unless":
      return leadingComparison(condition.left);
    default:
      return condition;
  }
}

export function value<Label extends string>(
  metric: Metric<Label>,
  match: Matchers<Label> = {},
): Selection {
  return { op: "value", metric, match };
}

/** Per-second increase over a window, counter resets accounted for as PromQL's `rate` does. */
export function rate(of: Selection, windowMilliseconds: number): Expression {
  return { op: "rate", of, windowMilliseconds };
}

export function increase(of: Selection, windowMilliseconds: number): Expression {
  return { op: "increase", of, windowMilliseconds };
}

export function age(of: Selection): Expression {
  return { op: "age", of };
}

export function divide(left: Expression, right: Expression | number): Expression {
  return { op: "/", left, right };
}

export function subtract(left: Expression, right: Expression | number): Expression {
  return { op: "-", left, right };
}

export function multiply(left: Expression, right: Expression | number): Expression {
  return { op: "*", left, right };
}

export function add(left: Expression, right: Expression | number): Expression {
  return { op: "+", left, right };
}

export function aggregate(how: Aggregate, by: readonly string[], of: Expression): Expression {
  return { op: how, by, of };
}

/** `clear` is the hysteresis: a rule that fired above 85 with `clear` 80 stays firing until the value is 80 or less. */
export function compare(
  left: Expression,
  op: Comparison,
  right: number,
  clear?: number,
): Condition {
  return clear === undefined ? { op, left, right } : { op, left, right, clear };
}

export function both(left: Condition, right: Condition, on?: readonly string[]): Condition {
  return on === undefined ? { op: "and", left, right } : { op: "and", left, right, on };
}

export function unless(left: Condition, right: Condition, on?: readonly string[]): Condition {
  return on === undefined ? { op: "unless", left, right } : { op: "unless", left, right, on };
}
