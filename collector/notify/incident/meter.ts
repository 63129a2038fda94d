/** What incidents are counted by; see core/catalog/notify.ts. */
import { notify } from "../../../core/catalog/index.ts";
import type { SelfMetrics } from "../../../core/kit/self-metrics.ts";

export interface IncidentMeter {
  planned(notifier: string, action: string): void;
  /** A bound was reached: more incidents than are kept apart, or more lines than a message lists. */
  limited(bound: Bound): void;
}

type Bound = (typeof bounds)[number];
const bounds = ["incidents", "lines"] as const;
const actions = ["trigger", "update", "acknowledge", "resolve", "digest"] as const;

export function createIncidentMeter(
  metrics: SelfMetrics,
  notifiers: readonly string[],
): IncidentMeter {
  const planned = metrics.counter(notify.incidentNotifications);
  const limited = metrics.counter(notify.incidentLimits);
  for (const notifier of notifiers)
    for (const action of actions) planned.increase({ notifier, action }, 0);
  for (const bound of bounds) limited.increase({ kind: bound }, 0);
  return {
    planned: (notifier, action) => planned.increase({ notifier, action }),
    limited: (bound) => limited.increase({ kind: bound }),
  };
}
