import { describe, expect, test } from "vitest";
import {
  compileMatchers,
  formatMatcher,
  formatMatchers,
  matchesNothingNamed,
  parseMatcher,
} from "../../../../collector/notify/mute/matcher.ts";
import { createMatcherIndex } from "../../../../collector/notify/mute/matcher-index.ts";

function matches(labels: Record<string, string>, ...texts: string[]): boolean {
  return compileMatchers(texts.map(parseMatcher)).matches(labels);
}

describe("matchers", () => {
  const labels = { alertname: "GpuHot", node: "gpu-07", severity: "critical" };
  test.each([
    ['node="gpu-07"', true],
    ["node=gpu-07", true],
    [' node = "gpu-07" ', true],
    ['node="gpu"', false],
    ['node!="gpu-08"', true],
    ['node=~"gpu-0.*"', true],
    ['node=~"gpu"', false],
    ['node=~"gpu-08|gpu-07"', true],
    ['node=~"GPU-07"', false],
    ['node=~"(?i)GPU-07"', true],
    ['node!~"gpu-0[0-5]"', true],
    ['rack=""', true],
    ['rack!=""', false],
    ['rack=~".*"', true],
    ['rack=~".+"', false],
    ['constructor=""', true],
  ])("%s", (text, expected) => {
    expect(matches(labels, text)).toBe(expected);
  });

  test("must all hold", () => {
    expect(matches(labels, 'node="gpu-07"', 'severity="critical"')).toBe(true);
    expect(matches(labels, 'node="gpu-07"', 'severity="warning"')).toBe(false);
  });

  test("read what they write", () => {
    for (const text of ['a="b"', 'a!="b \\" c"', 'a=~"x\\\\.y"', 'a!~"z|"', 'a=""'])
      expect(formatMatcher(parseMatcher(text))).toBe(text);
    expect(parseMatcher('a="line\\nline"').value).toBe("line\nline");
    expect(formatMatchers(['b="2"', 'a="1"'].map(parseMatcher))).toBe('{a="1",b="2"}');
  });

  test.each([
    ["node", "is not a matcher"],
    ['="x"', "is not a matcher"],
    ['node="x', "is not a matcher"],
    ['node=~"("', "is not a regular expression"],
    ['node=~"(?=x)"', "lookahead"],
    ['node=~"(a)\\\\1"', "backreference"],
  ])("%s is refused", (text, why) => {
    expect(() => parseMatcher(text)).toThrow(why);
  });

  test("that match an alert without labels match every alert", () => {
    const named = (...texts: string[]): boolean => matchesNothingNamed(texts.map(parseMatcher));
    expect(named()).toBe(true);
    expect(named('node=~".*"')).toBe(true);
    expect(named('node!="x"', 'rack=""')).toBe(true);
    expect(named('node!="x"', 'alertname=~".+"')).toBe(false);
  });

  test("take time in proportion to the text, whatever the pattern", () => {
    const { matches } = compileMatchers([parseMatcher('node=~"(a+)+b"')]);
    const started = performance.now();
    expect(matches({ node: "a".repeat(2000) })).toBe(false);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

test("an index finds what a search through all of them finds", () => {
  const index = createMatcherIndex<string>();
  const texts = [
    ['node="a"'],
    ['node="b"', 'alertname="X"'],
    ['node=~"a|b"'],
    ['alertname="X"', 'node!="a"'],
    ['rack=""', 'node="a"'],
    ['alertname!="X"'],
    ['rack="r1"', 'alertname=~"X|Y"'],
  ];
  for (const one of texts) index.add(one.join(), compileMatchers(one.map(parseMatcher)));
  for (const node of ["a", "b", "c"])
    for (const alertname of ["X", "Y", "Z"])
      for (const rack of ["", "r1"]) {
        const labels = rack === "" ? { node, alertname } : { node, alertname, rack };
        const expected = texts.filter((one) => matches(labels, ...one)).map((one) => one.join());
        expect(index.find(labels).toSorted()).toEqual(expected.toSorted());
      }
});
