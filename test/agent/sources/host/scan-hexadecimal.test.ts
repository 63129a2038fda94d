import { expect, test } from "vitest";
import { scanHexadecimal } from "../../../../agent/sources/host/scan-hexadecimal.ts";

function scanAll(text: string, count: number): number[] {
  const cursor = { bytes: Buffer.from(`${text}\n`), position: 0, end: text.length };
  return Array.from({ length: count }, () => scanHexadecimal(cursor));
}

test("reads words of digits one after the other, in either case", () => {
  expect(scanAll("0000000a  FF ffffffff", 3)).toEqual([10, 255, 4294967295]);
});

test("gives nothing for other words and goes on behind them", () => {
  const none = Number.NaN;
  expect(scanAll("xyz 1g 2 00000000000000001 3", 5)).toEqual([none, none, 2, none, 3]);
});

test("stays at the end of the line", () => {
  expect(scanAll("1\n2", 3)).toEqual([1, Number.NaN, Number.NaN]);
});
