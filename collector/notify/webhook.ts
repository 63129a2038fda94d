/**
 * A generic webhook: one POST per notification. The body is
 * `{"version":1,"action":"trigger"|"update"|"acknowledge"|"resolve"|"digest","dedup_key":…,"occasion":…,"kind":…,"rule":…,"labels":{…},
 * "annotations":{…},"value":number|string,"active_at":…,"fired_at":…,"resolved_at":…|null,"alerts":…,"members":[…],
 * "escalation":{…}|null,"acknowledged":{…}|null}` with times in RFC 3339; a value that JSON lacks is text.
 *
 * With a secret, `x-warpwatch-signature` is `sha256=` and the hexadecimal HMAC-SHA-256 of
 * `x-warpwatch-timestamp` (Unix seconds) + `.` + body: a receiver checks both, and refuses old timestamps.
 */
import { createHmac } from "node:crypto";
import type { Clock } from "../../core/kit/clock.ts";
import type { Notification } from "../state/notification.ts";
import type { Service } from "./notifier.ts";
import type { Post } from "./post.ts";
import type { Secret } from "./secret.ts";

export interface WebhookOptions {
  readonly name: string;
  readonly url: URL;
  readonly authorization: Secret | null;
  readonly secret: Secret | null;
  readonly timeoutMilliseconds: number;
  readonly clock: Clock;
  readonly post: Post;
}

export function createWebhook(options: WebhookOptions): Service {
  return {
    name: options.name,
    timeoutMilliseconds: options.timeoutMilliseconds,
    async send(notification, signal) {
      const body = encodeNotification(notification);
      const headers: Record<string, string> = {};
      if (options.authorization) headers["authorization"] = options.authorization.reveal();
      if (options.secret) {
        const timestamp = String(Math.floor(options.clock.now() / 1000));
        headers["x-warpwatch-timestamp"] = timestamp;
        headers["x-warpwatch-signature"] = sign(options.secret, timestamp, body);
      }
      return options.post({ url: options.url, body, headers, signal });
    },
  };
}

function sign(secret: Secret, timestamp: string, body: string): string {
  const digest = createHmac("sha256", secret.reveal()).update(`${timestamp}.${body}`).digest("hex");
  return `sha256=${digest}`;
}

/** The body as the head of this file describes it. */
export function encodeNotification(notification: Notification): string {
  const { alert, escalation, acknowledgement } = notification;
  return JSON.stringify({
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
  });
}

function time(milliseconds: number): string | null {
  return milliseconds === 0 ? null : new Date(milliseconds).toISOString();
}
