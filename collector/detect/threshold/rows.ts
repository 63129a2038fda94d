/** Rows: the label sets that an expression yields values for, and how the rows of two sides are matched. */
import { labelsOf, type Schema, type Series } from "../../../core/wire/frame.ts";
import type { Matchers, Selection } from "../../../alerts/expression.ts";

/** Without labels whose value is empty: to Prometheus those are the same as none. */
export type Labels = Readonly<Record<string, string>>;

/** A schema's slots by metric name, made once per schema for all rules. */
export type SlotIndex = ReadonlyMap<string, readonly number[]>;

export function indexSchema(schema: Schema): SlotIndex {
  const index = new Map<string, number[]>();
  schema.series.forEach((series, slot) => {
    const slots = index.get(series.metric.name);
    if (slots) slots.push(slot);
    else index.set(series.metric.name, [slot]);
  });
  return index;
}

/** The slots a selection takes: metrics are matched by name, labels by name, as in PromQL. */
export function select(schema: Schema, index: SlotIndex, selection: Selection): number[] {
  const slots = index.get(selection.metric.name) ?? [];
  return slots.filter((slot) => matches(seriesLabels(schema, slot), selection.match));
}

export function seriesLabels(schema: Schema, slot: number): Labels {
  const labels = labelsOf(schema.series[slot] as Series);
  return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ""));
}

/** The same text for the same label set, whatever the order; with `names`, of those labels only. */
export function keyOfLabels(labels: Labels, names?: readonly string[]): string {
  return (names ?? Object.keys(labels))
    .toSorted()
    .map((name) => `${name}\u0000${labels[name] ?? ""}`)
    .join("\u0000\u0000");
}

/** For each left row the rows on the right that have the same labels (those of `names`, or all). */
export function matchRows(
  left: readonly Labels[],
  right: readonly Labels[],
  names?: readonly string[],
): number[][] {
  const byKey = new Map<string, number[]>();
  right.forEach((labels, row) => {
    const key = keyOfLabels(labels, names);
    const rows = byKey.get(key);
    if (rows) rows.push(row);
    else byKey.set(key, [row]);
  });
  return left.map((labels) => byKey.get(keyOfLabels(labels, names)) ?? []);
}

function matches(labels: Labels, matchers: Matchers<string>): boolean {
  return Object.entries(matchers).every(([name, condition]) => {
    const value = labels[name] ?? "";
    if (condition === undefined) return true;
    if (typeof condition === "string") return value === condition;
    if ("matches" in condition) return anchored(condition.matches).test(value);
    return !anchored(condition.excludes).test(value);
  });
}

function anchored(pattern: RegExp): RegExp {
  return new RegExp(`^(?:${pattern.source})$`, pattern.flags.replace(/[gy]/g, ""));
}
