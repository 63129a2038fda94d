/** Renders rules as a Prometheus rule file (Prometheus 2.42), each with the alert for its data going missing. */
import { stringify } from "yaml";
import type { LabelName } from "../core/catalog/labels.ts";
import type { Metric } from "../core/catalog/metric.ts";
import { renderDuration } from "../core/kit/duration.ts";
import { metricsOf } from "./expression.ts";
import { renderCondition } from "./promql.ts";
import type { Rule, Severity } from "./rule.ts";

interface PrometheusRecording {
  readonly record: string;
  readonly expr: string;
}

interface PrometheusRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly keep_firing_for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** How long a series must have been gone before its absence is a ticket: three scrapes of a slow job. */
const missingForMilliseconds = 5 * 60_000;
/** Series seen within this time are expected to be there. */
const missingWindowMilliseconds = 60 * 60_000;
/** What the names of these alerts end with. */
export const missingSuffix = "DataMissing";
const node = "node" satisfies LabelName;

/** The alert that fires when the rule's data stopped coming. */
export function missingAlertOf(rule: Rule): string {
  return `${rule.name}${missingSuffix}`;
}

/** What asks for nothing can't, and where data come and go it is no news. */
export function canGoBlind({ condition, comesAndGoes }: Rule): boolean {
  return comesAndGoes !== true && metricsOf(condition).length > 0;
}

/** A rule file with one group per component, in the rules' order. */
export function renderRuleFile(rules: readonly Rule[], suffix = ""): string {
  const components = [...new Set(rules.map((rule) => rule.component))];
  const groups = components.map((component) => ({
    name: `warpwatch-${component}${suffix}`,
    rules: rules.filter((rule) => rule.component === component).flatMap(renderRule),
  }));
  return `# Generated from alerts/*.ts by \`npm run generate\`; edit those.\n${stringify({ groups }, { lineWidth: 0 })}`;
}

function renderRule(rule: Rule): (PrometheusRule | PrometheusRecording)[] {
  const labels = { severity: rule.severity, team: rule.team, component: rule.component };
  return [
    ...(rule.recorded ?? []).map(({ record, promql }) => ({ record, expr: promql })),
    {
      alert: rule.name,
      expr: renderCondition(rule.condition, rule.name),
      ...(rule.forMilliseconds > 0 ? { for: renderDuration(rule.forMilliseconds) } : {}),
      ...(rule.keepFiringForMilliseconds > 0
        ? { keep_firing_for: renderDuration(rule.keepFiringForMilliseconds) }
        : {}),
      labels,
      annotations: {
        summary: renderTemplate(rule.summary),
        description: renderTemplate(rule.description),
        runbook_url: rule.runbookUrl,
        dashboard_url: renderTemplate(rule.dashboardUrl),
      },
    },
    ...(canGoBlind(rule) ? [renderMissing(rule, labels)] : []),
  ];
}

/**
 * PromQL lets an alert go when its series ends; the collector holds it as unknown instead.
 * This alert is what Prometheus users get for that: the rule above has gone blind.
 */
function renderMissing(rule: Rule, labels: PrometheusRule["labels"]): PrometheusRule {
  const window = renderDuration(missingWindowMilliseconds);
  // Series that may end for good are vouched for by one that may not.
  const needed = rule.ended === undefined ? metricsOf(rule.condition) : [rule.ended.stillReported];
  const names = [...new Set(needed.map((metric) => metric.name))];
  const by = placeOf(needed).join(", ");
  const gone = names.map(
    (name) =>
      `(count by (${by}) (last_over_time(${name}[${window}])) unless on (${by}) count by (${by}) (${name}))`,
  );
  return {
    alert: missingAlertOf(rule),
    expr: gone.join(" or "),
    for: renderDuration(missingForMilliseconds),
    labels: { ...labels, severity: "warning" satisfies Severity },
    annotations: {
      summary: `{{ or $labels.node $labels.instance }} no longer says what ${rule.name} needs`,
      description: `${names.join(", ")} came from {{ $labels.instance }} within the last hour and doesn't now. ${rule.name} can't fire and its silence means nothing.`,
      runbook_url: rule.runbookUrl,
      dashboard_url: renderTemplate(rule.dashboardUrl),
    },
  };
}

/** What names a target in most setups; a metric's own `node` is another one than that of its target. */
function placeOf(metrics: readonly Metric[]): string[] {
  const ownNode = metrics.some((metric) => metric.labels.includes(node));
  return ["job", "instance", "cluster", ...(ownNode ? [] : [node])];
}

/**
 * `{{ label }}` → `{{ $labels.label }}`; the node is the scrape's instance where no label names it.
 * `{{ value }}` → the value with four significant digits.
 */
function renderTemplate(template: string): string {
  return template.replaceAll(
    /\{\{\s*(\w+)(?:\s*\|\s*(\w+))?\s*\}\}/g,
    (_, name: string, format: string) => {
      if (name === "node") return "{{ or $labels.node $labels.instance }}";
      if (name !== "value") return `{{ $labels.${name} }}`;
      if (format === "percent") return "{{ $value | humanizePercentage }}";
      if (format === "duration") return "{{ $value | humanizeDuration }}";
      return '{{ printf "%.4g" $value }}';
    },
  );
}
