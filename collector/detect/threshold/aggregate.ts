/** Aggregates of a vector's rows by some of their labels, as PromQL makes them of the members that are there. */
import type { Aggregate } from "../../../alerts/expression.ts";
import { keyOfLabels, type Labels, type Rows } from "./rows.ts";
import { createVector, type Vector } from "./vector.ts";

/** A group without any member is unknown. */
export function bindAggregate(how: Aggregate, by: readonly string[], of: Vector): Vector {
  const { groupOf, rows } = groupRows(by, of);
  if (how === "median") return bindMedian(of, rows, groupOf);
  const group = { how, of, groupOf, counts: new Int32Array(rows.length) };
  return createVector(rows, [of], (values, known) => combineGroups(group, values, known));
}

interface Grouping {
  readonly how: Exclude<Aggregate, "median">;
  readonly of: Vector;
  readonly groupOf: Int32Array;
  readonly counts: Int32Array;
}

function combineGroups(grouping: Grouping, values: Float64Array, known: Uint8Array): void {
  const { how, of, groupOf, counts } = grouping;
  counts.fill(0);
  for (let member = 0; member < groupOf.length; member += 1) {
    if (of.known[member] === 0) continue;
    const group = groupOf[member]!;
    const value = how === "count" ? 1 : of.values[member]!;
    const count = counts[group]! + 1;
    counts[group] = count;
    values[group] = count === 1 ? value : combine(how, values[group]!, value, count);
  }
  for (let group = 0; group < counts.length; group += 1) known[group] = counts[group]! > 0 ? 1 : 0;
}

function groupRows(by: readonly string[], of: Vector): { groupOf: Int32Array; rows: Rows } {
  const groups = new Map<string, number>();
  const all: Labels[] = [];
  const groupOf = Int32Array.from({ length: of.length }, (_, row) => {
    const labels = of.labels(row);
    const key = keyOfLabels(labels, by);
    const known = groups.get(key);
    if (known !== undefined) return known;
    groups.set(key, all.length);
    all.push(
      Object.fromEntries(by.flatMap((name) => (labels[name] ? [[name, labels[name]]] : []))),
    );
    return all.length - 1;
  });
  return { groupOf, rows: { length: all.length, labels: (row) => all[row] ?? {} } };
}

/** As PromQL's `quantile`: NaN counts as the least, and between two members the value lies halfway. */
function bindMedian(of: Vector, rows: Rows, groupOf: Int32Array): Vector {
  const members = Array.from({ length: rows.length }, (): number[] => []);
  return createVector(rows, [of], (values, known) =>
    findMedians(of, groupOf, members, values, known),
  );
}

function findMedians(
  of: Vector,
  groupOf: Int32Array,
  members: readonly number[][],
  values: Float64Array,
  known: Uint8Array,
): void {
  for (let group = 0; group < members.length; group += 1) members[group]!.length = 0;
  for (let member = 0; member < groupOf.length; member += 1)
    if (of.known[member] === 1) members[groupOf[member]!]!.push(of.values[member]!);
  for (let group = 0; group < members.length; group += 1) {
    known[group] = members[group]!.length > 0 ? 1 : 0;
    values[group] = medianOf(members[group]!);
  }
}

function medianOf(values: number[]): number {
  values.sort((one, other) => (Number.isNaN(one) ? -1 : Number.isNaN(other) ? 1 : one - other));
  const rank = (values.length - 1) / 2;
  const [low = Number.NaN, high = Number.NaN] = [values[Math.floor(rank)], values[Math.ceil(rank)]];
  return low === high ? low : low * 0.5 + high * 0.5;
}

/** PromQL's min and max pass over NaN where there is a number; its mean is made in steps, which decides the last digit. */
function combine(how: Grouping["how"], all: number, value: number, count: number): number {
  switch (how) {
    case "avg":
      return all + (value / count - all / count);
    case "min":
      return value < all || Number.isNaN(all) ? value : all;
    case "max":
      return value > all || Number.isNaN(all) ? value : all;
    default:
      return all + value;
  }
}
