/** Many sets of matchers, asked which of them match: sorted by a label that each wants to be equal to something. */
import type { Labels, MatcherSet } from "./matcher.ts";

export interface MatcherIndex<Item> {
  add(item: Item, set: MatcherSet): void;
  find(labels: Labels): Item[];
}

interface Entry<Item> {
  readonly item: Item;
  readonly matches: MatcherSet["matches"];
}

export function createMatcherIndex<Item>(): MatcherIndex<Item> {
  /** Name → value → entries. */
  const sorted = new Map<string, Map<string, Entry<Item>[]>>();
  /** Those that want nothing to be equal. */
  const others: Entry<Item>[] = [];

  /** Of a set's labels the one that tells it best from those that are there. */
  function bucketFor({ plain }: MatcherSet): Entry<Item>[] {
    let smallest: Entry<Item>[] | null = null;
    for (const [name, value] of plain) {
      const values = sorted.get(name) ?? new Map<string, Entry<Item>[]>();
      const bucket = values.get(value) ?? [];
      sorted.set(name, values.set(value, bucket));
      if (smallest === null || bucket.length < smallest.length) smallest = bucket;
    }
    return smallest ?? others;
  }

  return {
    add: (item, set) => void bucketFor(set).push({ item, matches: set.matches }),
    find(labels) {
      const found: Item[] = [];
      const take = (entries: readonly Entry<Item>[]): void => {
        for (const { item, matches } of entries) if (matches(labels)) found.push(item);
      };
      for (const [name, values] of sorted)
        if (Object.hasOwn(labels, name)) take(values.get(labels[name] ?? "") ?? []);
      take(others);
      return found;
    },
  };
}
