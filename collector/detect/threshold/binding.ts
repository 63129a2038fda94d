/** The rules bound to one origin's schema, and which of its rows the known alerts belong to. */
import type { Rule } from "../../../alerts/rule.ts";
import { isPresent } from "../../../core/wire/frame.ts";
import type { OriginState } from "../../origin.ts";
import { fingerprintOf } from "../../state/alert.ts";
import type { AlertBook } from "../alert-book.ts";
import type { Tracked } from "../lifecycle.ts";
import { bindCondition, type BoundCondition } from "./condition.ts";
import { indexSchema, keyOfLabels, seriesLabels, type Labels, type SlotIndex } from "./rows.ts";
import type { WindowStore } from "./vector.ts";

export interface BoundRule {
  readonly rule: Rule;
  readonly condition: BoundCondition;
  /** Per row the alert it has, if any. */
  readonly tracked: (Tracked | undefined)[];
  /** Per row 1 where the alert fires. */
  readonly firing: Uint8Array;
  /** Alerts of this origin whose series the schema no longer has. */
  readonly orphans: readonly Orphan[];
}

interface Orphan {
  readonly tracked: Tracked;
  /** The series ended for good while one of these slots is reported; the same device goes on under other labels. */
  hasEnded(state: OriginState): boolean;
}

/** Labels that a device may change while it stays the same: its index, the driver's version. */
const passingLabels: ReadonlySet<string> = new Set([
  "gpu",
  "device",
  "DCGM_FI_DRIVER_VERSION",
  "driver_version",
]);

export function bindRules(
  rules: readonly Rule[],
  book: AlertBook,
  state: OriginState,
  windows: WindowStore,
): BoundRule[] {
  const index = indexSchema(state.schema);
  const context = { state, index, windows };
  return rules.flatMap((rule) => {
    const condition = bindCondition(rule.condition, context);
    const alerts = book.ofRule(rule.name);
    if (condition.rows.length === 0 && alerts.size === 0) return [];
    const tracked = adopt(rule, condition.rows, alerts, state);
    const firing = Uint8Array.from(tracked, (one) => (one?.alert.state === "firing" ? 1 : 0));
    const orphans = findOrphans(rule, condition.rows, alerts, state, index, new Set(tracked));
    return [{ rule, condition, tracked, firing, orphans }];
  });
}

/** The labels of a row's alert: the series', where it is, and what the rule says of it. */
export function alertLabels(rule: Rule, row: Labels, state: OriginState): Labels {
  const { node, job, instance } = state.origin;
  const place: Record<string, string> = {};
  const named = row["node"];
  if (named === undefined && node !== "") place["node"] = node;
  // A series that names another node than its target's is about that node, whoever reported it; what has no target (the
  // fleet, a recording rule) has one word for job and instance.
  const isTargets = named === undefined || named === node || (node === "" && job !== instance);
  if (isTargets && instance !== "") place["instance"] = instance;
  return {
    ...place,
    ...row,
    alertname: rule.name,
    severity: rule.severity,
    team: rule.team,
    component: rule.component,
  };
}

/** Gives rows the alerts they had before a restart or a change of schema, so that no `for` begins anew. */
function adopt(
  rule: Rule,
  rows: readonly Labels[],
  alerts: ReadonlyMap<string, Tracked>,
  state: OriginState,
): (Tracked | undefined)[] {
  const tracked = Array.from<Tracked | undefined>({ length: rows.length });
  if (alerts.size === 0) return tracked;
  rows.forEach((row, position) => {
    const found = alerts.get(fingerprintOf(rule.name, alertLabels(rule, row, state)));
    if (!found || (found.owner !== null && found.owner !== state.key)) return;
    found.owner = state.key;
    tracked[position] = found;
  });
  return tracked;
}

function findOrphans(
  rule: Rule,
  rows: readonly Labels[],
  alerts: ReadonlyMap<string, Tracked>,
  state: OriginState,
  index: SlotIndex,
  adopted: ReadonlySet<Tracked | undefined>,
): Orphan[] {
  const orphans: Orphan[] = [];
  for (const tracked of alerts.values()) {
    if (adopted.has(tracked) || !belongsTo(tracked, state)) continue;
    const { labels } = tracked.alert;
    const successors = new Set(rows.map((row) => lastingKey(alertLabels(rule, row, state))));
    const renamed = labels["UUID"] !== undefined && successors.has(lastingKey(labels));
    const witnesses = witnessSlots(rule, labels, state, index);
    orphans.push({
      tracked,
      hasEnded: (now) => renamed || witnesses.some((slot) => isPresent(now.present, slot)),
    });
  }
  return orphans;
}

function belongsTo({ owner, alert }: Tracked, { key, origin }: OriginState): boolean {
  if (owner !== null) return owner === key;
  return alert.labels["node"] === origin.node && alert.labels["instance"] === origin.instance;
}

function witnessSlots(
  { ended }: Rule,
  labels: Labels,
  { schema }: OriginState,
  index: SlotIndex,
): readonly number[] {
  if (!ended) return [];
  const want = keyOfLabels(labels, ended.on);
  return (index.get(ended.stillReported.name) ?? []).filter(
    (slot) => keyOfLabels(seriesLabels(schema, slot), ended.on) === want,
  );
}

function lastingKey(labels: Labels): string {
  return keyOfLabels(
    labels,
    Object.keys(labels).filter((name) => !passingLabels.has(name)),
  );
}
