import { expect, test } from "vitest";
import {
  float64Of,
  packSnapshot,
  unpackSnapshot,
} from "../../../../collector/detect/learned/snapshot.ts";

const numbers = Float64Array.of(1.5, -2, Number.NaN, 1e300);
const packed = packSnapshot(3, { of: "odd" }, [Uint8Array.of(1, 2, 3), numbers]);

/** The bytes as a file's come: a view into memory that holds other things before and behind. */
function inPool(bytes: Uint8Array): Buffer {
  const pool = new ArrayBuffer(bytes.length + 100);
  new Uint8Array(pool).fill(0xab);
  const part = Buffer.from(pool, 33, bytes.length);
  part.set(bytes);
  return part;
}

test("gives back the header and the numbers, wherever the bytes lie", () => {
  for (const bytes of [packed, inPool(packed)]) {
    const found = unpackSnapshot(3, bytes);
    expect(found?.header).toEqual({ of: "odd" });
    expect([...(found?.parts[0] ?? [])]).toEqual([1, 2, 3]);
    expect(float64Of(found?.parts[1])).toEqual(numbers);
  }
});

test("numbers of a view are the view's alone, and writing to them changes nothing else", () => {
  const bytes = new Uint8Array(numbers.buffer);
  const view = inPool(bytes);
  const column = float64Of(view);
  expect(column).toEqual(numbers);
  column.fill(0);
  expect([...view]).toEqual([...bytes]);
  expect(float64Of(view.subarray(1))).toHaveLength(0);
});

test("refuses another version, bytes that are cut off and what is no snapshot", () => {
  expect(unpackSnapshot(4, packed)).toBeNull();
  expect(unpackSnapshot(3, packed.subarray(0, -1))).toBeNull();
  expect(unpackSnapshot(3, packed.subarray(0, 7))).toBeNull();
  expect(unpackSnapshot(3, new Uint8Array(64).fill(0xff))).toBeNull();
});
