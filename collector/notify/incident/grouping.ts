/** Which incident an alert belongs to, and how grave it is. */
import { createHash } from "node:crypto";
import type { Alert } from "../../state/alert.ts";

export interface Group {
  /** Follows from the labels alone: equal for every notifier that groups alike, after a restart and on every replica. */
  readonly key: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** With null every alert is its own group, whose key is its fingerprint. */
export function groupOf(alert: Alert, groupBy: readonly string[] | null): Group {
  if (groupBy === null) return { key: alert.fingerprint, labels: alert.labels };
  const labels = Object.fromEntries(
    groupBy.toSorted().map((name) => [name, labelOf(alert, name)] as const),
  );
  return { key: keyOf("group", ...Object.entries(labels).flat()), labels };
}

/** A key made of texts. */
export function keyOf(...parts: readonly string[]): string {
  const hash = createHash("sha256").update("incident");
  for (const part of parts) hash.update(`\u0000${part}`);
  return hash.digest("hex");
}

export function labelOf(alert: Alert, name: string): string {
  return alert.labels[name] ?? (name === "alertname" ? alert.rule : "");
}

/** A severity that is none of ours (rules from elsewhere) may be grave: it is told like what is critical. */
export const ranks = { critical: 0, unknown: 1, warning: 2, info: 3 } as const;

export function rankOf({ labels }: Alert): number {
  const severity = labels["severity"];
  return severity === "critical" || severity === "warning" || severity === "info"
    ? ranks[severity]
    : ranks.unknown;
}

/** What nothing but a mute keeps back. */
export function isUrgent(rank: number): boolean {
  return rank <= ranks.unknown;
}
