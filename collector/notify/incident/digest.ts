/** Digests: what a notifier's rate has no room for, and what needn't be told at once, become one message. */
import type { Alert } from "../../state/alert.ts";
import type { Incident, IncidentKind } from "../../state/incident.ts";
import { trigger } from "./announce.ts";
import { keyOf, rankOf } from "./grouping.ts";
import { newIncident, type Planning, type Recipient } from "./planning.ts";

/** An alert that is only for information: into the digest that is being gathered. */
export function collect(
  { incidents }: Planning,
  recipient: Recipient,
  alert: Alert,
  now: number,
): void {
  const digest = gathering({ incidents }, recipient, "info", now);
  incidents.join({
    notifier: recipient.name,
    key: digest.key,
    fingerprint: alert.fingerprint,
    rank: rankOf(alert),
    firedAtMilliseconds: alert.firedAtMilliseconds,
  });
  incidents.save({ ...digest, most: digest.most + 1 });
}

/** A whole incident for which the rate has no room: its alerts are told in the digest, and close with it. */
export function overflow(
  { incidents }: Planning,
  recipient: Recipient,
  incident: Incident,
  now: number,
): void {
  const digest = gathering({ incidents }, recipient, "digest", now);
  const count = incidents.memberCount(incident);
  incidents.moveMembers(incident, digest.key);
  incidents.remove(incident);
  incidents.save({ ...digest, most: digest.most + count });
}

/** The one that gathers, or a new one that goes out when its time is over. */
function gathering(
  { incidents }: Pick<Planning, "incidents">,
  { name, policy }: Recipient,
  kind: Extract<IncidentKind, "digest" | "info">,
  now: number,
): Incident {
  const known = incidents.collecting(name, kind);
  if (known) return known;
  const wait = kind === "info" ? policy.digestMilliseconds : (policy.rate?.perMilliseconds ?? 0);
  const fields = { notifier: name, kind, labels: {}, dueMilliseconds: now + wait } as const;
  return newIncident({ ...fields, key: keyOf(kind, name, String(now)) }, now);
}

/**
 * Where an incident stays open until it is closed, the digest closes with the last of its alerts, and isn't opened for what
 * is over already. Elsewhere it has been said with the message.
 */
export function sendDigest(
  planning: Planning,
  recipient: Recipient,
  digest: Incident,
  now: number,
): void {
  const { incidents, clock } = planning;
  const eventAt = digest.dueMilliseconds ?? now;
  const goesOn = incidents.memberCount(digest) > 0;
  if (goesOn || !recipient.policy.keepsIncidents) {
    recipient.budget.spend(clock.monotonic());
    trigger(planning, recipient, digest, { occasion: "fired", eventAt }, now);
  }
  if (goesOn && (recipient.policy.keepsIncidents || digest.kind === "digest"))
    incidents.removeOver(digest);
  else incidents.remove(digest);
}
