/** The rules bound to one origin's schema, and which of its rows the known alerts belong to. */
import type { Rule } from "../../../alerts/rule.ts";
import { isPresent, type Schema } from "../../../core/wire/frame.ts";
import type { OriginState } from "../../origin.ts";
import { fingerprintOf } from "../../state/alert.ts";
import type { AlertBook } from "../alert-book.ts";
import type { Tracked } from "../lifecycle.ts";
import { bindCondition, type BoundCondition } from "./condition.ts";
import {
  indexSchema,
  keyOfLabels,
  seriesLabels,
  type Labels,
  type Rows,
  type SlotIndex,
} from "./rows.ts";
import { createWatch, type Watch } from "./watch.ts";
import { createWindowStore, type WindowStore } from "./window-store.ts";

/** The rules bound to a schema, and the windows they look back on. */
export interface BoundRules {
  readonly schema: Schema;
  readonly rules: readonly BoundRule[];
  readonly windows: WindowStore;
  /** By the rules' places in the list. */
  readonly watch: Watch;
}

export interface BoundRule {
  readonly rule: Rule;
  readonly condition: BoundCondition;
  /** The alerts that rows have, by row. */
  readonly tracked: Map<number, Tracked>;
  /** Per row 1 where the alert fires. */
  readonly firing: Uint8Array;
  /** `firing` changed since the condition was evaluated. */
  firingMoved: boolean;
  /** A row is judged again whether or not its samples changed: it is true and has no alert, or could not be judged. */
  isWaiting: boolean;
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
  former: WindowStore | null,
  onMerged: (samples: number) => void,
): BoundRules {
  const { schema } = state;
  const index = indexSchema(schema);
  const windows = createWindowStore(schema, index, former, onMerged);
  const bound: BoundRule[] = [];
  const readSlots: Set<number>[] = [];
  for (const rule of rules) {
    const reads = new Set<number>();
    const condition = bindCondition(rule.condition, { schema, index, windows, reads });
    const alerts = book.ofRule(rule.name);
    if (condition.length === 0 && alerts.size === 0) continue;
    const tracked = adopt(rule, condition, alerts, state);
    const firing = new Uint8Array(condition.length);
    for (const [row, { alert }] of tracked) firing[row] = alert.state === "firing" ? 1 : 0;
    const orphans = findOrphans(rule, condition, alerts, state, index, new Set(tracked.values()));
    bound.push({ rule, condition, tracked, firing, firingMoved: true, isWaiting: true, orphans });
    readSlots.push(reads);
  }
  windows.settle();
  return { schema, rules: bound, windows, watch: createWatch(readSlots) };
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
  rows: Rows,
  alerts: ReadonlyMap<string, Tracked>,
  state: OriginState,
): Map<number, Tracked> {
  const tracked = new Map<number, Tracked>();
  if (alerts.size === 0) return tracked;
  for (let row = 0; row < rows.length; row += 1) {
    const labels = alertLabels(rule, rows.labels(row), state);
    const found = alerts.get(fingerprintOf(rule.name, labels));
    if (!found || (found.owner !== null && found.owner !== state.key)) continue;
    found.owner = state.key;
    tracked.set(row, found);
  }
  return tracked;
}

function findOrphans(
  rule: Rule,
  rows: Rows,
  alerts: ReadonlyMap<string, Tracked>,
  state: OriginState,
  index: SlotIndex,
  adopted: ReadonlySet<Tracked>,
): Orphan[] {
  const orphans: Orphan[] = [];
  for (const tracked of alerts.values()) {
    if (adopted.has(tracked) || !belongsTo(tracked, state)) continue;
    const { labels } = tracked.alert;
    const successors = new Set(
      Array.from({ length: rows.length }, (_, row) =>
        lastingKey(alertLabels(rule, rows.labels(row), state)),
      ),
    );
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
