/** An incident: alerts that one notifier tells together, and how far it has come with telling them. */
import type { Alert } from "./alert.ts";
import type { Acknowledgement, EscalationStep } from "./notification.ts";

/**
 * `group`: alerts with equal labels. `digest`: what went over a notifier's rate. `info`: what needn't be told at once.
 * `storm`: the summary of very many groups, which has no alerts of its own.
 */
export type IncidentKind = "group" | "digest" | "info" | "storm";

export interface Incident {
  readonly notifier: string;
  readonly key: string;
  readonly kind: IncidentKind;
  /** `open` once a notification of it was committed. */
  readonly state: "waiting" | "open";
  /** When something is to be done by the clock; null when nothing is. */
  readonly dueMilliseconds: number | null;
  /** 0 until it is open. */
  readonly openedAtMilliseconds: number;
  readonly startedAtMilliseconds: number;
  /** What its alerts have in common. */
  readonly labels: Readonly<Record<string, string>>;
  /** The most alerts it had at once. */
  readonly most: number;
  /** Alerts joined or left since it was told last. */
  readonly changed: boolean;
  readonly toldAtMilliseconds: number;
  /** When people were last called by it, which an update doesn't do. */
  readonly calledAtMilliseconds: number;
  /** 0: it is never repeated. */
  readonly repeatMilliseconds: number;
  readonly escalation: EscalationStep | null;
  readonly acknowledged: Acknowledgement | null;
}

export type IncidentName = Pick<Incident, "notifier" | "key">;

/** One alert in an incident. */
export interface Member extends IncidentName {
  readonly fingerprint: string;
  /** 0 for what is gravest. */
  readonly rank: number;
  readonly firedAtMilliseconds: number;
}

export interface MemberAlert {
  readonly alert: Alert;
  /** It ended before it was told. */
  readonly over: boolean;
}

/** Rows of incidents and their members. Every call that writes belongs into a transaction of the caller. */
export interface IncidentStore {
  find(name: IncidentName): Incident | null;
  save(incident: Incident): void;
  /** With its members. */
  remove(name: IncidentName): void;
  /** What the clock calls for, the longest overdue first. */
  due(timeMilliseconds: number, limit: number): Incident[];
  withKey(key: string): Incident[];
  /** The newest first. */
  list(limit: number): Incident[];
  /** The one that still collects what is told together later. */
  collecting(notifier: string, kind: IncidentKind): Incident | null;
  count(notifier: string): number;
  /** Open groups of a notifier that were opened at or after the given time. */
  openGroups(notifier: string, sinceMilliseconds: number): number;
  /** How many alerts and nodes those groups and digests have, with the gravest and newest alert. */
  stormOf(notifier: string, sinceMilliseconds: number): Storm;

  join(member: Member): void;
  leave(notifier: string, fingerprint: string): void;
  /** It stays to be told that it was there. */
  markOver(notifier: string, fingerprint: string): void;
  /** Takes those out that are over. */
  removeOver(name: IncidentName): void;
  /** Every incident that the alert is in, one per notifier at most. */
  homesOf(fingerprint: string): IncidentName[];
  moveMembers(from: IncidentName, toKey: string): void;
  /** Without those that are over. */
  memberCount(name: IncidentName): number;
  /** Of all, those that are over included: the gravest and newest first. */
  members(name: IncidentName, limit: number): MemberAlert[];
  fingerprints(name: IncidentName): string[];

  /** Nobody is told of the alert for now. */
  hold(fingerprint: string): void;
  release(fingerprint: string): void;
  isHeld(fingerprint: string): boolean;
  /** The next ones of those that are held: who calls again and again gets all in turn. */
  nextHeld(limit: number): Alert[];

  /** What was firing when the state file came from a version that told every alert by itself; empty after the first call. */
  takeToldBefore(): Alert[];
  /** Removes the incidents of notifiers that are no longer there. */
  keepOnly(notifiers: readonly string[]): void;
}

export interface Storm {
  readonly alerts: number;
  readonly nodes: number;
  /** When the first of those alerts fired; 0 when there is none. */
  readonly sinceMilliseconds: number;
  readonly gravest: Alert | null;
}
