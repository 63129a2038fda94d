/**
 * The planner stands between alerts and outbox: what an alert's change means for each notifier's incidents is decided within the
 * transaction that keeps the change, so that a kill at any instant loses neither and doubles nothing.
 */
import type { Clock } from "../../../core/kit/clock.ts";
import { describeError } from "../../../core/kit/errors.ts";
import type { Log } from "../../../core/kit/log.ts";
import type { SelfMetrics } from "../../../core/kit/self-metrics.ts";
import type { Alert, AlertStep } from "../../state/alert.ts";
import type { State } from "../../state/open.ts";
import type { Addressed } from "../../state/outbox.ts";
import type { Mutes } from "../mute/mute.ts";
import { acknowledge } from "./acknowledge.ts";
import { createBudget } from "./budget.ts";
import { createRouting, type Escalation } from "./escalation.ts";
import { rankOf } from "./grouping.ts";
import { fired, resolved } from "./intake.ts";
import { createIncidentMeter } from "./meter.ts";
import { newIncident, type Destination, type Planning, type Recipient } from "./planning.ts";
import { runRound } from "./round.ts";
import { listIncidents, type IncidentView } from "./view.ts";

export interface PlannerOptions {
  readonly destinations: readonly Destination[];
  readonly escalations: readonly Escalation[];
  readonly state: Pick<State, "alerts" | "incidents" | "outbox" | "audit" | "transaction">;
  readonly mutes: Mutes;
  /** Hears of each step before anybody asks whether its alerts are muted, within its transaction. */
  readonly observe: (step: AlertStep, dropped: readonly Alert[]) => void;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: SelfMetrics;
}

export interface Planner {
  /** What the clock brings; called once a second. */
  tick(): void;
  /** By an incident's key or an alert's fingerprint; null when there is no such incident. */
  acknowledge(subject: string, by: string, comment: string): IncidentView[] | null;
  incidents(): IncidentView[];
  /** Whether the notifier isn't to hear of the alert for now: it is muted, or its tier's time hasn't come. */
  isHeld(notifier: string, alert: Alert): boolean;
}

const maximumRounds = 10;

export function createPlanner(options: PlannerOptions): Planner {
  const { state, clock, log } = options;
  const { incidents, outbox } = state;
  let gathered: Addressed[] = [];
  const planning: Planning = {
    clock,
    incidents,
    recipients: recipientsOf(options),
    mutes: options.mutes,
    meter: createIncidentMeter(
      options.metrics,
      options.destinations.map(({ name }) => name),
    ),
    tell: (notifier, telling) => void gathered.push({ notifier, telling }),
  };

  /** Within a transaction. */
  function plan<Result>(work: (now: number) => Result): Result {
    gathered = [];
    const result = work(clock.now());
    outbox.add(gathered);
    return result;
  }

  function commit<Result>(work: (now: number) => Result): Result {
    const result = state.transaction(() => plan(work));
    if (gathered.length > 0) outbox.announce();
    return result;
  }

  state.alerts.planBy((step, dropped) =>
    plan((now) => {
      options.observe(step, dropped);
      for (const alert of step.notify)
        if (alert.state === "resolved") resolved(planning, alert, now);
        else fired(planning, alert, now);
    }),
  );
  commit((now) => {
    incidents.keepOnly(options.destinations.map(({ name }) => name));
    for (const alert of incidents.takeToldBefore())
      for (const { name, accepts } of options.destinations)
        if (accepts(alert)) adopt(planning, name, alert, now);
  });

  return {
    tick() {
      try {
        for (let round = 0; round < maximumRounds && commit((now) => runRound(planning, now));)
          round += 1;
      } catch (thrown) {
        log.error(`incidents can't be brought up to date: ${describeError(thrown)}`);
      }
    },
    acknowledge(subject, by, comment) {
      const taken = commit((atMilliseconds) =>
        acknowledge(planning, state.audit, subject, { by, comment, atMilliseconds }),
      );
      return taken && listIncidents(incidents, taken);
    },
    incidents: () => listIncidents(incidents),
    isHeld(notifier, alert) {
      if (incidents.isHeld(alert.fingerprint)) return true;
      if (!planning.recipients.get(notifier)?.routeOf(alert)) return true;
      const home = incidents.homesOf(alert.fingerprint).find((one) => one.notifier === notifier);
      return home !== undefined && incidents.find(home)?.state === "waiting";
    },
  };
}

function recipientsOf({
  destinations,
  escalations,
}: PlannerOptions): ReadonlyMap<string, Recipient> {
  const routeOf = createRouting(escalations);
  return new Map(
    destinations.map(({ name, configuredName, policy, accepts }) => [
      name,
      {
        name,
        policy,
        budget: createBudget(policy.rate),
        routeOf: (alert: Alert) => (accepts(alert) ? routeOf(alert, configuredName) : null),
      },
    ]),
  );
}

/** It was told by itself before there were groups: its receiver knows it by its fingerprint, and will know its end by that. */
function adopt({ incidents }: Planning, notifier: string, alert: Alert, now: number): void {
  const { fingerprint, firedAtMilliseconds, labels } = alert;
  const name = { notifier, key: fingerprint } as const;
  incidents.save({
    ...newIncident({ ...name, labels, kind: "group", dueMilliseconds: null }, now),
    state: "open",
    openedAtMilliseconds: firedAtMilliseconds,
    toldAtMilliseconds: firedAtMilliseconds,
    calledAtMilliseconds: firedAtMilliseconds,
    most: 1,
  });
  incidents.join({ ...name, fingerprint, rank: rankOf(alert), firedAtMilliseconds });
}
