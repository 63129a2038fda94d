/** Who is told, put together: the planner of incidents, the couriers, and the routes by which people take incidents on. */
import type { SelfMetrics } from "../../core/kit/self-metrics.ts";
import { createIncidentRoutes } from "../api/incidents.ts";
import type { ApiRoute } from "../api/routes.ts";
import { startDispatcher } from "../notify/dispatcher.ts";
import { createPlanner } from "../notify/incident/planner.ts";
import type { Notifier } from "../notify/notifier.ts";
import type { State } from "../state/open.ts";
import type { Muting } from "./muting.ts";
import type { CollectorOptions } from "./options.ts";

interface NotifyParts {
  readonly options: CollectorOptions;
  readonly state: State;
  readonly notifiers: readonly Notifier[];
  readonly muting: Pick<Muting, "mutes" | "observe">;
  readonly metrics: SelfMetrics;
}

interface Notify {
  readonly routes: readonly ApiRoute[];
  close(): Promise<void>;
}

/** From now on what is committed is told. */
export function openNotify({ options, state, notifiers, muting, metrics }: NotifyParts): Notify {
  const { env, log, config } = options;
  const { alerts, outbox } = state;
  const planner = createPlanner({
    destinations: notifiers,
    escalations: config.escalation,
    state,
    mutes: muting.mutes,
    observe: (step, dropped) => muting.observe(step, dropped),
    clock: env.clock,
    log,
    metrics,
  });
  const dispatcher = startDispatcher({ notifiers, outbox, alerts, planner, env, log, metrics });
  return { routes: createIncidentRoutes(planner), close: () => dispatcher.close() };
}
