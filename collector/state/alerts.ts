/** The alert store: what is pending, firing or lately resolved, committed together with the notifications it causes. */
import type { Clock } from "../../core/kit/clock.ts";
import { describeError } from "../../core/kit/errors.ts";
import type { Alert, AlertStore, AlertStep } from "./alert.ts";
import { decodeAlert, encodeAlert } from "./alert-codec.ts";
import type { Database } from "./database.ts";
import type { EmbeddedOutbox } from "./outbox.ts";

export interface EmbeddedAlertStore extends AlertStore {
  /** Alerts that resolved lately, newest first. */
  recentlyResolved(limit: number): Alert[];
  /** Who decides what is told: called within each commit's transaction. Until then nobody is told of anything. */
  planBy(plan: Plan): void;
}

/** `dropped`: the step's, as they were kept; one that came and went within it isn't among them. */
type Plan = (step: AlertStep, dropped: readonly Alert[]) => void;

const keepResolvedMilliseconds = 7 * 24 * 3_600_000;
const keepResolvedRows = 10_000;

export function createAlertStore(
  database: Database,
  outbox: Pick<EmbeddedOutbox, "announce">,
  clock: Clock,
): EmbeddedAlertStore {
  const { sqlite } = database;
  let plan: Plan = () => {};
  const select = sqlite.prepare("SELECT body FROM alert WHERE state <> 'resolved'");
  const selectResolved = sqlite.prepare(
    "SELECT body FROM alert WHERE state = 'resolved' ORDER BY resolved_at DESC LIMIT ?",
  );
  const upsert = sqlite.prepare("INSERT OR REPLACE INTO alert VALUES (?, ?, ?, ?)");
  const selectOne = sqlite.prepare("SELECT body FROM alert WHERE fingerprint = ?");
  const remove = sqlite.prepare("DELETE FROM alert WHERE fingerprint = ?");
  const purge = sqlite.prepare(
    `DELETE FROM alert WHERE state = 'resolved' AND resolved_at <= max(?, ifnull((
       SELECT resolved_at FROM alert WHERE state = 'resolved'
       ORDER BY resolved_at DESC LIMIT 1 OFFSET ${keepResolvedRows}), 0))`,
  );

  /** One that is damaged is left out: if its rule still holds it fires again, under the same key. */
  function sound(row: Record<string, unknown>): Alert[] {
    try {
      return [decodeAlert(String(row["body"]))];
    } catch (thrown) {
      database.noteDamage(describeError(thrown));
      return [];
    }
  }

  function commit(step: AlertStep): void {
    if (step.changed.length + step.dropped.length + step.notify.length === 0) return;
    database.transaction(() => {
      const dropped = step.dropped.flatMap((fingerprint) =>
        selectOne.all(fingerprint).flatMap(sound),
      );
      for (const fingerprint of step.dropped) remove.run(fingerprint);
      for (const alert of step.changed)
        upsert.run(
          alert.fingerprint,
          alert.state,
          alert.resolvedAtMilliseconds,
          encodeAlert(alert),
        );
      plan(
        step,
        dropped.filter(({ state }) => state === "pending"),
      );
      if (step.changed.some((alert) => alert.state === "resolved"))
        purge.run(clock.now() - keepResolvedMilliseconds);
    });
    if (step.notify.length > 0) outbox.announce();
  }

  return {
    load: () => select.all().flatMap(sound),
    recentlyResolved: (limit) => selectResolved.all(limit).flatMap(sound),
    commit,
    planBy: (planner) => void (plan = planner),
  };
}
