/**
 * A notification as a document: what a webhook and standard output get. Times are in RFC 3339; a value that JSON lacks (NaN,
 * infinities) is text. docs/notifications.md describes every field.
 */
import type { Notification } from "../state/notification.ts";

export const documentKeys = [
  "version",
  "action",
  "dedup_key",
  "occasion",
  "kind",
  "rule",
  "labels",
  "annotations",
  "value",
  "active_at",
  "fired_at",
  "resolved_at",
  "alerts",
  "members",
  "escalation",
  "acknowledged",
] as const;

export type WebhookDocument = Readonly<Record<(typeof documentKeys)[number], unknown>>;

export function documentOf(notification: Notification): WebhookDocument {
  const { alert, escalation, acknowledgement } = notification;
  return {
    version: 1,
    action: notification.action,
    dedup_key: notification.key,
    occasion: notification.occasion,
    kind: notification.kind,
    rule: alert.rule,
    labels: alert.labels,
    annotations: alert.annotations,
    value: Number.isFinite(alert.value) ? alert.value : String(alert.value),
    active_at: time(alert.activeAtMilliseconds),
    fired_at: time(alert.firedAtMilliseconds),
    resolved_at: time(alert.resolvedAtMilliseconds),
    alerts: notification.memberCount,
    members: notification.members,
    escalation: escalation && {
      name: escalation.name,
      tier: escalation.tier,
      after_seconds: escalation.afterMilliseconds / 1000,
    },
    acknowledged: acknowledgement && {
      by: acknowledgement.by,
      comment: acknowledgement.comment,
      at: time(acknowledgement.atMilliseconds),
    },
  };
}

function time(milliseconds: number): string | null {
  return milliseconds === 0 ? null : new Date(milliseconds).toISOString();
}
