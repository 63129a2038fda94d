/**
 * Pending alerts that were over before they fired, as entries of the audit log. A rule that flaps would push everything else
 * out of a log that is bounded: past some in an hour the rest is one entry.
 */
import type { Clock } from "../../core/kit/clock.ts";
import type { Alert } from "./alert.ts";
import type { AuditLog } from "./audit.ts";

export interface DroppedEntries {
  /** Within the transaction of the step that dropped them. */
  note(dropped: readonly Alert[]): void;
  /** Writes what is only counted so far: each hour, and at the end. */
  flush(): void;
}

/** In 90 days that is a fifth of the log. */
const entriesAnHour = 100;
const hourMilliseconds = 3_600_000;

export function createDroppedEntries(clock: Clock, audit: AuditLog): DroppedEntries {
  let began = clock.monotonic();
  let written = 0;
  /** By rule: those that have no entry of their own. */
  let counted = new Map<string, number>();

  function renew(): void {
    if (clock.monotonic() - began < hourMilliseconds) return;
    began = clock.monotonic();
    written = 0;
    flush();
  }

  function flush(): void {
    if (counted.size === 0) return;
    const most = [...counted].toSorted(([, one], [, other]) => other - one);
    audit.record({
      kind: "alert",
      actor: "collector",
      subject: "pending alerts",
      details: {
        state: "dropped",
        alerts: most.reduce((sum, [, count]) => sum + count, 0),
        rules: most.map(([rule, count]) => `${rule} ${count}`).join(", "),
      },
    });
    counted = new Map();
  }

  return {
    flush,
    note(dropped) {
      if (dropped.length === 0) return;
      renew();
      for (const { fingerprint, rule, labels, value, activeAtMilliseconds } of dropped) {
        if (written >= entriesAnHour) {
          counted.set(rule, (counted.get(rule) ?? 0) + 1);
          continue;
        }
        written += 1;
        const { node = "", severity = "" } = labels;
        const since = new Date(activeAtMilliseconds).toISOString();
        audit.record({
          kind: "alert",
          actor: "collector",
          subject: fingerprint,
          details: { state: "dropped", rule, node, severity, value, since },
        });
      }
    },
  };
}
