/** Aggregates of a vector's rows by some of their labels, as PromQL makes them of the members that are there. */
import type { Aggregate } from "../../../alerts/expression.ts";
import type { Assembler } from "./assembler.ts";
import type { Memory } from "./memory.ts";
import { moved, type Motion } from "./motion.ts";
import type { Vector } from "./program.ts";
import { keyOfLabels, type Labels } from "./rows.ts";

/** A group without any member is unknown. */
export function compileAggregate(
  how: Aggregate,
  by: readonly string[],
  of: Vector,
  to: Assembler,
): Vector {
  const { groupOf, firstMembers } = groupRows(by, of, to);
  const length = firstMembers.length;
  const first = to.reserve("values", length);
  const run =
    how === "median"
      ? runMedian(of, groupOf, first, length)
      : runGroups(how, of, groupOf, first, length);
  return {
    length,
    first,
    after: [to.add({ run, after: of.after }, how, groupOf)],
    labels: (schema, group) => pick(of.labels(schema, firstMembers[group]!), by),
  };
}

function groupRows(by: readonly string[], of: Vector, { schema }: Assembler) {
  const groups = new Map<string, number>();
  const firstMembers: number[] = [];
  const groupOf = Int32Array.from({ length: of.length }, (_, row) => {
    const key = keyOfLabels(of.labels(schema, row), by);
    const known = groups.get(key);
    if (known !== undefined) return known;
    groups.set(key, firstMembers.length);
    return firstMembers.push(row) - 1;
  });
  return { groupOf, firstMembers };
}

function pick(labels: Labels, names: readonly string[]): Labels {
  return Object.fromEntries(names.flatMap((name) => (labels[name] ? [[name, labels[name]]] : [])));
}

type Run = (memory: Memory) => Motion;

function runGroups(
  how: Exclude<Aggregate, "median">,
  of: Vector,
  groupOf: Int32Array,
  first: number,
  length: number,
): Run {
  const counts = new Int32Array(length);
  const grouping = { how, from: of.first, groupOf, first, counts };
  return (memory) => combineGroups(grouping, memory);
}

interface Grouping {
  readonly how: Exclude<Aggregate, "median">;
  /** Places of the first member and the first group. */
  readonly from: number;
  readonly first: number;
  readonly groupOf: Int32Array;
  /** Of each group's members that are there; nobody's between two runs. */
  readonly counts: Int32Array;
}

function combineGroups(grouping: Grouping, { values, known }: Memory): Motion {
  const { how, from, groupOf, first, counts } = grouping;
  counts.fill(0);
  for (let member = 0; member < groupOf.length; member += 1) {
    if (known[from + member] === 0) continue;
    const group = groupOf[member]!;
    const value = how === "count" ? 1 : values[from + member]!;
    const count = counts[group]! + 1;
    counts[group] = count;
    values[first + group] =
      count === 1 ? value : combine(how, values[first + group]!, value, count);
  }
  for (let group = 0; group < counts.length; group += 1)
    known[first + group] = counts[group]! > 0 ? 1 : 0;
  return moved;
}

/** As PromQL's `quantile`: NaN counts as the least, and between two members the value lies halfway. */
function runMedian(of: Vector, groupOf: Int32Array, first: number, length: number): Run {
  const members = Array.from({ length }, (): number[] => []);
  return (memory) => findMedians(of.first, groupOf, members, first, memory);
}

function findMedians(
  from: number,
  groupOf: Int32Array,
  members: readonly number[][],
  first: number,
  { values, known }: Memory,
): Motion {
  for (let group = 0; group < members.length; group += 1) members[group]!.length = 0;
  for (let member = 0; member < groupOf.length; member += 1)
    if (known[from + member] === 1) members[groupOf[member]!]!.push(values[from + member]!);
  for (let group = 0; group < members.length; group += 1) {
    known[first + group] = members[group]!.length > 0 ? 1 : 0;
    values[first + group] = medianOf(members[group]!);
  }
  return moved;
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
