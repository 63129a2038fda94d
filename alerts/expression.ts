/** Expressions over catalogue metrics: one typed value that the collector evaluates and that renders to PromQL. */
import type { Metric } from "../core/catalog/metric.ts";

/** Label conditions: equal to a value, or (as a RegExp, fully anchored as in PromQL) matching it or not. */
export type Matchers<Label extends string> = {
  readonly [K in Label]?: string | { readonly matches: RegExp } | { readonly excludes: RegExp };
};

export type Comparison = ">" | ">=" | "<" | "<=" | "==" | "!=";
export type Arithmetic = "+" | "-" | "*" | "/";
export type Aggregate = "sum" | "min" | "max" | "avg" | "count" | "median";
/** What is made of a gauge's samples over a window. */
export type Summary = "min" | "max" | "avg";

export type Expression =
  | { readonly op: "value"; readonly metric: Metric; readonly match: Matchers<string> }
  | {
      readonly op: "rate" | "increase";
      readonly of: Selection;
      readonly windowMilliseconds: number;
    }
  /** Seconds since the time that the metric holds as a Unix timestamp. */
  | { readonly op: "age"; readonly of: Expression }
  | {
      readonly op: "over";
      readonly how: Summary;
      readonly of: Selection;
      readonly windowMilliseconds: number;
    }
  /** Where the straight line through the window's samples arrives so much later. */
  | {
      readonly op: "predict";
      readonly of: Selection;
      readonly windowMilliseconds: number;
      readonly aheadMilliseconds: number;
    }
  /** One row without labels. */
  | { readonly op: "constant"; readonly value: number }
  | {
      readonly op: Arithmetic;
      readonly left: Expression;
      readonly right: Expression | number;
      /** Labels by which each left row finds its one on the right; all of them when left out. */
      readonly on?: readonly string[];
    }
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
      /** Both sides hold the same thing against the same threshold: one who changes it changes both. */
      readonly sameThreshold?: true;
    }
  /** Absence: true where the left side is and no such series has a sample, although its origin reports. */
  | {
      readonly op: "lacks";
      readonly left: Condition;
      readonly right: Selection;
      readonly on: readonly string[];
    };

/** The comparison whose threshold is the rule's: the leftmost, since the others say where it applies. */
export function leadingComparison(condition: Condition): ComparisonCondition {
  switch (condition.op) {
    case "and":
    case "unless":
    case "lacks":
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

export function age(of: Expression): Expression {
  return { op: "age", of };
}

/** The least, greatest or mean of a gauge's samples over a window. */
export function over(how: Summary, of: Selection, windowMilliseconds: number): Expression {
  return { op: "over", how, of, windowMilliseconds };
}

export function predict(
  of: Selection,
  windowMilliseconds: number,
  aheadMilliseconds: number,
): Expression {
  return { op: "predict", of, windowMilliseconds, aheadMilliseconds };
}

export function constant(number: number): Expression {
  return { op: "constant", value: number };
}

export function divide(
  left: Expression,
  right: Expression | number,
  on?: readonly string[],
): Expression {
  return on === undefined ? { op: "/", left, right } : { op: "/", left, right, on };
}

export function subtract(
  left: Expression,
  right: Expression | number,
  on?: readonly string[],
): Expression {
  return on === undefined ? { op: "-", left, right } : { op: "-", left, right, on };
}

/**
 * The labels by which the sides of an operation are matched; undefined for all of them.
 * Beside an aggregate only its own labels can match: others (a cluster's name) may be on the left alone.
 */
export function matchedLabels(
  left: Expression,
  right: Expression,
  on?: readonly string[],
): readonly string[] | undefined {
  if (on !== undefined || !isAggregate(right)) return on;
  return isAggregate(left) && left.by.length === right.by.length ? undefined : right.by;
}

function isAggregate(expression: Expression): expression is Extract<Expression, { by: unknown }> {
  return "by" in expression;
}

export function multiply(
  left: Expression,
  right: Expression | number,
  on?: readonly string[],
): Expression {
  return on === undefined ? { op: "*", left, right } : { op: "*", left, right, on };
}

export function add(left: Expression, right: Expression | number): Expression {
  return { op: "+", left, right };
}

export function aggregate(how: Aggregate, by: readonly string[], of: Expression): Expression {
  return { op: how, by, of };
}

/** Peer deviation: how far a value is from the median of those that share the labels. */
export function peerDifference(of: Expression, by: readonly string[]): Expression {
  return subtract(of, aggregate("median", by, of));
}

/** Peer deviation as a share: 1 is as the median. */
export function peerRatio(of: Expression, by: readonly string[]): Expression {
  return divide(of, aggregate("median", by, of));
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

/** Both above the same threshold, over two windows for instance. */
export function bothAbove(left: Expression, right: Expression, threshold: number): Condition {
  const above = (side: Expression): Condition => compare(side, ">", threshold);
  return { op: "and", left: above(left), right: above(right), sameThreshold: true };
}

export function unless(left: Condition, right: Condition, on?: readonly string[]): Condition {
  return on === undefined ? { op: "unless", left, right } : { op: "unless", left, right, on };
}

export function lacks(left: Condition, right: Selection, on: readonly string[]): Condition {
  return { op: "lacks", left, right, on };
}

/** Every metric that a condition can't be judged without. */
export function metricsOf(condition: Condition): Metric[] {
  switch (condition.op) {
    case "and":
    case "unless":
      return [...metricsOf(condition.left), ...metricsOf(condition.right)];
    case "lacks":
      return metricsOf(condition.left);
    default:
      return expressionsIn(condition.left).flatMap((one) =>
        one.op === "value" ? [one.metric] : [],
      );
  }
}

/** What says where a series comes from: an aggregate that keeps them stays a matter of one target. */
export const placeLabels = ["cluster", "node", "job", "instance"] as const;

/** The longest time that a condition looks back. */
export function longestWindow(condition: Condition): number {
  switch (condition.op) {
    case "and":
    case "unless":
      return Math.max(longestWindow(condition.left), longestWindow(condition.right));
    case "lacks":
      return longestWindow(condition.left);
    default: {
      const windows = expressionsIn(condition.left).map((one) =>
        "windowMilliseconds" in one ? one.windowMilliseconds : 0,
      );
      return Math.max(0, ...windows);
    }
  }
}

/** The expression and all that it is made of. */
function expressionsIn(expression: Expression): Expression[] {
  switch (expression.op) {
    case "value":
    case "constant":
      return [expression];
    case "+":
    case "-":
    case "*":
    case "/": {
      const { left, right } = expression;
      const sides = typeof right === "number" ? [left] : [left, right];
      return [expression, ...sides.flatMap(expressionsIn)];
    }
    default:
      return [expression, ...expressionsIn(expression.of)];
  }
}
