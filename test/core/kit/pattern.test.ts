import { expect, test } from "vitest";
import { compilePattern } from "../../../core/kit/pattern.ts";

const matches = (pattern: string, text: string): boolean => compilePattern(pattern).test(text);

test.each([
  ["eth", "veth0", true],
  ["^(eth|en).*", "enp1s0", true],
  ["(?i)^ETH", "eth0", true],
  ["a(?i:B)c", "abc", true],
  ["a(?i:B)c", "abC", false],
  [String.raw`\Aeth\z`, "eth", true],
  ["^[[:alpha:]_]+$", "ab_", true],
  ["^[[:digit:]]+$", "12a", false],
  ["^[]a]+$", "]a", true],
  ["^[^]a]+$", "b]", false],
  [String.raw`^\Qa.b\E+$`, "a.bb", true],
  [String.raw`^\Qa.b\E$`, "axb", false],
  ["(?P<name>x)", "x", true],
  [String.raw`\x{41}`, "A", true],
  [String.raw`\/\-\_`, "/-_", true],
  ["a{2}$", "aa", true],
])("%s on %s is as RE2 has it", (pattern, text, expected) => {
  expect(matches(pattern, text)).toBe(expected);
});

test.each([
  ["a(?=b)", "has a lookahead, which RE2 doesn't know"],
  ["(?!b)", "has a lookahead, which RE2 doesn't know"],
  ["(?<!b)", "has a lookbehind, which RE2 doesn't know"],
  [String.raw`(a)\1`, "has a backreference, which RE2 doesn't know"],
  [String.raw`(?<x>a)\k<x>`, "has a backreference, which RE2 doesn't know"],
  [String.raw`\cJ`, String.raw`has \c, which RE2 doesn't know`],
  [String.raw`\pL`, String.raw`has a Unicode class (\p), which isn't supported`],
  ["(?U)a", "has a group of a kind that isn't supported here"],
  ["a{1001}", "repeats more than 1000 times"],
  ["[[:nonsense:]]", "has [:nonsense:], which isn't supported"],
  ["(a", "is not a regular expression: unterminated group"],
  ["a\\", String.raw`has \, which RE2 doesn't know`],
])("%s is refused by what is wrong with it", (pattern, reason) => {
  expect(() => compilePattern(pattern)).toThrow(`"${pattern}" ${reason}`);
});

test("a pattern has a bound", () => {
  expect(() => compilePattern("a".repeat(4097))).toThrow(
    "the pattern is longer than 4096 characters",
  );
});

test("a pattern that could be matched in very many ways is matched at once", () => {
  const startedAt = performance.now();
  expect(matches("^(a+)+$", `${"a".repeat(200)}b`)).toBe(false);
  expect(performance.now() - startedAt).toBeLessThan(500);
});

test.each([
  ["eth", "veth0", false],
  ["eth|veth0", "veth0", true],
  ["a.b", "a\nb", true],
  ["(?i)ETH", "eth", true],
  ["(?m)a$", "a\nb", false],
  ["", "", true],
])("%s over the whole of %s is as Prometheus has it", (pattern, text, expected) => {
  expect(compilePattern(pattern, { anchored: true }).test(text)).toBe(expected);
});

test("a pattern can't close the anchors' own group", () => {
  expect(() => compilePattern("a)|(b", { anchored: true })).toThrow("unmatched ')'");
});
