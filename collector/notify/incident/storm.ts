/** Storms: when very many incidents open within a minute, one summary says how many and where, until few are left. */
import type { Incident } from "../../state/incident.ts";
import type { NotificationAction } from "../../state/notification.ts";
import { tell } from "./announce.ts";
import { keyOf } from "./grouping.ts";
import { newIncident, type Planning, type Recipient } from "./planning.ts";
import { endOfStorm, stormAlert } from "./summary.ts";

const windowMilliseconds = 60_000;
/** While it grows, its numbers are worth telling sooner than other changes. */
const checkMilliseconds = 10_000;

/** Called when an incident was opened. */
export function watchStorm(planning: Planning, recipient: Recipient, now: number): void {
  const { incidents, clock } = planning;
  const { name, policy, budget } = recipient;
  if (policy.storm === 0 || policy.groupBy === null) return;
  const since = now - windowMilliseconds;
  const key = keyOf("storm");
  if (incidents.find({ notifier: name, key })) return;
  if (incidents.openGroups(name, since) <= policy.storm) return;
  const fields = { notifier: name, key, kind: "storm", labels: {}, dueMilliseconds: null } as const;
  const first = incidents.stormOf(name, since).sinceMilliseconds;
  const storm: Incident = {
    ...newIncident(fields, Math.max(first, since)),
    state: "open",
    openedAtMilliseconds: now,
  };
  budget.spend(clock.monotonic());
  tellStorm(planning, storm, "trigger", now);
}

/** Called when the summary is due: tells how the storm has grown, or that it is over. */
export function reviewStorm(
  planning: Planning,
  recipient: Recipient,
  storm: Incident,
  now: number,
): void {
  const { incidents, clock } = planning;
  const { name, policy, budget } = recipient;
  if (incidents.openGroups(name, storm.startedAtMilliseconds) <= policy.storm) {
    budget.spend(clock.monotonic());
    tell(planning, storm, {
      ...plain(storm),
      action: "resolve",
      alert: endOfStorm(storm.most, storm.startedAtMilliseconds, now),
      memberCount: storm.most,
    });
    incidents.remove(storm);
    return;
  }
  const { alerts } = incidents.stormOf(name, storm.startedAtMilliseconds);
  if (alerts > storm.most) {
    budget.spend(clock.monotonic());
    tellStorm(planning, storm, "update", now);
  } else incidents.save({ ...storm, dueMilliseconds: now + checkMilliseconds });
}

/** It goes out whatever the rate says: it is what the rate is there for. */
export function tellStorm(
  planning: Planning,
  storm: Incident,
  action: NotificationAction,
  now: number,
): void {
  const { notifier, startedAtMilliseconds } = storm;
  const found = planning.incidents.stormOf(notifier, startedAtMilliseconds);
  const { alerts } = found;
  const alert = stormAlert(found, startedAtMilliseconds, now);
  const eventAtMilliseconds = action === "trigger" ? now : 0;
  tell(planning, storm, {
    ...plain(storm),
    action,
    alert,
    memberCount: alerts,
    eventAtMilliseconds,
  });
  planning.incidents.save({
    ...storm,
    most: Math.max(storm.most, alerts),
    toldAtMilliseconds: now,
    dueMilliseconds: now + checkMilliseconds,
  });
}

function plain({ key, acknowledged }: Incident) {
  return {
    key,
    kind: "storm",
    occasion: "fired",
    members: [],
    escalation: null,
    acknowledgement: acknowledged,
    eventAtMilliseconds: 0,
  } as const;
}
