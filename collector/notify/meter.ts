/** What notifications are counted and timed by; see core/catalog/notify.ts. */
import { notify } from "../../core/catalog/index.ts";
import type { SelfMetrics } from "../../core/kit/self-metrics.ts";
import type { Outbox } from "../state/outbox.ts";
import { retryReasons, type RetryReason } from "./notifier.ts";

type Outcome = (typeof outcomes)[number];

const outcomes = ["accepted", "refused", "expired"] as const;
const dropReasons = ["superseded", "outbox_full", "notifier_removed"] as const;

export interface NotifyMeter {
  left(notifier: string, outcome: Outcome): void;
  /** Seconds from the sample to the receiver's acceptance. */
  accepted(notifier: string, seconds: number): void;
  retried(notifier: string, reason: RetryReason): void;
  refreshed(notifier: string, outcome: "accepted" | "failed"): void;
  /** Brings the gauges of the outbox up to date. */
  readonly sample: () => void;
}

export function createNotifyMeter(
  metrics: SelfMetrics,
  outbox: Outbox,
  notifiers: readonly string[],
): NotifyMeter {
  const notifications = metrics.counter(notify.notifications);
  const retries = metrics.counter(notify.notificationRetries);
  const latency = metrics.histogram(notify.notificationLatency);
  const depth = metrics.gauge(notify.outboxDepth);
  const drops = metrics.counter(notify.outboxDropped);
  const refreshes = metrics.counter(notify.alertRefreshes);
  metrics.gauge(notify.deadLetters, () => outbox.deadLetterCount());
  const shown = { superseded: 0, outbox_full: 0, notifier_removed: 0 };
  // A counter that is born at 1 shows no increase, so each is there from the start.
  for (const notifier of notifiers) {
    for (const outcome of outcomes) notifications.increase({ notifier, outcome }, 0);
    latency.prepare({ notifier });
    for (const reason of retryReasons) retries.increase({ notifier, reason }, 0);
  }

  function sample(): void {
    for (const notifier of notifiers) depth.set({ notifier }, outbox.depth(notifier));
    for (const reason of dropReasons) {
      drops.increase({ reason }, outbox.dropped[reason] - shown[reason]);
      shown[reason] = outbox.dropped[reason];
    }
  }
  sample();

  return {
    sample,
    left: (notifier, outcome) => notifications.increase({ notifier, outcome }),
    accepted: (notifier, seconds) => latency.observe({ notifier }, Math.max(0, seconds)),
    retried: (notifier, reason) => retries.increase({ notifier, reason }),
    refreshed: (notifier, outcome) => refreshes.increase({ notifier, outcome }),
  };
}
