import { expect, test } from "vitest";
import { joinReaders } from "../../../../agent/sources/host/join-readers.ts";
import type { Reader, ReadResult } from "../../../../agent/sources/source.ts";

const reader = (read: () => ReadResult | Promise<ReadResult>): Reader => ({
  register: () => {},
  read: () => read(),
  close: () => {},
});
const fine = reader(() => undefined);
const broken = reader(() => {
  throw new Error("broken");
});
const column = new Float64Array(0);
const { signal } = new AbortController();

test("one broken file leaves the others, all broken ones fail the round", async () => {
  expect(joinReaders([broken, fine]).read(column, signal)).toBeUndefined();
  expect(() => joinReaders([broken, broken]).read(column, signal)).toThrow("broken");
  const late = reader(() => Promise.reject(new Error("late")));
  await expect(joinReaders([late, fine]).read(column, signal)).resolves.toBeUndefined();
  await expect(joinReaders([late, broken]).read(column, signal)).rejects.toThrow("broken");
});

test("says changed as soon as one does", async () => {
  const changed = reader(() => "changed");
  expect(joinReaders([fine, changed]).read(column, signal)).toBe("changed");
  const soon = reader(() => Promise.resolve("changed"));
  await expect(joinReaders([soon, fine]).read(column, signal)).resolves.toBe("changed");
});
