/** Renders expressions and conditions as PromQL (Prometheus 2.42's grammar). */
import type { Metric } from "../core/catalog/metric.ts";
import { renderDuration } from "../core/kit/duration.ts";
import { matchedLabels, type Condition, type Expression, type Matchers } from "./expression.ts";

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
    case "lacks": {
      const left = renderCondition(condition.left, ruleName);
      return `${bracket(left)} unless on (${condition.on.join(", ")}) ${renderExpression(condition.right)}`;
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
    case "over": {
      const window = renderDuration(expression.windowMilliseconds);
      return `${expression.how}_over_time(${renderExpression(expression.of, options)}[${window}])`;
    }
    case "predict": {
      const window = renderDuration(expression.windowMilliseconds);
      const ahead = expression.aheadMilliseconds / 1000;
      return `predict_linear(${renderExpression(expression.of, options)}[${window}], ${ahead})`;
    }
    case "age":
      return `time() - ${renderExpression(expression.of, options)}`;
    case "constant":
      return `vector(${renderNumber(expression.value)})`;
    case "+":
    case "-":
    case "*":
    case "/": {
      const side = (operand: Expression | number): string =>
        typeof operand === "number"
          ? renderNumber(operand)
          : bracketSum(operand, renderExpression(operand, options));
      const matching = renderMatching(expression);
      return `${side(expression.left)} ${expression.op}${matching} ${side(expression.right)}`;
    }
    default: {
      const of = renderExpression(expression.of, options);
      const by = `by (${expression.by.join(", ")})`;
      return expression.op === "median"
        ? `quantile ${by} (0.5, ${of})`
        : `${expression.op} ${by} (${of})`;
    }
  }
}

function renderMatching({
  left,
  right,
  on,
}: Extract<Expression, { right: Expression | number }>): string {
  if (typeof right === "number") return "";
  const labels = matchedLabels(left, right, on);
  return labels === undefined ? "" : ` on (${labels.join(", ")}) group_left ()`;
}

/** The labels a result of the expression carries, beside those the scrape adds (`instance`, `job`). */
export function labelsOf(expression: Expression): readonly string[] {
  switch (expression.op) {
    case "value":
      return ["instance", ...expression.metric.labels];
    case "rate":
    case "increase":
    case "over":
    case "predict":
    case "age":
      return labelsOf(expression.of);
    case "constant":
      return [];
    case "+":
    case "-":
    case "*":
    case "/":
      return labelsOf(expression.left);
    default:
      return expression.by;
  }
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
