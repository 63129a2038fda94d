/** The contract of a notifier: one receiver of notifications, tried once per call; the dispatcher owns time-outs and retries. */
import type { Alert } from "../state/alert.ts";
import type { Notification } from "../state/notification.ts";
import type { Destination } from "./incident/planning.ts";

/** Why another attempt is worth it; also the metric's label. */
export type RetryReason = (typeof retryReasons)[number];
export const retryReasons = [
  "rate_limited",
  "server_error",
  "timeout",
  "connection",
  "internal",
] as const;

export interface Retry {
  readonly outcome: "retry";
  readonly reason: RetryReason;
  /** One sentence without any secret. */
  readonly sentence: string;
  /** What the receiver asked for; 0 when it didn't. The whole notifier waits that long. */
  readonly retryAfterMilliseconds: number;
}

export interface Accepted {
  readonly outcome: "accepted";
  /** What the receiver calls it, for the incident's later notifications ({@link Notification.reference}). */
  readonly reference?: string;
}

export type Receipt =
  | Accepted
  | Retry
  /** Final: sending the same again would be refused again. */
  | { readonly outcome: "refused"; readonly sentence: string };

/** What a kind of receiver knows: how to send. */
export interface Service {
  readonly name: string;
  /** Sends with the incident's key as deduplication key, so that a repetition opens no second incident. A throw counts as a retry. */
  send(notification: Notification, signal: AbortSignal): Promise<Receipt>;
  /** For receivers that forget an alert unless it is repeated. */
  readonly refresh?: Refresh;
  readonly timeoutMilliseconds: number;
}

/** A service, and what of the alerts it is told and when. */
export interface Notifier extends Service, Destination {}

export interface Refresh {
  readonly everyMilliseconds: number;
  /** Repeats firing alerts, at most {@link refreshBatch} at a time. */
  send(alerts: readonly Alert[], signal: AbortSignal): Promise<Receipt>;
}

export const refreshBatch = 200;
