/** Incidents as the API tells them: by key, with every notifier that has them. */
import type { Incident, IncidentStore } from "../../state/incident.ts";
import type { Acknowledgement, MemberLine } from "../../state/notification.ts";
import { lineOf } from "./summary.ts";

export interface IncidentView {
  readonly key: string;
  readonly kind: Incident["kind"];
  readonly labels: Readonly<Record<string, string>>;
  readonly startedAtMilliseconds: number;
  readonly acknowledged: Acknowledgement | null;
  /** At most 25, the gravest first. */
  readonly members: readonly MemberLine[];
  readonly memberCount: number;
  readonly notifiers: readonly NotifierView[];
}

interface NotifierView {
  readonly name: string;
  /** `waiting`: nobody was told there yet. */
  readonly state: Incident["state"];
  readonly openedAtMilliseconds: number;
  /** When it will be told, or told again; null when nothing is due. */
  readonly dueMilliseconds: number | null;
  /** 1, or the tier of an escalation. */
  readonly tier: number;
}

const maximumIncidents = 2000;
const maximumMembers = 25;

/** All, or the given ones; the newest first. */
export function listIncidents(
  store: IncidentStore,
  given: readonly Incident[] = store.list(maximumIncidents),
): IncidentView[] {
  const byKey = Map.groupBy(given, ({ key }) => key);
  return Array.from(byKey.values(), (incidents) => viewOf(store, incidents));
}

function viewOf(store: IncidentStore, incidents: readonly Incident[]): IncidentView {
  const [first] = incidents;
  if (!first) throw new RangeError("a group has a member");
  const members = store.members(first, maximumMembers);
  return {
    key: first.key,
    kind: first.kind,
    labels: first.labels,
    startedAtMilliseconds: Math.min(...incidents.map((one) => one.startedAtMilliseconds)),
    acknowledged: incidents.find((one) => one.acknowledged)?.acknowledged ?? null,
    members: members.map(({ alert, over }) => lineOf(alert, over)),
    memberCount: first.kind === "storm" ? first.most : store.memberCount(first),
    notifiers: incidents.map((one) => ({
      name: one.notifier,
      state: one.state,
      openedAtMilliseconds: one.openedAtMilliseconds,
      dueMilliseconds: one.dueMilliseconds,
      tier: one.escalation?.tier ?? 1,
    })),
  };
}
