/** An alert as it is kept: what must survive a kill between any two steps. */
import { createHash } from "node:crypto";

export type AlertState = "pending" | "firing" | "resolved";

export interface Alert {
  /** Stable over restarts and equal on every replica: {@link fingerprintOf}. Also the deduplication key of every notification. */
  readonly fingerprint: string;
  readonly rule: string;
  /** Labels of the series that broke the rule, and node, alertname, severity, team, component. */
  readonly labels: Readonly<Record<string, string>>;
  /** summary, description, runbook_url. */
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: AlertState;
  /** The series stopped coming: it holds its state until they are back. Missing data never resolves. */
  readonly unknown: boolean;
  readonly value: number;
  /** Unix milliseconds of the first sample that broke the rule. */
  readonly activeAtMilliseconds: number;
  /** 0 until it fires. */
  readonly firedAtMilliseconds: number;
  /** 0 until it resolves. */
  readonly resolvedAtMilliseconds: number;
}

/** What one evaluation changed; committed whole or not at all, together with the notifications it causes. */
export interface AlertStep {
  /** New or changed alerts, in the state they now have. */
  readonly changed: readonly Alert[];
  /** Pending alerts whose condition stopped holding before they fired. */
  readonly dropped: readonly string[];
  /** Alerts that just fired or just resolved: one outbox row per notifier each. */
  readonly notify: readonly Alert[];
}

export interface AlertStore {
  /** Every alert that is pending or firing. */
  load(): Alert[];
  /** Durable when it returns: one transaction, alerts and outbox together. */
  commit(step: AlertStep): void;
}

/** SHA-256 over the rule's name and the sorted labels. */
export function fingerprintOf(rule: string, labels: Readonly<Record<string, string>>): string {
  const hash = createHash("sha256").update(rule);
  for (const name of Object.keys(labels).toSorted())
    hash.update(`\u0000${name}\u0000${labels[name] ?? ""}`);
  return hash.digest("hex");
}
