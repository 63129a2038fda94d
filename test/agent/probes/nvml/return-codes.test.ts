import { expect, test } from "vitest";
import { describeCode, outcomeOf } from "../../../../agent/probes/nvml/return-codes.ts";

test("a code says what it means for the reading, for the GPU and for the library", () => {
  const codes = { ok: 0, absent: 3, permission: 4, lost: 15, reset: 16, closed: 1, down: 999 };
  for (const [outcome, code] of Object.entries(codes)) expect(outcomeOf(code)).toBe(outcome);
});

test("a code that is new to this version is a failure of this once", () => {
  expect(outcomeOf(12_345)).toBe("down");
  expect(describeCode(12_345)).toBe("an error that is new to this version (NVML 12345)");
});

test("a driver that was upgraded under its library is told in words", () => {
  expect(describeCode(18)).toMatch(/different versions.*\(NVML 18\)$/);
});
