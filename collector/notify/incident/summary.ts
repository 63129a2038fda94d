/** Alerts that stand for many: the face of a digest and of a storm, so that every notifier tells them like any other. */
import { fingerprintOf, type Alert } from "../../state/alert.ts";
import type { MemberAlert, Storm } from "../../state/incident.ts";
import type { MemberLine } from "../../state/notification.ts";
import { isUrgent, labelOf, rankOf } from "./grouping.ts";

/** `37 more alerts in the last minute`. */
export function digestAlert(
  kind: "digest" | "info",
  members: readonly MemberAlert[],
  total: number,
  sinceMilliseconds: number,
  nowMilliseconds: number,
): Alert {
  const alerts = `${total === 1 ? "alert" : "alerts"}${kind === "info" ? " for information" : ""}`;
  const count = `${withCommas(total)} ${kind === "info" ? "" : "more "}${alerts}`;
  return summaryAlert({
    rule: "NotificationDigest",
    summary: `${count} in the last ${spanOf(nowMilliseconds - sinceMilliseconds)}`,
    description: "",
    face: members[0]?.alert,
    value: total,
    sinceMilliseconds,
    nowMilliseconds,
  });
}

/** `1,000 alerts on 125 nodes since 2026-11-22 07:02:00 UTC`. */
export function stormAlert(
  { alerts, nodes, gravest }: Storm,
  sinceMilliseconds: number,
  nowMilliseconds: number,
): Alert {
  const places = nodes === 1 ? "1 node" : `${withCommas(nodes)} nodes`;
  return summaryAlert({
    rule: "AlertStorm",
    summary: `${withCommas(alerts)} alerts on ${places} since ${timeOf(sinceMilliseconds)}`,
    description:
      "Very many incidents opened within a minute: look for what they have in common (power, cooling, fabric, a roll-out) before you look at each.",
    face: gravest ?? undefined,
    value: alerts,
    sinceMilliseconds,
    nowMilliseconds,
  });
}

/** `the storm of 1,000 alerts since 2026-11-22 07:02:00 UTC`, over. */
export function endOfStorm(
  most: number,
  sinceMilliseconds: number,
  nowMilliseconds: number,
): Alert {
  const alert = summaryAlert({
    rule: "AlertStorm",
    summary: `the storm of ${withCommas(most)} alerts since ${timeOf(sinceMilliseconds)}`,
    description: "",
    face: undefined,
    value: most,
    sinceMilliseconds,
    nowMilliseconds,
  });
  return { ...alert, state: "resolved", resolvedAtMilliseconds: nowMilliseconds };
}

export function lineOf(alert: Alert, over: boolean): MemberLine {
  return {
    fingerprint: alert.fingerprint,
    rule: alert.rule,
    severity: alert.labels["severity"] ?? "",
    node: labelOf(alert, "node"),
    summary: alert.annotations["summary"] || alert.rule,
    over,
  };
}

/** `critical: GPU 3 on node-07 is at 93 °C (over)`. */
export function lineText({ severity, summary, over }: MemberLine): string {
  return `${severity === "" ? "" : `${severity}: `}${summary}${over ? " (over)" : ""}`;
}

export function withCommas(count: number): string {
  return count.toLocaleString("en-US");
}

interface SummaryFields {
  readonly rule: string;
  readonly summary: string;
  readonly description: string;
  readonly face: Alert | undefined;
  readonly value: number;
  readonly sinceMilliseconds: number;
  readonly nowMilliseconds: number;
}

/** It has the face's severity, team and cluster, by which services route. */
function summaryAlert(fields: SummaryFields): Alert {
  const { rule, summary, description, face, value } = fields;
  const severity = face && isUrgent(rankOf(face)) ? "critical" : (face?.labels["severity"] ?? "");
  const labels: Record<string, string> = { alertname: rule };
  if (severity !== "") labels["severity"] = severity;
  for (const name of ["team", "cluster"]) {
    const value = face?.labels[name];
    if (value !== undefined) labels[name] = value;
  }
  return {
    fingerprint: fingerprintOf(rule, labels),
    rule,
    labels,
    annotations: { summary, description },
    state: "firing",
    unknown: false,
    value,
    activeAtMilliseconds: fields.sinceMilliseconds,
    firedAtMilliseconds: fields.nowMilliseconds,
    resolvedAtMilliseconds: 0,
  };
}

function spanOf(milliseconds: number): string {
  const minutes = Math.max(1, Math.round(milliseconds / 60_000));
  if (minutes === 1) return "minute";
  if (minutes === 60) return "hour";
  return minutes % 60 === 0 ? `${minutes / 60} hours` : `${minutes} minutes`;
}

/** `2026-11-22 07:02:00 UTC`. */
export function timeOf(milliseconds: number): string {
  return new Date(milliseconds)
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, " UTC");
}
