/** Telling of an incident: its members become one notification, and the incident remembers when it was told. */
import type { Alert } from "../../state/alert.ts";
import type { Incident } from "../../state/incident.ts";
import type { NotificationAction, Occasion, Telling } from "../../state/notification.ts";
import { nextDue, type Planning, type Recipient } from "./planning.ts";
import { digestAlert, lineOf } from "./summary.ts";

/** Lines of one message; a digest, which is read as a list, has fewer. */
const maximumLines = 25;
const maximumDigestLines = 20;

/** Opens the incident, or calls people by an open one. Delivery is timed from `eventAt`; 0 times nothing. */
export function trigger(
  planning: Planning,
  recipient: Recipient,
  incident: Incident,
  { occasion, eventAt }: { readonly occasion: Occasion; readonly eventAt: number },
  now: number,
): void {
  const action = incident.kind === "group" ? "trigger" : "digest";
  put(planning, incident, { action, occasion, eventAt }, now);
  const openedAtMilliseconds = incident.openedAtMilliseconds || now;
  settle(
    planning,
    recipient,
    { ...incident, state: "open", openedAtMilliseconds, calledAtMilliseconds: now },
    now,
  );
}

/** Tells how the incident has changed; nobody is called by that. */
export function update(
  planning: Planning,
  recipient: Recipient,
  incident: Incident,
  now: number,
): void {
  put(planning, incident, { action: "update", occasion: "changed", eventAt: 0 }, now);
  settle(planning, recipient, incident, now);
}

export function acknowledged(planning: Planning, incident: Incident, now: number): void {
  put(planning, incident, { action: "acknowledge", occasion: "changed", eventAt: 0 }, now);
}

/** Closes it with the alert that ended last, and forgets it. */
export function resolve(planning: Planning, incident: Incident, alert: Alert, now: number): void {
  const { kind, most } = incident;
  const face =
    kind === "digest" || kind === "info"
      ? endOf(digestAlert(kind, [], most, incident.startedAtMilliseconds, now), alert)
      : alert;
  tell(planning, incident, {
    ...common(incident),
    action: "resolve",
    occasion: "fired",
    alert: face,
    members: [],
    memberCount: most,
    eventAtMilliseconds: alert.resolvedAtMilliseconds,
  });
  planning.incidents.remove(incident);
}

function endOf(face: Alert, last: Alert): Alert {
  return { ...face, state: "resolved", resolvedAtMilliseconds: last.resolvedAtMilliseconds };
}

interface Call {
  readonly action: NotificationAction;
  readonly occasion: Occasion;
  readonly eventAt: number;
}

function put(
  planning: Planning,
  incident: Incident,
  { action, occasion, eventAt }: Call,
  now: number,
): void {
  const { incidents, meter } = planning;
  const { kind, startedAtMilliseconds, most } = incident;
  const isDigest = kind === "digest" || kind === "info";
  const members = incidents.members(incident, isDigest ? maximumDigestLines : maximumLines);
  const total = isDigest ? most : incidents.memberCount(incident);
  const alert = isDigest
    ? digestAlert(kind, members, total, startedAtMilliseconds, now)
    : members[0]?.alert;
  if (alert === undefined) return;
  if (total > members.length) meter.limited("lines");
  const isAlone = members.length === 1 && !isDigest;
  tell(planning, incident, {
    ...common(incident),
    action,
    occasion,
    alert,
    members: isAlone ? [] : members.map((one) => lineOf(one.alert, one.over)),
    memberCount: total,
    eventAtMilliseconds: eventAt,
  });
}

function common(
  incident: Incident,
): Pick<Telling, "key" | "kind" | "escalation" | "acknowledgement"> {
  const { key, escalation, acknowledged: acknowledgement } = incident;
  return {
    key,
    kind: incident.kind === "group" ? "alerts" : "digest",
    escalation,
    acknowledgement,
  };
}

export function tell(planning: Planning, { notifier }: Incident, telling: Telling): void {
  planning.meter.planned(notifier, telling.action);
  planning.tell(notifier, telling);
}

function settle(
  { incidents }: Planning,
  { policy }: Recipient,
  incident: Incident,
  now: number,
): void {
  const told = { ...incident, changed: false, toldAtMilliseconds: now };
  incidents.save({ ...told, dueMilliseconds: nextDue(told, policy) });
}
