/** The rules bound to one origin: its memory of their program, and which of their rows the known alerts belong to. */
import type { Rule } from "../../../alerts/rule.ts";
import { isPresent, type Schema } from "../../../core/wire/frame.ts";
import type { OriginState } from "../../origin.ts";
import { fingerprintOf } from "../../state/alert.ts";
import type { AlertBook } from "../alert-book.ts";
import type { Tracked } from "../lifecycle.ts";
import { createAssembler } from "./assembler.ts";
import { createWindows, type Former } from "./bound-windows.ts";
import { compileCondition, isAbout, spreadFiring } from "./condition.ts";
import { createMemory, type Memory } from "./memory.ts";
import { rowsOf, type Program, type ProgramRule } from "./program.ts";
import type { Programs } from "./programs.ts";
import {
  indexSchema,
  keyOfLabels,
  seriesLabels,
  type Labels,
  type Rows,
  type SlotIndex,
} from "./rows.ts";

export interface Binding {
  readonly schema: Schema;
  readonly program: Program;
  readonly memory: Memory;
  /** By the program's rules. */
  readonly rules: readonly BoundRule[];
}

export interface BoundRule {
  /** The alerts that rows have, by row; null while there was none. */
  tracked: Map<number, Tracked> | null;
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
const noOrphans: readonly Orphan[] = [];

export function bindRules(
  rules: readonly Rule[],
  programs: Programs,
  book: AlertBook,
  state: OriginState,
  former: Former | null,
): Binding {
  const { schema } = state;
  const program = programs.take(compileRules(rules, book, schema));
  const memory = createMemory(program, createWindows(schema, program, former));
  const index = indexSchema(schema);
  const bound = program.rules.map((own) => bindRule(own, book, state, index, memory));
  return { schema, program, memory, rules: bound };
}

/** Rules that neither have a row here nor an alert anywhere are left out. */
function compileRules(rules: readonly Rule[], book: AlertBook, schema: Schema): Program {
  const assembler = createAssembler(schema);
  for (const rule of rules) {
    const hasAlerts = book.ofRule(rule.name).size > 0;
    if (!hasAlerts && !isAbout(rule.condition, assembler.index)) continue;
    const condition = compileCondition(rule.condition, assembler);
    if (condition.length > 0 || hasAlerts) assembler.addRule(rule, condition);
  }
  return assembler.finish();
}

function bindRule(
  own: ProgramRule,
  book: AlertBook,
  state: OriginState,
  index: SlotIndex,
  memory: Memory,
): BoundRule {
  const { rule, firing } = own;
  const alerts = book.ofRule(rule.name);
  if (alerts.size === 0) return { tracked: null, isWaiting: true, orphans: noOrphans };
  const rows = rowsOf(own, state.schema);
  const tracked = adopt(rule, rows, alerts, state);
  for (const [row, { alert }] of tracked)
    memory.firing[firing + row] = alert.state === "firing" ? 1 : 0;
  spreadFiring(own.onFiring, memory);
  const orphans = findOrphans(rule, rows, alerts, state, index, new Set(tracked.values()));
  return { tracked, isWaiting: true, orphans };
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
