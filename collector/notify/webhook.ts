/**
 * A generic webhook: one POST per notification. The body is the document of `webhook-document.ts`, or what a template of the
 * user's makes of it.
 *
 * With a secret, `x-warpwatch-signature` is `sha256=` and the hexadecimal HMAC-SHA-256 of
 * `x-warpwatch-timestamp` (Unix seconds) + `.` + body: a receiver checks both, and refuses old timestamps.
 */
import { createHmac } from "node:crypto";
import type { Clock } from "../../core/kit/clock.ts";
import type { Service } from "./notifier.ts";
import type { Post } from "./post.ts";
import type { Secret } from "./secret.ts";
import { fillBody, type BodyTemplate } from "./webhook-body.ts";
import { documentOf } from "./webhook-document.ts";

export interface WebhookOptions {
  readonly name: string;
  readonly url: URL;
  readonly authorization: Secret | null;
  readonly secret: Secret | null;
  /** Sent with each request, beside those that are ours. */
  readonly headers: Readonly<Record<string, string>>;
  /** The form of the body; null for the document as it is. */
  readonly body: BodyTemplate | null;
  readonly timeoutMilliseconds: number;
  readonly clock: Clock;
  readonly post: Post;
}

export function createWebhook(options: WebhookOptions): Service {
  return {
    name: options.name,
    timeoutMilliseconds: options.timeoutMilliseconds,
    async send(notification, signal) {
      const document = documentOf(notification);
      const body =
        options.body === null ? JSON.stringify(document) : fillBody(options.body, document);
      const headers: Record<string, string> = { ...options.headers };
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
