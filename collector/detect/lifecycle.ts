/**
 * One alert's life: pending, firing, resolved; the instants are those of Prometheus 2.42 (rules/alerting.go, Eval).
 * Where Prometheus would let an alert go because its series went away, ours is held and marked unknown.
 */
import type { Rule } from "../../alerts/rule.ts";
import type { Alert } from "../state/alert.ts";
import { fillTemplate } from "./template.ts";

/** An alert that is pending or firing, and what only the running process knows of it. */
export interface Tracked {
  alert: Alert;
  readonly rule: Rule;
  /** The origin whose rows it follows; null after a restart, until they are back. */
  owner: string | null;
  /** When the condition stopped holding, in Unix milliseconds; 0 while it holds. */
  falseSinceMilliseconds: number;
}

export type Transition = "none" | "fired" | "resolved" | "dropped";

export function beginAlert(
  rule: Rule,
  fingerprint: string,
  labels: Alert["labels"],
  value: number,
  timeMilliseconds: number,
): Alert {
  return {
    fingerprint,
    rule: rule.name,
    labels,
    annotations: annotate(rule, labels, value),
    state: "pending",
    unknown: false,
    value,
    activeAtMilliseconds: timeMilliseconds,
    firedAtMilliseconds: 0,
    resolvedAtMilliseconds: 0,
  };
}

/** The condition holds at this time. */
export function hold(tracked: Tracked, value: number, timeMilliseconds: number): Transition {
  const { rule, alert } = tracked;
  tracked.falseSinceMilliseconds = 0;
  if (alert.state === "firing") {
    tracked.alert = { ...alert, unknown: false, value };
    return "none";
  }
  if (timeMilliseconds - alert.activeAtMilliseconds < rule.forMilliseconds) {
    tracked.alert = { ...alert, unknown: false, value };
    return "none";
  }
  tracked.alert = {
    ...alert,
    annotations: annotate(rule, alert.labels, value),
    state: "firing",
    unknown: false,
    value,
    firedAtMilliseconds: timeMilliseconds,
  };
  return "fired";
}

/** The condition is known not to hold at this time. */
export function release(tracked: Tracked, value: number, timeMilliseconds: number): Transition {
  const { rule, alert } = tracked;
  if (alert.state !== "firing") return "dropped";
  if (tracked.falseSinceMilliseconds === 0) tracked.falseSinceMilliseconds = timeMilliseconds;
  if (timeMilliseconds - tracked.falseSinceMilliseconds < rule.keepFiringForMilliseconds) {
    tracked.alert = { ...alert, unknown: false, value };
    return "none";
  }
  tracked.alert = {
    ...alert,
    annotations: annotate(rule, alert.labels, value),
    state: "resolved",
    unknown: false,
    value,
    resolvedAtMilliseconds: timeMilliseconds,
  };
  return "resolved";
}

/** The alert as it is when it ends at once, whatever its rule says. */
export function ended(alert: Alert, timeMilliseconds: number): Alert {
  return { ...alert, state: "resolved", unknown: false, resolvedAtMilliseconds: timeMilliseconds };
}

/** Nothing is known of the condition: the alert stays as it is, and says so. */
export function holdUnknown(tracked: Tracked): void {
  if (!tracked.alert.unknown) tracked.alert = { ...tracked.alert, unknown: true };
}

function annotate(rule: Rule, labels: Alert["labels"], value: number): Alert["annotations"] {
  return {
    summary: fillTemplate(rule.summary, labels, value),
    description: fillTemplate(rule.description, labels, value),
    runbook_url: rule.runbookUrl,
    ...(rule.dashboardUrl !== "" && {
      dashboard_url: fillTemplate(rule.dashboardUrl, labels, value),
    }),
  };
}
