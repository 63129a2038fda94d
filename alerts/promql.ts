/** Renders expressions and conditions as PromQL (Prometheus 2.42's grammar). */
import type { Metric } from "../core/catalog/metric.ts";
import type { Condition, Expression, Matchers } from "./expression.ts";

/** `ruleName` is needed for hysteresis, which PromQL can only express by looking whether the alert is firing. */
export function renderCondition(condition: Condition, ruleName: string): string {
  switch (condition.op) {
    case "and":
    case "unless": {
      const on = condition.on === undefined ? "" : ` on (${condition.on.join(", ")})`;
      const left = renderCondition(condition.left, ruleName);
      const right = renderCondition(condition.right, ruleName);
      return `${bracket(left)} ${condition.op}${on} ${bracket(right)}`;
    }
    default: {
      const left = renderExpression(condition.left);
      const breach = `${bracketSum(condition.left, left)} ${condition.op} ${renderNumber(condition.right)}`;
      if (condition.clear === undefined) return breach;
      const still = `${bracketSum(condition.left, left)} ${condition.op} ${renderNumber(condition.clear)}`;
      const labels = labelsOf(condition.left).join(", ");
      const firing = `ALERTS{alertname="${ruleName}", alertstate="firing"}`;
      return `(${breach}) or ((${still}) and on (${labels}) ${firing})`;
    }
  }
}

/** What a dashboard adds to every selector, and the window it puts in the place of each rule's. */
export interface RenderOptions {
  /** Matchers in PromQL for a metric, as `instance=~"$instance"`. */
  readonly matchers?: (metric: Metric) => string;
  /** As `$__rate_interval`. */
  readonly window?: string;
}

export function renderExpression(expression: Expression, options: RenderOptions = {}): string {
  switch (expression.op) {
    case "value":
      return `${expression.metric.name}${renderMatchers(expression.match, options.matchers?.(expression.metric))}`;
    case "rate":
    case "increase": {
      const window = options.window ?? renderDuration(expression.windowMilliseconds);
      return `${expression.op}(${renderExpression(expression.of, options)}[${window}])`;
    }
    case "age":
      return `time() - ${renderExpression(expression.of, options)}`;
    case "+":
    case "-":
    case "*":
    case "/": {
      const side = (operand: Expression | number): string =>
        typeof operand === "number"
          ? renderNumber(operand)
          : bracketSum(operand, renderExpression(operand, options));
      const matching = renderMatching(expression.left, expression.right);
      return `${side(expression.left)} ${expression.op}${matching} ${side(expression.right)}`;
    }
    default:
      return `${expression.op} by (${expression.by.join(", ")}) (${renderExpression(expression.of, options)})`;
  }
}

/** Beside an aggregate only its own labels can match: others (a cluster's name) may be on the left alone. */
function renderMatching(left: Expression | number, right: Expression | number): string {
  if (typeof left === "number" || typeof right === "number") return "";
  return isAggregate(right) && !isAggregate(left)
    ? ` on (${right.by.join(", ")}) group_left ()`
    : "";
}

function isAggregate(expression: Expression): expression is Extract<Expression, { by: unknown }> {
  return "by" in expression;
}

/** The labels a result of the expression carries, beside those the scrape adds (`instance`, `job`). */
export function labelsOf(expression: Expression): readonly string[] {
  switch (expression.op) {
    case "value":
      return ["instance", ...expression.metric.labels];
    case "rate":
    case "increase":
    case "age":
      return labelsOf(expression.of);
    case "+":
    case "-":
    case "*":
    case "/":
      return labelsOf(expression.left);
    default:
      return expression.by;
  }
}

/** The shortest Prometheus duration: `90000` → `1m30s`. */
export function renderDuration(milliseconds: number): string {
  if (milliseconds === 0) return "0s";
  const units = [
    ["w", 604_800_000],
    ["d", 86_400_000],
    ["h", 3_600_000],
    ["m", 60_000],
    ["s", 1000],
    ["ms", 1],
  ] as const;
  let rest = milliseconds;
  let text = "";
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text;
}

function renderMatchers(match: Matchers<string>, extra = ""): string {
  const parts = Object.entries(match).map(([label, want]) => {
    if (want === undefined) return "";
    if (typeof want === "string") return `${label}=${quote(want)}`;
    return "matches" in want
      ? `${label}=~${quote(want.matches.source)}`
      : `${label}!~${quote(want.excludes.source)}`;
  });
  const all = [...parts, extra].filter((part) => part !== "");
  return all.length === 0 ? "" : `{${all.join(", ")}}`;
}

function quote(text: string): string {
  return `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;
}

function renderNumber(value: number): string {
  return String(value);
}

function bracket(text: string): string {
  return `(${text})`;
}

/** PromQL's comparison binds weaker than arithmetic, but brackets spare the reader from knowing. */
function bracketSum(expression: Expression, text: string): string {
  return ["+", "-", "*", "/", "age"].includes(expression.op) ? `(${text})` : text;
}
