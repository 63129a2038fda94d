/**
 * PagerDuty, by its Events API v2: one incident per incident of ours, under the same key. It knows no update: a trigger with a
 * key that is open adds to its log.
 */
import type { Alert } from "../state/alert.ts";
import type { Notification } from "../state/notification.ts";
import { isWebAddress, membersOf, summaryOf } from "./message.ts";
import type { Service } from "./notifier.ts";
import type { Post } from "./post.ts";
import type { Secret } from "./secret.ts";

export interface PagerDutyOptions {
  readonly name: string;
  readonly url: URL;
  readonly routingKey: Secret;
  /** Where the incident links back to; empty when there is no such page. */
  readonly consoleUrl: string;
  readonly timeoutMilliseconds: number;
  readonly post: Post;
}

const maximumSummaryCharacters = 1024;
const maximumEventBytes = 512_000;
const severities: ReadonlySet<string> = new Set(["critical", "error", "warning", "info"]);

export function createPagerDuty(options: PagerDutyOptions): Service {
  return {
    name: options.name,
    timeoutMilliseconds: options.timeoutMilliseconds,
    async send(notification, signal) {
      const body = encodeEvent(notification, options);
      return options.post({ url: options.url, body, signal });
    },
  };
}

function encodeEvent(
  notification: Notification,
  { routingKey, consoleUrl }: PagerDutyOptions,
): string {
  const { action, alert, key } = notification;
  const event = (details: Readonly<Record<string, unknown>>): string =>
    JSON.stringify({
      routing_key: routingKey.reveal(),
      dedup_key: key,
      event_action: action === "acknowledge" || action === "resolve" ? action : "trigger",
      payload: { ...payloadOf(notification), custom_details: details },
      client: "Warpwatch",
      ...(consoleUrl !== "" && { client_url: consoleUrl }),
      links: linksOf(alert),
    });
  const whole = event(detailsOf(notification));
  // PagerDuty refuses an event over its limit; one without details still pages.
  if (Buffer.byteLength(whole) <= maximumEventBytes) return whole;
  return event({ omitted: `the details are over PagerDuty's limit of ${maximumEventBytes} bytes` });
}

function payloadOf(notification: Notification): Record<string, string> {
  const { alert } = notification;
  const { labels } = alert;
  const severity = labels["severity"] ?? "";
  return {
    summary: Array.from(summaryOf(notification)).slice(0, maximumSummaryCharacters).join(""),
    source: labels["node"] || labels["instance"] || "warpwatch",
    severity: severities.has(severity) ? severity : "error",
    timestamp: new Date(alert.firedAtMilliseconds || alert.activeAtMilliseconds).toISOString(),
    component: componentOf(labels),
    group: labels["cluster"] ?? labels["team"] ?? "",
    class: alert.rule,
  };
}

/** The part as people on call name it: `gpu3` rather than `gpu`, where the alert says which. */
function componentOf(labels: Readonly<Record<string, string>>): string {
  const { component = "", gpu, device, mountpoint } = labels;
  if (gpu !== undefined) return `gpu${gpu}`;
  return mountpoint ?? device ?? component;
}

function detailsOf(notification: Notification): Record<string, unknown> {
  const { alert, members, memberCount, escalation, acknowledgement } = notification;
  const { place = "" } = alert.annotations;
  return {
    description: alert.annotations["description"] ?? "",
    value: Number.isFinite(alert.value) ? alert.value : String(alert.value),
    labels: alert.labels,
    ...(place !== "" && { place }),
    active_since: new Date(alert.activeAtMilliseconds).toISOString(),
    runbook: alert.annotations["runbook_url"] ?? "",
    ...(members.length > 0 && { alerts: memberCount, members: membersOf(notification) }),
    ...(escalation && { escalation: `${escalation.name}, tier ${escalation.tier}` }),
    ...(acknowledgement && {
      acknowledged_by: acknowledgement.by,
      comment: acknowledgement.comment,
    }),
  };
}

function linksOf(alert: Alert): { href: string; text: string }[] {
  const runbook = alert.annotations["runbook_url"] ?? "";
  return isWebAddress(runbook) ? [{ href: runbook, text: "Runbook" }] : [];
}
