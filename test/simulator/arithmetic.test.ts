import { describe, expect, it } from "vitest";
import { clamp, naturalLogarithm, wave } from "../../simulator/arithmetic.ts";

describe("the arithmetic that rounds alike everywhere", () => {
  it("has the natural logarithm over everything a 32-bit draw can be", () => {
    for (let power = 0; power <= 32; power += 1)
      for (const mantissa of [1, 0.9, 0.71, 0.69, 0.51])
        expect(naturalLogarithm(mantissa / 2 ** power)).toBeCloseTo(
          Math.log(mantissa / 2 ** power),
          7,
        );
  });

  it("has a wave of period 1 that stays near the sine", () => {
    for (let turns = -2; turns < 2; turns += 0.01) {
      expect(Math.abs(wave(turns) - Math.sin(2 * Math.PI * turns))).toBeLessThan(0.06);
      expect(wave(turns + 1)).toBeCloseTo(wave(turns), 9);
    }
  });

  it("clamps", () => {
    expect([clamp(-1, 0, 2), clamp(1, 0, 2), clamp(3, 0, 2)]).toEqual([0, 1, 2]);
  });
});
