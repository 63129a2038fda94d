/** What the clock brings: waits that are over, tiers, updates, repetitions, digests, ends of mutes. It costs as much as is due. */
import type { Incident } from "../../state/incident.ts";
import { trigger, update } from "./announce.ts";
import { sendDigest } from "./digest.ts";
import { admit, openGroup } from "./intake.ts";
import { isMuted, type Planning, type Recipient } from "./planning.ts";
import { reviewStorm } from "./storm.ts";

/** In one transaction; the next round goes on with the rest. */
const maximumIncidents = 1000;
/** Muted alerts that are asked about; with more of them each has its turn after some seconds. */
const maximumHeld = 1000;
/** What is muted when it should be told is looked at again after this long. */
const mutedMilliseconds = 5000;

/** One round; true when there may be more to do at once. */
export function runRound(planning: Planning, now: number): boolean {
  const { incidents, recipients } = planning;
  const due = incidents.due(now, maximumIncidents);
  for (const { notifier, key } of due) {
    // One before it in the round may have changed it.
    const incident = incidents.find({ notifier, key });
    const recipient = recipients.get(notifier);
    if (incident && recipient && (incident.dueMilliseconds ?? Infinity) <= now)
      attend(planning, recipient, incident, now);
  }
  for (const alert of incidents.nextHeld(maximumHeld)) {
    if (planning.mutes.find(alert, now) !== null) continue;
    incidents.release(alert.fingerprint);
    admit(planning, alert, now, now);
  }
  return due.length === maximumIncidents;
}

function attend(planning: Planning, recipient: Recipient, incident: Incident, now: number): void {
  const { kind, state, dueMilliseconds } = incident;
  if (kind === "storm") reviewStorm(planning, recipient, incident, now);
  // When its mute ends it is told then, also that it still fires.
  else if (isMuted(planning, incident, now)) postpone(planning, incident, now + mutedMilliseconds);
  else if (state === "open") attendOpen(planning, recipient, incident, now);
  else if (kind === "group") openGroup(planning, recipient, incident, dueMilliseconds ?? now, now);
  else sendDigest(planning, recipient, incident, now);
}

/** It is to be told how it changed, or it has lasted long enough to be told again. */
function attendOpen(
  planning: Planning,
  recipient: Recipient,
  incident: Incident,
  now: number,
): void {
  const { policy, budget } = recipient;
  const { repeatMilliseconds, calledAtMilliseconds, acknowledged } = incident;
  const repeats =
    repeatMilliseconds > 0 &&
    acknowledged === null &&
    calledAtMilliseconds + repeatMilliseconds <= now;
  if (!budget.take(planning.clock.monotonic()))
    postpone(planning, incident, now + policy.intervalMilliseconds);
  else if (repeats)
    trigger(planning, recipient, incident, { occasion: "repeated", eventAt: 0 }, now);
  else update(planning, recipient, incident, now);
}

function postpone({ incidents }: Planning, incident: Incident, dueMilliseconds: number): void {
  incidents.save({ ...incident, dueMilliseconds });
}
