/** Rows: the label sets that an expression yields values for, and how the rows of two sides are matched. */
import type { Schema, Series } from "../../../core/wire/frame.ts";
import type { Matchers, Selection } from "../../../alerts/expression.ts";

/** Without labels whose value is empty: to Prometheus those are the same as none. */
export type Labels = Readonly<Record<string, string>>;

/** A schema's slots by metric name, made once per schema for all rules. */
export type SlotIndex = ReadonlyMap<string, readonly number[]>;

/** Rows as one side of a match sees them. */
export interface Rows {
  readonly length: number;
  labels: (row: number) => Labels;
}

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
  const tests = testsOf(selection.match);
  return slots.filter((slot) => {
    const series = schema.series[slot] as Series;
    return tests.every((test) => test.holds(valueOf(series, test.name)));
  });
}

export function seriesLabels(schema: Schema, slot: number): Labels {
  const { metric, values } = schema.series[slot] as Series;
  const labels: Record<string, string> = {};
  metric.labels.forEach((name, index) => {
    const value = values[index] ?? "";
    if (value !== "") labels[name] = value;
  });
  return labels;
}

/** The same text for the same label set, whatever the order; with `names`, of those labels only. */
export function keyOfLabels(labels: Labels, names?: readonly string[]): string {
  return keyOf(labels, (names ?? Object.keys(labels)).toSorted());
}

function keyOf(labels: Labels, sortedNames: readonly string[]): string {
  let key = "";
  for (const name of sortedNames)
    key += `${key === "" ? "" : "\u0000\u0000"}${name}\u0000${labels[name] ?? ""}`;
  return key;
}

/** For each left row the rows on the right that have the same labels (those of `names`, or all). */
export function matchRows(left: Rows, right: Rows, names?: readonly string[]): number[][] {
  const sorted = names?.toSorted();
  const key = (labels: Labels): string =>
    sorted ? keyOf(labels, sorted) : keyOf(labels, Object.keys(labels).toSorted());
  const byKey = new Map<string, number[]>();
  for (let row = 0; row < right.length; row += 1) {
    const own = key(right.labels(row));
    const rows = byKey.get(own);
    if (rows) rows.push(row);
    else byKey.set(own, [row]);
  }
  return Array.from({ length: left.length }, (_, row) => byKey.get(key(left.labels(row))) ?? []);
}

interface LabelTest {
  readonly name: string;
  holds(value: string): boolean;
}

function testsOf(matchers: Matchers<string>): LabelTest[] {
  return Object.entries(matchers).flatMap(([name, condition]) => {
    if (condition === undefined) return [];
    if (typeof condition === "string")
      return [{ name, holds: (value: string) => value === condition }];
    const isMatch = "matches" in condition;
    const pattern = anchored(isMatch ? condition.matches : condition.excludes);
    return [{ name, holds: (value: string) => pattern.test(value) === isMatch }];
  });
}

function valueOf({ metric, values }: Series, name: string): string {
  return values[metric.labels.indexOf(name)] ?? "";
}

function anchored(pattern: RegExp): RegExp {
  return new RegExp(`^(?:${pattern.source})$`, pattern.flags.replace(/[gy]/g, ""));
}
