/** What a notification says to people before a service gives it its form: headline, text, facts and links, not yet escaped. */
import { renderDuration } from "../../core/kit/duration.ts";
import { singleLine } from "../../core/kit/errors.ts";
import type { Alert } from "../state/alert.ts";
import type { Notification } from "../state/notification.ts";
import { lineText, timeOf, withCommas } from "./incident/summary.ts";

export interface Message {
  /** `Firing: GPU 3 on node-07 is at 93 °C (and 7 more)`. */
  readonly headline: string;
  readonly description: string;
  /** The alerts of an incident that has several, a line each; empty where the headline says all. */
  readonly members: readonly string[];
  /** Rule, severity, value and times. */
  readonly facts: readonly Fact[];
  /** Those that aren't among the facts. */
  readonly labels: readonly Fact[];
  readonly links: readonly Link[];
  readonly mood: Mood;
}

/** What a colour stands for; an alert whose severity is none of ours is `unknown`, and looks as grave as it may be. */
export type Mood = "critical" | "warning" | "info" | "unknown" | "resolved";

export interface Fact {
  readonly name: string;
  readonly value: string;
}

export interface Link {
  readonly title: string;
  readonly url: string;
}

export interface LinkBases {
  /** Empty when nobody could open the console. */
  readonly consoleUrl: string;
  /** Where the paths of `dashboard_url` lead; empty when there are no dashboards. */
  readonly dashboardsUrl: string;
}

export function composeMessage(notification: Notification, bases: LinkBases): Message {
  const { action, alert } = notification;
  const { alertname: _name, severity = "", ...labels } = alert.labels;
  return {
    headline: singleLine(headlineOf(notification)),
    description: alert.annotations["description"] ?? "",
    members: membersOf(notification),
    facts: factsOf(notification),
    labels: Object.entries(labels).map(([name, value]) => ({
      name,
      value: singleLine(value),
    })),
    links: linksOf(alert, bases),
    mood: action === "resolve" ? "resolved" : moodOf(severity),
  };
}

/** The face's summary with how many more there are. */
export function summaryOf({ action, kind, alert, memberCount }: Notification): string {
  const summary = alert.annotations["summary"] || alert.rule;
  if (kind !== "alerts" || memberCount < 2) return summary;
  return action === "resolve"
    ? `${summary} (the last of ${withCommas(memberCount)})`
    : `${summary} (and ${withCommas(memberCount - 1)} more)`;
}

/** A line per alert and how many aren't listed. */
export function membersOf({ members, memberCount }: Notification): string[] {
  const left = memberCount - members.length;
  const lines = members.map((member) => singleLine(lineText(member)));
  return members.length > 0 && left > 0 ? [...lines, `and ${withCommas(left)} more`] : lines;
}

/** A user's own rule may lack a runbook or have anything in its place, and services refuse a message for a bad link. */
export function isWebAddress(text: string): boolean {
  return (
    /^https?:\/\//i.test(text) && text.length <= maximumAddressCharacters && URL.canParse(text)
  );
}

/** The least that any of the services takes in a link. */
const maximumAddressCharacters = 2048;

const occasions: Readonly<Record<Notification["occasion"], string>> = {
  fired: "Firing",
  changed: "Changed",
  repeated: "Still firing",
  escalated: "Escalated",
  reopened: "Firing anew",
  worsened: "Worse",
};

function headlineOf(notification: Notification): string {
  const { action, occasion, acknowledgement } = notification;
  const summary = summaryOf(notification);
  switch (action) {
    case "resolve":
      return `Resolved: ${summary}`;
    case "digest":
      return summary;
    case "acknowledge":
      return `Acknowledged by ${acknowledgement?.by ?? "nobody"}: ${summary}`;
    default:
      return `${occasions[occasion]}: ${summary}`;
  }
}

function factsOf({
  action,
  alert,
  escalation,
  acknowledgement,
  memberCount,
}: Notification): Fact[] {
  const { place = "" } = alert.annotations;
  const isAcknowledgement = action === "acknowledge" && acknowledgement !== null;
  return [
    { name: "Rule", value: alert.rule },
    { name: "Severity", value: alert.labels["severity"] || "none" },
    ...(place === "" ? [] : [{ name: "Place", value: singleLine(place) }]),
    ...(memberCount > 1 ? [{ name: "Alerts", value: withCommas(memberCount) }] : []),
    { name: "Value", value: String(alert.value) },
    { name: "Since", value: timeOf(alert.activeAtMilliseconds) },
    ...(action === "resolve"
      ? [{ name: "Resolved", value: timeOf(alert.resolvedAtMilliseconds) }]
      : []),
    ...(escalation && action !== "resolve"
      ? [
          {
            name: "Escalation",
            value: `${escalation.name}, tier ${escalation.tier}, unacknowledged for ${renderDuration(escalation.afterMilliseconds)}`,
          },
        ]
      : []),
    ...(isAcknowledgement && acknowledgement.comment !== ""
      ? [{ name: "Comment", value: singleLine(acknowledgement.comment) }]
      : []),
  ];
}

function linksOf({ annotations }: Alert, { consoleUrl, dashboardsUrl }: LinkBases): Link[] {
  const dashboard = annotations["dashboard_url"] ?? "";
  const isPath = dashboardsUrl !== "" && dashboard.startsWith("/");
  return [
    { title: "Runbook", url: annotations["runbook_url"] ?? "" },
    {
      title: "Dashboard",
      url: isPath ? `${dashboardsUrl.replace(/\/$/, "")}${dashboard}` : dashboard,
    },
    { title: "Console", url: consoleUrl },
  ]
    .filter(({ url }) => isWebAddress(url))
    .map(({ title, url }) => ({ title, url: new URL(url).href }));
}

function moodOf(severity: string): Mood {
  return severity === "critical" || severity === "warning" || severity === "info"
    ? severity
    : "unknown";
}
