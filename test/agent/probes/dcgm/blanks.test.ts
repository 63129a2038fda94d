import { expect, test } from "vitest";
import { numberIn, textIn } from "../../../../agent/probes/dcgm/blanks.ts";
import { layouts } from "../../../../agent/probes/dcgm/layouts.ts";

const { bytes, at } = layouts.fieldValue;

function record(type: string, fill: (bytes: Buffer) => void, status = 0): Buffer {
  const made = Buffer.alloc(bytes);
  made.writeUInt16LE(type.charCodeAt(0), at.fieldType);
  made.writeInt32LE(status, at.status);
  fill(made);
  return made;
}

const integer = (value: bigint, status = 0): Buffer =>
  record("i", (made) => made.writeBigInt64LE(value, at.value), status);
const double = (value: number): Buffer =>
  record("d", (made) => made.writeDoubleLE(value, at.value));
const text = (value: string): Buffer => record("s", (made) => made.write(value, at.value));

test.each([
  [0n, 0],
  [-7n, -7],
  [2n ** 53n - 1n, 2 ** 53 - 1],
  // Next below the blanks, rounded as every number is.
  [0x7fffffffffffffefn, Number(0x7fffffffffffffefn)],
])("the integer %s is a value", (value, expected) => {
  expect(numberIn(integer(value), 0)).toBe(expected);
});

test.each([0, 1, 2, 3, 15])("the integer blank + %d is none", (kind) => {
  expect(numberIn(integer(0x7ffffffffffffff0n + BigInt(kind)), 0)).toBeNaN();
});

test("a double is a value below 2^47, and a blank from there on", () => {
  expect(numberIn(double(412.5), 0)).toBe(412.5);
  expect(numberIn(double(2 ** 47 - 1), 0)).toBe(2 ** 47 - 1);
  for (const blank of [2 ** 47, 2 ** 47 + 3, Number.POSITIVE_INFINITY, Number.NaN])
    expect(numberIn(double(blank), 0)).toBeNaN();
});

test("a record of another status or type holds no number", () => {
  expect(numberIn(integer(5n, -14), 0)).toBeNaN();
  expect(numberIn(text("5"), 0)).toBeNaN();
});

test("a text ends at its NUL; the blanks' texts are none; a number is its digits", () => {
  expect(textIn(text("NVIDIA H100"), 0)).toBe("NVIDIA H100");
  for (const blank of [
    "<<<NULL>>>",
    "<<<NOT_FOUND>>>",
    "<<<NOT_SUPPORTED>>>",
    "<<<NOT_PERM>>>",
    "",
  ])
    expect(textIn(text(blank), 0)).toBe("");
  expect(textIn(text("<<<half"), 0)).toBe("<<<half");
  expect(textIn(integer(3n), 0)).toBe("3");
  expect(textIn(integer(0x7ffffffffffffff2n), 0)).toBe("");
});
