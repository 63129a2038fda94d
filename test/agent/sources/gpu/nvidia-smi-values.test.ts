import { describe, expect, test } from "vitest";
import {
  readBits,
  readChoice,
  readNumber,
  readPerformanceState,
  readText,
  saysLost,
} from "../../../../agent/sources/gpu/nvidia-smi-values.ts";

/** Everything that nvidia-smi has been seen to print where there is no value. */
const valuelessCells = [
  "[N/A]",
  "[Not Supported]",
  "[Unknown Error]",
  "[Insufficient Permissions]",
  "[Function Not Found]",
  "[Requested functionality has been deprecated]",
  "[GPU is lost]",
  "[GPU requires reset]",
  "GPU is lost",
  "N/A",
  "ERR!",
  "",
  "-",
  "nan",
  "inf",
  "0x0000000000000004",
  "12 34",
  "1,5",
  "Enabled",
] as const;

describe("a cell of nvidia-smi", () => {
  test.each(valuelessCells)("holds no number when it is %j", (cell) => {
    expect(readNumber("")(cell)).toBeNaN();
    expect(readNumber("W")(cell)).toBeNaN();
    expect(readPerformanceState(cell)).toBeNaN();
    expect(readChoice("No", "Yes")(cell)).toBeNaN();
  });

  test.each([
    ["0", "", 1, 0],
    ["-3", "", 1, -3],
    ["627.40 W", "W", 1, 627.4],
    ["627.40", "W", 1, 627.4],
    ["7 %", "%", 0.01, 0.07],
    ["204642816 us", "us", 1e-6, 204.642816],
    ["204642816 us", "us", 1000, 204_642_816_000],
    ["18446744073709551615", "", 1, 2 ** 64],
  ] as const)("%j in %j times %d is %d", (cell, unit, factor, value) => {
    expect(readNumber(unit, factor)(cell)).toBe(value);
  });

  test.each([
    ["80995 MB", "MiB"],
    ["1.98 GHz", "MHz"],
    ["52 C", ""],
    ["627 mW", "W"],
  ])("with the unit of %j where %j is expected is no number", (cell, unit) => {
    expect(readNumber(unit)(cell)).toBeNaN();
  });

  test("is 0 for the first word and 1 for the second", () => {
    const read = readChoice("Not Active", "Active");
    expect([read("Not Active"), read("Active"), read("active")]).toEqual([0, 1, Number.NaN]);
  });

  test("gives performance states 0 to 15", () => {
    expect(["P0", "P8", "P15", "P16"].map(readPerformanceState)).toEqual([0, 8, 15, Number.NaN]);
  });

  test("gives no text for what is bracketed, and knows a lost GPU's", () => {
    expect([readText("[N/A]"), readText("N/A"), readText("590.48")]).toEqual(["", "", "590.48"]);
    expect([saysLost("[GPU is lost]"), saysLost("[Unknown Error]")]).toEqual([true, false]);
  });

  test("reads the bits of reasons", () => {
    expect(["0x0000000000000004", "0x1", "[N/A]", "4", "0x"].map(readBits)).toEqual([
      4,
      1,
      Number.NaN,
      Number.NaN,
      Number.NaN,
    ]);
  });
});
