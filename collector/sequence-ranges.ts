/** Which sequences of a boot were had: a few ranges, since they come in order but for what was replayed after an outage. */

export interface SequenceRanges {
  has(sequence: number): boolean;
  /** Takes in all from `first` to `last`. */
  add(first: number, last: number): void;
  list(): readonly (readonly [first: number, last: number])[];
}

/** With more, the lowest is forgotten: what is in it would be taken once more, and never lost. */
const maximumRanges = 64;

export function createSequenceRanges(
  initial: readonly (readonly [number, number])[] = [],
): SequenceRanges {
  let ranges: (readonly [number, number])[] = [...initial];
  return {
    has: (sequence) => ranges.some(([first, last]) => sequence >= first && sequence <= last),
    add(first, last) {
      const apart = ranges.filter(([from, to]) => to < first - 1 || from > last + 1);
      const joined = ranges.filter((range) => !apart.includes(range));
      const from = Math.min(first, ...joined.map((range) => range[0]));
      const to = Math.max(last, ...joined.map((range) => range[1]));
      ranges = [...apart, [from, to] as const]
        .toSorted((one, other) => one[0] - other[0])
        .slice(-maximumRanges);
    },
    list: () => ranges,
  };
}
