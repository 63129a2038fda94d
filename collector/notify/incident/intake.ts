/** What an alert that fires or resolves does to the incidents of each notifier. */
import type { Alert } from "../../state/alert.ts";
import type { Incident, IncidentName } from "../../state/incident.ts";
import { resolve, trigger } from "./announce.ts";
import { collect, overflow } from "./digest.ts";
import type { Route } from "./escalation.ts";
import { groupOf, isUrgent, keyOf, rankOf, ranks } from "./grouping.ts";
import { newIncident, oweUpdate, type Planning, type Recipient } from "./planning.ts";
import { watchStorm } from "./storm.ts";

/** Groups that a notifier's incidents are kept apart in; what is beyond shares one. */
const maximumGroups = 10_000;

/** Told to whom it concerns, unless it is muted: then it is asked about every second until it is over. */
export function fired(planning: Planning, alert: Alert, now: number): void {
  if (planning.mutes.find(alert, now) === null)
    admit(planning, alert, alert.firedAtMilliseconds, now);
  else planning.incidents.hold(alert.fingerprint);
}

/** Delivery is timed from `eventAt`: when it fired, or when its mute ended. */
export function admit(planning: Planning, alert: Alert, eventAt: number, now: number): void {
  const homes = new Map(
    planning.incidents.homesOf(alert.fingerprint).map((home) => [home.notifier, home]),
  );
  for (const recipient of planning.recipients.values()) {
    const route = recipient.routeOf(alert);
    if (!route) continue;
    const home = homes.get(recipient.name);
    if (home) rejoin(planning, recipient, home, alert);
    else if (rankOf(alert) === ranks.info && recipient.policy.digestMilliseconds > 0)
      collect(planning, recipient, alert, now);
    else joinGroup(planning, recipient, { alert, route, eventAt }, now);
  }
}

/** It is there already: it fires anew before it was told that it was over, or it was told twice that it fires. */
function rejoin(planning: Planning, recipient: Recipient, home: IncidentName, alert: Alert): void {
  join(planning, home, alert);
  const incident = planning.incidents.find(home);
  if (incident?.kind === "group" && incident.state === "open")
    oweUpdate(planning, recipient, incident);
}

interface Arrival {
  readonly alert: Alert;
  readonly route: Route;
  readonly eventAt: number;
}

function joinGroup(
  planning: Planning,
  recipient: Recipient,
  { alert, route, eventAt }: Arrival,
  now: number,
): void {
  const { incidents } = planning;
  const { policy } = recipient;
  const urgent = isUrgent(rankOf(alert));
  const before = incidentFor(planning, recipient, alert, now);
  const occasion = occasionOf(planning, before, urgent);
  join(planning, before, alert);
  const incident: Incident = {
    ...before,
    most: Math.max(before.most, incidents.memberCount(before)),
    acknowledged: occasion === "reopened" ? null : before.acknowledged,
    repeatMilliseconds: route.repeatMilliseconds ?? policy.repeatMilliseconds,
    escalation: route.step,
  };
  if (incident.state === "open") {
    if (occasion === "changed") oweUpdate(planning, recipient, incident);
    else {
      recipient.budget.spend(planning.clock.monotonic());
      trigger(planning, recipient, incident, { occasion, eventAt }, now);
    }
    return;
  }
  const wait = Math.max(route.afterMilliseconds, urgent ? 0 : policy.waitMilliseconds);
  const due = Math.min(before.dueMilliseconds ?? Infinity, now + wait);
  if (incident.acknowledged !== null) incidents.save({ ...incident, dueMilliseconds: null });
  else if (due > now) incidents.save({ ...incident, dueMilliseconds: due });
  else openGroup(planning, recipient, { ...incident, dueMilliseconds: due }, eventAt, now);
}

/** What grave news means for those who know of the incident: it was taken on without it, or they weren't called for it. */
function occasionOf(
  { incidents }: Planning,
  incident: Incident,
  urgent: boolean,
): "changed" | "reopened" | "worsened" {
  if (!urgent) return "changed";
  if (incident.acknowledged !== null) return "reopened";
  const [gravest] = incident.state === "open" ? incidents.members(incident, 1) : [];
  return gravest && !isUrgent(rankOf(gravest.alert)) ? "worsened" : "changed";
}

/** Tells of a group for the first time; where the rate has no room for it, it goes into the digest. */
export function openGroup(
  planning: Planning,
  recipient: Recipient,
  incident: Incident,
  eventAt: number,
  now: number,
): void {
  const [gravest] = planning.incidents.members(incident, 1);
  if (!gravest) {
    planning.incidents.remove(incident);
    return;
  }
  if (isUrgent(rankOf(gravest.alert))) recipient.budget.spend(planning.clock.monotonic());
  else if (!recipient.budget.take(planning.clock.monotonic())) {
    overflow(planning, recipient, incident, now);
    return;
  }
  const occasion = incident.escalation === null ? "fired" : "escalated";
  trigger(planning, recipient, incident, { occasion, eventAt }, now);
  watchStorm(planning, recipient, now);
}

function incidentFor(
  { incidents, meter }: Planning,
  { name, policy }: Recipient,
  alert: Alert,
  now: number,
): Incident {
  const group = groupOf(alert, policy.groupBy);
  const known = incidents.find({ notifier: name, key: group.key });
  if (known) return known;
  const fields = { notifier: name, kind: "group", dueMilliseconds: null } as const;
  if (policy.groupBy === null || incidents.count(name) < maximumGroups)
    return newIncident({ ...fields, ...group }, now);
  meter.limited("incidents");
  const shared = keyOf("beyond the bound");
  return (
    incidents.find({ notifier: name, key: shared }) ??
    newIncident({ ...fields, key: shared, labels: {} }, now)
  );
}

function join({ incidents }: Planning, home: IncidentName, alert: Alert): void {
  incidents.join({
    notifier: home.notifier,
    key: home.key,
    fingerprint: alert.fingerprint,
    rank: rankOf(alert),
    firedAtMilliseconds: alert.firedAtMilliseconds,
  });
}

/** The incident closes with its last alert. What nobody was told of goes without a word. */
export function resolved(planning: Planning, alert: Alert, now: number): void {
  const { incidents, recipients } = planning;
  incidents.release(alert.fingerprint);
  for (const home of incidents.homesOf(alert.fingerprint)) {
    const incident = incidents.find(home);
    const recipient = recipients.get(home.notifier);
    if (!incident || !recipient) continue;
    if (incident.state === "waiting" && incident.kind !== "group") {
      incidents.markOver(home.notifier, alert.fingerprint);
      continue;
    }
    incidents.leave(home.notifier, alert.fingerprint);
    if (incidents.memberCount(home) > 0) {
      if (incident.state === "open" && incident.kind === "group")
        oweUpdate(planning, recipient, incident);
    } else if (incident.state === "waiting") incidents.remove(incident);
    else {
      recipient.budget.spend(planning.clock.monotonic());
      resolve(planning, incident, alert, now);
    }
  }
}
