/** Alertmanager, by its API v2: alerts are posted as they fire and resolve, and repeated while they fire; it groups by itself. */
import type { Clock } from "../../core/kit/clock.ts";
import type { Alert } from "../state/alert.ts";
import type { Receipt, Service } from "./notifier.ts";
import type { Post } from "./post.ts";
import type { Secret } from "./secret.ts";

export interface AlertmanagerOptions {
  readonly name: string;
  /** Of one Alertmanager; `/api/v2/alerts` is added to its path. */
  readonly url: URL;
  readonly authorization: Secret | null;
  readonly timeoutMilliseconds: number;
  readonly refreshMilliseconds: number;
  /** How long the Alertmanager holds a firing alert that is no longer repeated. */
  readonly holdMilliseconds: number;
  /** Where the alert's source link leads; empty when there is no such page. */
  readonly consoleUrl: string;
  readonly clock: Clock;
  readonly post: Post;
}

/**
 * A firing alert says `endsAt` in the future: after that the Alertmanager would take it for resolved. An explicit resolve
 * always comes through the outbox, so the hold is long: a collector that is down must not look like a fault that is gone.
 */
export function createAlertmanager(options: AlertmanagerOptions): Service {
  const url = new URL(options.url);
  url.pathname = `${url.pathname.replace(/\/$/, "")}/api/v2/alerts`;

  async function send(alerts: readonly Alert[], signal: AbortSignal): Promise<Receipt> {
    const holdUntil = options.clock.now() + options.holdMilliseconds;
    const body = JSON.stringify(
      alerts.map((alert) => encode(alert, holdUntil, options.consoleUrl)),
    );
    const authorization = options.authorization?.reveal();
    const headers = authorization === undefined ? {} : { authorization };
    return options.post({ url, body, signal, headers });
  }

  return {
    name: options.name,
    timeoutMilliseconds: options.timeoutMilliseconds,
    send: ({ alert }, signal) => send([alert], signal),
    refresh: { everyMilliseconds: options.refreshMilliseconds, send },
  };
}

function encode(alert: Alert, holdUntil: number, consoleUrl: string): Record<string, unknown> {
  const startsAt = alert.firedAtMilliseconds || alert.activeAtMilliseconds;
  // It refuses an alert that ends before it starts, which a stepped clock could make.
  const endsAt =
    alert.state === "resolved" ? Math.max(alert.resolvedAtMilliseconds, startsAt) : holdUntil;
  return {
    labels: { alertname: alert.rule, ...alert.labels },
    annotations: alert.annotations,
    startsAt: new Date(startsAt).toISOString(),
    endsAt: new Date(endsAt).toISOString(),
    ...(consoleUrl !== "" && { generatorURL: consoleUrl }),
  };
}
