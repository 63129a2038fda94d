/** What a notification says to people before a service gives it its form: headline, text, facts and links, not yet escaped. */
import { singleLine } from "../../core/kit/errors.ts";
import type { Alert } from "../state/alert.ts";
import type { Notification } from "../state/outbox.ts";

export interface Message {
  /** `Firing: GPU 3 on node-07 is at 93 °C`. */
  readonly headline: string;
  readonly description: string;
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

export function composeMessage({ action, alert }: Notification, bases: LinkBases): Message {
  const { alertname: _name, severity = "", ...labels } = alert.labels;
  const state = action === "resolve" ? "Resolved" : "Firing";
  return {
    headline: singleLine(`${state}: ${alert.annotations["summary"] || alert.rule}`),
    description: alert.annotations["description"] ?? "",
    facts: [
      { name: "Rule", value: alert.rule },
      { name: "Severity", value: severity || "none" },
      { name: "Value", value: String(alert.value) },
      { name: "Since", value: timeOf(alert.activeAtMilliseconds) },
      ...(action === "resolve"
        ? [{ name: "Resolved", value: timeOf(alert.resolvedAtMilliseconds) }]
        : []),
    ],
    labels: Object.entries(labels).map(([name, value]) => ({
      name,
      value: singleLine(value),
    })),
    links: linksOf(alert, bases),
    mood: action === "resolve" ? "resolved" : moodOf(severity),
  };
}

/** A user's own rule may lack a runbook or have anything in its place, and services refuse a message for a bad link. */
export function isWebAddress(text: string): boolean {
  return (
    /^https?:\/\//i.test(text) && text.length <= maximumAddressCharacters && URL.canParse(text)
  );
}

/** The least that any of the services takes in a link. */
const maximumAddressCharacters = 2048;

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

/** `2026-11-22 07:02:00 UTC`. */
function timeOf(milliseconds: number): string {
  return new Date(milliseconds)
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, " UTC");
}
