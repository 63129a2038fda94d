/** Planners for tests: nobody is muted and nothing escalates unless the test says so. */
import { groupOf } from "../../collector/notify/incident/grouping.ts";
import type { Destination } from "../../collector/notify/incident/planning.ts";
import {
  createPlanner,
  type Planner,
  type PlannerOptions,
} from "../../collector/notify/incident/planner.ts";
import { eachAlone, policyOf, type Policy } from "../../collector/notify/incident/policy.ts";
import type { Alert } from "../../collector/state/alert.ts";
import type { Clock } from "../../core/kit/clock.ts";
import { createLog } from "../../core/kit/log.ts";
import { createSelfMetrics } from "../../core/kit/self-metrics.ts";

export function startPlanner(
  state: PlannerOptions["state"],
  destinations: readonly Destination[],
  clock: Clock,
  options: Partial<PlannerOptions> = {},
): Planner {
  return createPlanner({
    destinations,
    state,
    clock,
    escalations: [],
    mutes: { find: () => null },
    observe: () => undefined,
    log: createLog({ clock, write: () => undefined }),
    metrics: createSelfMetrics({ clock, processMetrics: false }),
    ...options,
  });
}

/** The key under which a pager hears of the alert. */
export function keyOf(alert: Alert): string {
  return groupOf(alert, policyOf({ type: "pagerduty" }).groupBy).key;
}

/** A notifier as far as the planner knows it: it takes every alert by itself unless the policy says otherwise. */
export function destination(name: string, policy: Partial<Policy> = {}): Destination {
  return {
    name,
    configuredName: name,
    policy: { ...eachAlone, ...policy },
    accepts: () => true,
  };
}
