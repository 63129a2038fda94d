import { expect, test } from "vitest";
import { compileFlagPattern } from "../../agent/patterns.ts";

test("a flag's pattern is RE2's", () => {
  expect(compileFlagPattern("collector.x", "(?i)^ETH").test("eth0")).toBe(true);
});

test("a pattern that can't be used is refused by its flag's name", () => {
  expect(() => compileFlagPattern("collector.x", "a(?=b)")).toThrow(
    `--collector.x: "a(?=b)" has a lookahead, which RE2 doesn't know`,
  );
});
