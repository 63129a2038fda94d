/** The settings `rules` and `own_rules`: what a user changes of our rules, and rules of their own. */
import { z } from "zod";
import { allRules, judgedRules } from "../alerts/all.ts";
import { overrideRule, type RuleOverride } from "../alerts/override.ts";
import { makeOwnRule, type Measure, type OwnRule } from "../alerts/own-rule.ts";
import type { Rule } from "../alerts/rule.ts";
import { durationSchema } from "../core/kit/config.ts";
import { describeError } from "../core/kit/errors.ts";
import { nearest } from "../core/kit/nearest.ts";
import { isTemplateFormat, placeholdersOf } from "./detect/template.ts";

const severity = z.enum(["critical", "warning", "info"]);
const longest = 366 * 86_400_000;
const duration = durationSchema.refine((value) => value <= longest, "must be a year or less");
const window = durationSchema.refine(
  (value) => value >= 10_000 && value <= 86_400_000,
  "must be 10s to 24h: what a window holds is bounded",
);
const labelName = z.string().regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, "is not a label name");
const metricName = z.string().regex(/^[a-zA-Z_:][a-zA-Z0-9_:]*$/, "is not a metric's name");
const word = z.string().regex(/^[\w.-]{1,64}$/, "must be 1 to 64 letters, digits or ._-");
const text = z.string().max(1024);
const labels = z.record(labelName, text).default({});
const labelNames = z.array(labelName).max(32);

const overrideSchema = z
  .strictObject({
    enabled: z.boolean().optional(),
    threshold: z.number().optional(),
    clear: z.number().optional(),
    for: duration.optional(),
    keep_firing_for: duration.optional(),
    severity: severity.optional(),
  })
  .transform(({ for: wait, keep_firing_for: keep, ...rest }): RuleOverride => ({
    ...rest,
    forMilliseconds: wait,
    keepFiringForMilliseconds: keep,
  }));

export const overridesSchema = z
  .record(z.string(), overrideSchema)
  .superRefine((overrides, context) => {
    for (const [name, override] of Object.entries(overrides)) {
      const rule = allRules.find((one) => one.name === name);
      const message = rule ? complaintAbout(rule, override) : noSuchRule(name);
      if (message !== null) context.addIssue({ code: "custom", path: [name], message });
    }
  })
  .default({});

function noSuchRule(name: string): string {
  const meant = nearest(
    name,
    allRules.map((rule) => rule.name),
  );
  const suggestion = meant === null ? "" : `did you mean ${meant}? `;
  return `no rule is called that; ${suggestion}docs/alerts.md lists them`;
}

const ownRuleObject = z.strictObject({
  alert: z.string().regex(/^[A-Z][A-Za-z0-9]{2,99}$/, "must be a name like DiskTooHot"),
  metric: metricName,
  labels,
  rate: window.optional(),
  increase: window.optional(),
  mean: window.optional(),
  minimum: window.optional(),
  maximum: window.optional(),
  age: z.literal(true).optional(),
  ratio_to: z.strictObject({ metric: metricName, labels, on: labelNames.optional() }).optional(),
  peers: z
    .strictObject({
      by: labelNames.default([]),
      as: z.enum(["difference", "ratio"]).default("difference"),
    })
    .optional(),
  absent: z.strictObject({ metric: metricName, labels, on: labelNames.default([]) }).optional(),
  op: z.enum([">", ">=", "<", "<=", "==", "!="]).optional(),
  threshold: z.number().optional(),
  clear: z.number().optional(),
  for: duration.default(0),
  keep_firing_for: duration.default(0),
  severity,
  team: word.default("infrastructure"),
  component: word.default("custom"),
  summary: text.min(1),
  description: text.default(""),
  runbook_url: text.default(""),
  dashboard_url: text.default(""),
});
type OwnRuleEntry = z.output<typeof ownRuleObject>;

/** How the samples are measured → the kind that the rule has. */
const measures = {
  rate: "rate",
  increase: "increase",
  mean: "avg",
  minimum: "min",
  maximum: "max",
} as const;
const measureNames = [...(Object.keys(measures) as (keyof typeof measures)[]), "age"] as const;

const ownRuleSchema = ownRuleObject.transform((entry, context): OwnRule => {
  const own = ownRuleOf(entry);
  for (const { path, message } of complaintsAbout(entry, own))
    context.addIssue({ code: "custom", path: [path], message });
  return own;
});

export const ownRulesSchema = z
  .array(ownRuleSchema)
  .max(1000)
  .superRefine((rules, context) => {
    rules.forEach(({ alert }, index) => {
      if (rules.findIndex((other) => other.alert === alert) < index)
        context.addIssue({ code: "custom", path: [index, "alert"], message: "is there twice" });
    });
  })
  .default([]);

/** The rules that are judged: ours as changed, then the user's. */
export function resolveRules(
  overrides: Readonly<Record<string, RuleOverride>>,
  own: readonly OwnRule[],
): Rule[] {
  const ours = judgedRules.flatMap((rule) => {
    const { enabled = rule.onByDefault, ...override } = overrides[rule.name] ?? {};
    if (!enabled) return [];
    return Object.keys(override).length === 0 ? [rule] : [overrideRule(rule, override)];
  });
  return [...ours, ...own.map(makeOwnRule)];
}

function ownRuleOf(entry: OwnRuleEntry): OwnRule {
  const { alert, metric, labels: wanted, peers, absent, clear, team, component } = entry;
  return {
    alert,
    metric,
    labels: wanted,
    measure: measureOf(entry),
    ratioTo: entry.ratio_to,
    peers,
    absent,
    // Beside `absent` alone: whatever value the metric has, it is there.
    op: entry.op ?? ">=",
    threshold: entry.threshold ?? -Number.MAX_VALUE,
    clear,
    forMilliseconds: entry.for,
    keepFiringForMilliseconds: entry.keep_firing_for,
    severity: entry.severity,
    team,
    component,
    summary: entry.summary,
    description: entry.description,
    runbookUrl: entry.runbook_url,
    dashboardUrl: entry.dashboard_url,
  };
}

function measureOf(entry: OwnRuleEntry): Measure {
  if (entry.age === true) return { kind: "age" };
  for (const [name, kind] of Object.entries(measures)) {
    const windowMilliseconds = entry[name as keyof typeof measures];
    if (windowMilliseconds !== undefined) return { kind, windowMilliseconds };
  }
  return { kind: "value" };
}

interface Complaint {
  readonly path: keyof OwnRuleEntry;
  readonly message: string;
}

function complaintsAbout(entry: OwnRuleEntry, own: OwnRule): Complaint[] {
  const complaints: Complaint[] = [];
  const complain = (path: keyof OwnRuleEntry, message: string): void => {
    complaints.push({ path, message });
  };
  const [, ...further] = measureNames.filter((name) => entry[name] !== undefined);
  for (const name of further) complain(name, `only one of ${measureNames.join(", ")} can be given`);
  for (const key of ["op", "threshold"] as const)
    if (
      entry[key] === undefined &&
      (entry.absent === undefined || entry[otherOf(key)] !== undefined)
    )
      complain(key, `is required${entry.absent === undefined ? "" : ` beside ${otherOf(key)}`}`);
  if (entry.age === true && entry.ratio_to !== undefined)
    complain("ratio_to", "an age is no part of another one: leave out age or ratio_to");
  if (complaints.length === 0) {
    const message = complaintOf(() => makeOwnRule(own));
    if (message !== null) complain("clear", message);
  }
  if (allRules.some((rule) => rule.name === own.alert))
    complain(
      "alert",
      "is the name of a built-in rule: change that one under rules, or take another",
    );
  for (const key of ["summary", "description"] as const)
    for (const { format } of placeholdersOf(own[key]))
      if (!isTemplateFormat(format)) complain(key, `has no format "${format}"`);
  return complaints;
}

function otherOf(key: "op" | "threshold"): "op" | "threshold" {
  return key === "op" ? "threshold" : "op";
}

function complaintAbout(rule: Rule, override: RuleOverride): string | null {
  if (rule.prometheusOnly !== undefined && override.enabled === true)
    return `only Prometheus can judge it: ${rule.prometheusOnly}`;
  return complaintOf(() => overrideRule(rule, override));
}

/** What the call throws, as one sentence; null when it throws nothing. */
function complaintOf(call: () => unknown): string | null {
  try {
    call();
    return null;
  } catch (thrown) {
    return describeError(thrown);
  }
}
