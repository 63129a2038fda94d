import { array, assert, nat, property, tuple } from "fast-check";
import { expect, it } from "vitest";
import { createSequenceRanges } from "../../collector/sequence-ranges.ts";

it("has what was added and nothing else, in whatever order it came", () => {
  const range = tuple(nat(200), nat(12)).map(([first, more]) => [first, first + more]);
  assert(
    property(array(range, { maxLength: 20 }), (added) => {
      const ranges = createSequenceRanges();
      for (const [first = 0, last = 0] of added) ranges.add(first, last);
      for (let sequence = 0; sequence < 220; sequence += 1)
        expect(ranges.has(sequence)).toBe(
          added.some(([first = 0, last = 0]) => sequence >= first && sequence <= last),
        );
      const list = ranges.list();
      for (const [index, [first]] of list.entries())
        if (index > 0) expect(first).toBeGreaterThan((list[index - 1]?.[1] ?? 0) + 1);
    }),
  );
});

it("forgets the lowest when there are too many, and says of those that they weren't had", () => {
  const ranges = createSequenceRanges();
  for (let sequence = 0; sequence < 200; sequence += 2) ranges.add(sequence, sequence);
  expect(ranges.list()).toHaveLength(64);
  expect(ranges.has(0)).toBe(false);
  expect(ranges.has(198)).toBe(true);
});
