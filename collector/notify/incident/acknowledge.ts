/** Acknowledging: somebody takes an incident on, and from then on nobody else is called because of it. */
import type { AuditLog } from "../../state/audit.ts";
import type { Incident, IncidentName } from "../../state/incident.ts";
import type { Acknowledgement } from "../../state/notification.ts";
import { acknowledged } from "./announce.ts";
import { nextDue, type Planning } from "./planning.ts";
import { tellStorm } from "./storm.ts";

/**
 * By an incident's key or an alert's fingerprint. What is taken on are alerts: with them every incident of every notifier that
 * holds no others, also one whose tier's time hasn't come. Null when nothing of that name is there.
 */
export function acknowledge(
  planning: Planning,
  audit: AuditLog,
  subject: string,
  given: Acknowledgement,
): Incident[] | null {
  const { incidents } = planning;
  const named = incidents.withKey(subject);
  const alerts = new Set(named.flatMap((incident) => incidents.fingerprints(incident)));
  if (incidents.homesOf(subject).length > 0) alerts.add(subject);
  if (named.length + alerts.size === 0) return null;
  const { by, comment } = given;
  audit.record({ kind: "acknowledgement", actor: by, subject, details: { comment } });
  const seen = new Set(named.map(idOf));
  const taken = [...named];
  for (const fingerprint of alerts)
    for (const home of incidents.homesOf(fingerprint)) {
      if (seen.has(idOf(home))) continue;
      seen.add(idOf(home));
      const incident = incidents.find(home);
      const holdsNoOther = incidents.fingerprints(home).every((member) => alerts.has(member));
      if (incident && holdsNoOther) taken.push(incident);
    }
  return taken.map((incident) => take(planning, incident, given));
}

/** Who was first stays. */
function take(planning: Planning, incident: Incident, given: Acknowledgement): Incident {
  const { incidents, recipients } = planning;
  const recipient = recipients.get(incident.notifier);
  if (incident.acknowledged !== null || !recipient) return incident;
  const taken = { ...incident, acknowledged: given };
  const isTold = taken.state === "open" && recipient.policy.hearsAcknowledgements;
  if (taken.kind === "storm") {
    if (isTold) tellStorm(planning, taken, "acknowledge", given.atMilliseconds);
    else incidents.save(taken);
    return taken;
  }
  if (taken.state === "open")
    incidents.save({ ...taken, dueMilliseconds: nextDue(taken, recipient.policy) });
  // A digest that is still gathered is told all the same: it holds more than this.
  else incidents.save(taken.kind === "group" ? { ...taken, dueMilliseconds: null } : incident);
  if (isTold) acknowledged(planning, taken, given.atMilliseconds);
  return taken;
}

function idOf({ notifier, key }: IncidentName): string {
  return `${notifier}\u0000${key}`;
}
