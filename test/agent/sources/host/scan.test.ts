import { expect, test } from "vitest";
import { assert, bigInt, nat, property } from "fast-check";
import {
  nextLine,
  scanDecimal,
  scanUnsigned,
  type Cursor,
} from "../../../../agent/sources/host/scan.ts";

function cursorOver(text: string): Cursor {
  const bytes = Buffer.from(`${text}\n`, "latin1");
  return { bytes, position: 0, end: text.length };
}

test("reads every unsigned 64-bit number as the nearest double", () => {
  assert(
    property(bigInt({ min: 0n, max: 2n ** 64n - 1n }), (number) => {
      expect(scanUnsigned(cursorOver(`  ${number} `))).toBe(Number(number));
    }),
  );
});

test("takes no sign, fraction, letters, or more than 64 bits for a number, and goes on behind them", () => {
  for (const word of ["-1", "+1", "1.5", "0x1", "7a", "18446744073709551616", "9".repeat(60)]) {
    const cursor = cursorOver(`${word} 42\n`);
    expect([word, scanUnsigned(cursor)]).toEqual([word, Number.NaN]);
    expect([word, scanUnsigned(cursor)]).toEqual([word, 42]);
  }
});

test("never reads into the next line", () => {
  const cursor = cursorOver("1\n2\n");
  expect(scanUnsigned(cursor)).toBe(1);
  expect(scanUnsigned(cursor)).toBeNaN();
  cursor.position = nextLine(cursor.bytes, cursor.position, cursor.end);
  expect(scanUnsigned(cursor)).toBe(2);
});

test("reads decimals as JavaScript does, and nothing that isn't one", () => {
  assert(
    property(nat(1_000_000), nat(99), (whole, hundredths) => {
      const text = `${whole}.${String(hundredths).padStart(2, "0")}`;
      expect(scanDecimal(cursorOver(text))).toBe(Number(text));
    }),
  );
  for (const word of ["", ".", "1.", "-1", "1.2.3", "1e3", "nan", "1".repeat(20)])
    expect([word, scanDecimal(cursorOver(word))]).toEqual([word, Number.NaN]);
});

test("finds line ends near and far, and the end of a file without one", () => {
  const text = `${"a".repeat(500)}\nb`;
  const bytes = Buffer.from(text);
  expect(nextLine(bytes, 0, bytes.length)).toBe(501);
  expect(nextLine(bytes, 490, bytes.length)).toBe(501);
  expect(nextLine(bytes, 501, bytes.length)).toBe(502);
  // What lies behind the end is an older, longer reading.
  expect(nextLine(bytes, 0, 300)).toBe(300);
});
