/** What the steps of the planner share: who can be told, what is kept, and where what is to be told is gathered. */
import type { Clock } from "../../../core/kit/clock.ts";
import type { Alert } from "../../state/alert.ts";
import type { Incident, IncidentStore } from "../../state/incident.ts";
import type { Telling } from "../../state/notification.ts";
import type { Mutes } from "../mute/mute.ts";
import type { Budget } from "./budget.ts";
import type { Route } from "./escalation.ts";
import type { IncidentMeter } from "./meter.ts";
import type { Policy } from "./policy.ts";

/** Who can be told. */
export interface Destination {
  readonly name: string;
  /** In the configuration; several Alertmanagers share one. */
  readonly configuredName: string;
  readonly policy: Policy;
  /** Whether this alert concerns it; the answer must not change while the alert lives. */
  readonly accepts: (alert: Alert) => boolean;
}

export interface Recipient {
  readonly name: string;
  readonly policy: Policy;
  readonly budget: Budget;
  /** When it is told of the alert; null when the alert doesn't concern it. */
  readonly routeOf: (alert: Alert) => Route | null;
}

export interface Planning {
  readonly clock: Clock;
  readonly incidents: IncidentStore;
  readonly recipients: ReadonlyMap<string, Recipient>;
  readonly mutes: Mutes;
  readonly meter: IncidentMeter;
  /** Puts it into the outbox at the end of the transaction under way. */
  readonly tell: (notifier: string, telling: Telling) => void;
}

/** One that waits and has told nobody. */
export function newIncident(
  fields: Pick<Incident, "notifier" | "key" | "kind" | "labels" | "dueMilliseconds">,
  nowMilliseconds: number,
): Incident {
  return {
    ...fields,
    state: "waiting",
    openedAtMilliseconds: 0,
    startedAtMilliseconds: nowMilliseconds,
    most: 0,
    changed: false,
    toldAtMilliseconds: 0,
    calledAtMilliseconds: 0,
    repeatMilliseconds: 0,
    escalation: null,
    acknowledged: null,
  };
}

/** When an open incident has to be looked at again; null when only something from outside changes it. */
export function nextDue(incident: Incident, { intervalMilliseconds }: Policy): number | null {
  const { changed, acknowledged, repeatMilliseconds } = incident;
  const update = changed ? incident.toldAtMilliseconds + intervalMilliseconds : Infinity;
  const repeats = repeatMilliseconds > 0 && acknowledged === null;
  const repeat = repeats ? incident.calledAtMilliseconds + repeatMilliseconds : Infinity;
  const due = Math.min(update, repeat);
  return due === Infinity ? null : due;
}

/** An open incident isn't any more as it was told: an update is owed. */
export function oweUpdate(
  { incidents }: Pick<Planning, "incidents">,
  { policy }: Recipient,
  incident: Incident,
): void {
  const changed = { ...incident, changed: true };
  incidents.save({ ...changed, dueMilliseconds: nextDue(changed, policy) });
}

/** Whether nobody is to be told of any of its alerts. */
export function isMuted({ incidents, mutes }: Planning, incident: Incident, now: number): boolean {
  const firing = incidents.members(incident, maximumAsked).filter(({ over }) => !over);
  return firing.length > 0 && firing.every(({ alert }) => mutes.find(alert, now) !== null);
}

/** An incident of more is told although the first of them are muted: it can't be told for certain that all are. */
const maximumAsked = 200;
