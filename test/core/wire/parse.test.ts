import * as fc from "fast-check";
import { expect, test } from "vitest";
import { openMetric } from "../../../core/catalog/metric.ts";
import { createExposition, type ExpositionFormat } from "../../../core/wire/exposition.ts";
import { isPresent } from "../../../core/wire/frame.ts";
import { createExpositionParser } from "../../../core/wire/parse.ts";
import type { ParsedExposition } from "../../../core/wire/parsed.ts";
import { frameOf } from "./frames.ts";

function parse(page: string, format: ExpositionFormat = "text"): ParsedExposition {
  return createExpositionParser().parse(Buffer.from(page), format);
}

/** `name{label=value,…}` → number of what is present. */
function samplesOf(parsed: ParsedExposition): Record<string, number> {
  const samples: Record<string, number> = {};
  parsed.series.forEach((series, slot) => {
    if (!isPresent(parsed.present, slot)) return;
    const pairs = series.labels.map((label, index) => `${label}=${series.labelValues[index]}`);
    samples[`${series.name}{${pairs.join(",")}}`] = parsed.values[slot] ?? 0;
  });
  return samples;
}

test("reads names, labels, kinds and help", () => {
  const parsed = parse(
    '# HELP a_total How\\nmany \\\\.\n# TYPE a_total counter\na_total{b="c",d=""} 5\nbare 1.5\n',
  );
  expect(parsed.problems).toEqual([]);
  expect(parsed.series).toEqual([
    {
      name: "a_total",
      labels: ["b", "d"],
      labelValues: ["c", ""],
      kind: "counter",
      family: "a_total",
      type: "counter",
      help: "How\nmany \\.",
      unit: "",
    },
    {
      name: "bare",
      labels: [],
      labelValues: [],
      kind: "gauge",
      family: "bare",
      type: "unknown",
      help: "",
      unit: "",
    },
  ]);
  expect([...parsed.values]).toEqual([5, 1.5]);
  expect([...parsed.timestamps]).toEqual([Number.NaN, Number.NaN]);
});

test("takes what the text format allows: blanks, tabs, comments, CRLF, a comma at the end", () => {
  const parsed = parse(
    '# a comment\r\n\r\n\t\na { b = "c" , d="e", } 1 \r\n  b\t2\t1500 \n#HELP no\nc{}3\n',
  );
  expect(parsed.problems).toEqual([]);
  expect(samplesOf(parsed)).toEqual({ "a{b=c,d=e}": 1, "b{}": 2, "c{}": 3 });
  expect(parsed.timestamps[1]).toBe(1500);
});

test.each([
  ["1", 1],
  ["+1", 1],
  ["-0", -0],
  ["1.", 1],
  [".5", 0.5],
  ["1e3", 1000],
  ["1.25E-2", 0.0125],
  ["1.7976931348623157e+308", Number.MAX_VALUE],
  ["5e-324", 5e-324],
  ["123456789012345678901234567890", 1.2345678901234568e29],
  ["0.1000000000000000055511151231257827", 0.1],
  ["9007199254740993", 9007199254740992],
  ["1e999", Number.POSITIVE_INFINITY],
  ["NaN", Number.NaN],
  ["nan", Number.NaN],
  ["+Inf", Number.POSITIVE_INFINITY],
  ["inf", Number.POSITIVE_INFINITY],
  ["-Inf", Number.NEGATIVE_INFINITY],
  ["-infinity", Number.NEGATIVE_INFINITY],
])("reads the number %s", (text, value) => {
  expect(parse(`a ${text}\n`).values[0]).toBe(value);
});

test("unescapes label values and keeps UTF-8", () => {
  const parsed = parse('a{b="C:\\\\x \\"y\\"\\nz é 🔥 },#"} 1\n');
  expect(parsed.series[0]?.labelValues).toEqual(['C:\\x "y"\nz é 🔥 },#']);
});

test("puts a histogram's and a summary's samples into their families", () => {
  const parsed = parse(
    [
      "# TYPE h histogram",
      'h_bucket{le="+Inf"} 3',
      "h_sum 9",
      "h_count 3",
      "# TYPE s summary",
      's{quantile="0.5"} 1',
      "s_sum 2",
      "# TYPE h_other gauge",
      "h_other 1",
      "",
    ].join("\n"),
  );
  expect(parsed.series.map(({ name, family, type, kind }) => [name, family, type, kind])).toEqual([
    ["h_bucket", "h", "histogram", "counter"],
    ["h_sum", "h", "histogram", "counter"],
    ["h_count", "h", "histogram", "counter"],
    ["s", "s", "summary", "gauge"],
    ["s_sum", "s", "summary", "counter"],
    ["h_other", "h_other", "gauge", "gauge"],
  ]);
});

test("reads OpenMetrics: families without suffix, units, seconds, exemplars, created", () => {
  const parsed = parse(
    [
      "# TYPE a_seconds counter",
      "# UNIT a_seconds seconds",
      '# HELP a_seconds The \\"a\\".',
      'a_seconds_total{b="c"} 17.5 1520879607.789 # {trace="}\\"x"} 0.67 1520879600.1',
      "a_seconds_created 1520430000",
      "# TYPE i info",
      'i_info{v="1"} 1',
      "# TYPE g gauge",
      "g 5 # {} 1",
      "# EOF",
      "",
    ].join("\n"),
    "openmetrics",
  );
  expect(parsed.problems).toEqual([]);
  expect(parsed.truncated).toBe(false);
  expect(parsed.series.map(({ family, kind, unit }) => [family, kind, unit])).toEqual([
    ["a_seconds", "counter", "seconds"],
    ["a_seconds", "gauge", "seconds"],
    ["i", "info", ""],
    ["g", "gauge", ""],
  ]);
  expect(parsed.series[0]?.help).toBe('The "a".');
  expect(parsed.timestamps[0]).toBeCloseTo(1520879607789, 3);
  expect(parsed.timestamps[1]).toBeNaN();
});

test("says that an OpenMetrics page without # EOF is cut, and keeps what is there", () => {
  const parsed = parse("a 1\n", "openmetrics");
  expect(parsed.truncated).toBe(true);
  expect(parsed.problems).toEqual([{ line: 2, sentence: "the page ends before # EOF" }]);
  expect(samplesOf(parsed)).toEqual({ "a{}": 1 });
});

test("says that a page is cut when its last line is, and doesn't believe the cut number", () => {
  for (const format of ["text", "openmetrics"] as const) {
    const parsed = parse("a 1\nb 12", format);
    expect(parsed.truncated).toBe(true);
    expect(parsed.problems).toEqual([
      { line: 2, sentence: "the page ends in the middle of this line" },
    ]);
    expect(samplesOf(parsed)).toEqual({ "a{}": 1 });
  }
});

test("stops at # EOF and tells of what is behind it", () => {
  const parsed = parse("a 1\n# EOF\nb 2\n", "openmetrics");
  expect(parsed.problems).toEqual([{ line: 3, sentence: "there is more behind # EOF" }]);
  expect(samplesOf(parsed)).toEqual({ "a{}": 1 });
});

test("keeps the layout version while the lines stay the same", () => {
  const parser = createExpositionParser();
  const first = parser.parse(Buffer.from('# TYPE a gauge\na{b="c"} 1\nd 2 5\n'), "text");
  expect(first.timestamps[1]).toBe(5);
  const second = parser.parse(Buffer.from('# TYPE a gauge\na{b="c"} 12.5\nd -3e5\n'), "text");
  expect(second.layoutVersion).toBe(first.layoutVersion);
  expect(second.series).toBe(first.series);
  expect([...second.values]).toEqual([12.5, -3e5]);
  expect(second.timestamps[1]).toBeNaN();
});

test("keeps the slots when a series goes and comes back, and adds new ones behind", () => {
  const parser = createExpositionParser();
  const read = (page: string) => parser.parse(Buffer.from(page), "text");
  expect(read("a 1\nb 2\nc 3\n").layoutVersion).toBe(1);
  const without = read("c 33\na 11\n");
  expect(without.layoutVersion).toBe(1);
  expect(without.samples).toBe(2);
  expect(samplesOf(without)).toEqual({ "a{}": 11, "c{}": 33 });
  const back = read("a 1\nb 22\nc 3\n");
  expect(back.layoutVersion).toBe(1);
  expect(samplesOf(back)).toEqual({ "a{}": 1, "b{}": 22, "c{}": 3 });
  const more = read("a 1\nd 4\nb 2\nc 3\n");
  expect(more.layoutVersion).toBe(2);
  expect([...more.values]).toEqual([1, 2, 3, 4]);
});

test("judges a known series anew when the format changes", () => {
  const parser = createExpositionParser();
  const body = Buffer.from('a{ b="c" } 1\nd 2\n# EOF\n');
  expect(parser.parse(body, "text").samples).toBe(2);
  const parsed = parser.parse(body, "openmetrics");
  expect(parsed.problems.map((problem) => problem.line)).toEqual([1]);
  expect(samplesOf(parsed)).toEqual({ "d{}": 2 });
  expect(samplesOf(parser.parse(Buffer.from('a{b="c"} 3\n# EOF\n'), "openmetrics"))).toEqual({
    "a{b=c}": 3,
  });
});

test("changes the layout version when a series changes its type", () => {
  const parser = createExpositionParser();
  parser.parse(Buffer.from("# TYPE a gauge\na 1\n"), "text");
  const parsed = parser.parse(Buffer.from("# TYPE a counter\na 1\n"), "text");
  expect(parsed.layoutVersion).toBe(2);
  expect(parsed.series[0]?.kind).toBe("counter");
});

test("forgets series that are gone once most of them are", () => {
  const parser = createExpositionParser();
  const pageOf = (from: number) =>
    Buffer.from(Array.from({ length: 100 }, (_, index) => `a{n="${from + index}"} 1\n`).join(""));
  for (let from = 0; from < 2000; from += 100) {
    const parsed = parser.parse(pageOf(from), "text");
    expect(parsed.series.length).toBeLessThanOrEqual(200);
    expect(parsed.samples).toBe(100);
  }
});

test("takes the same labels in another order for the same series", () => {
  const parsed = parse('a{x="1",y="2"} 1\na{y="2",x="1"} 2\na{y="1",x="2"} 3\n');
  expect(parsed.problems).toEqual([
    { line: 2, sentence: "the series is there already; the first one counts" },
  ]);
  expect([...parsed.values]).toEqual([1, 3]);
});

test("bounds series and problems and counts what it drops, also on a page it knows", () => {
  const parser = createExpositionParser({ series: 10, problems: 5 });
  const page = (value: number) =>
    Buffer.from(Array.from({ length: 30 }, (_, index) => `a{n="${index}"} ${value}\n`).join(""));
  for (const [round, value] of [1, 22].entries()) {
    const parsed = parser.parse(page(value), "text");
    expect(parsed.samples).toBe(10);
    expect([...parsed.values]).toEqual(Array<number>(10).fill(value));
    expect(parsed.problems).toHaveLength(5);
    expect(parsed.problems[0]).toEqual({ line: 11, sentence: "the page has more than 10 series" });
    expect(parsed.problemCount).toBe(20);
    expect(parser.dropped.too_many_series).toBe(20 * (round + 1));
  }
});

test("refuses a body over the limit with one sentence", () => {
  const parser = createExpositionParser({ bodyBytes: 10 });
  expect(() => parser.parse(Buffer.from("a 1\nb 2\nc 3\n"), "text")).toThrow(
    "the page has 12 bytes, over the limit of 10",
  );
});

test("reads an empty page as no series", () => {
  const parsed = parse("");
  expect(parsed.series).toEqual([]);
  expect(parsed.truncated).toBe(false);
});

const name = fc.stringMatching(/^[a-zA-Z_:][a-zA-Z0-9_:]{0,12}$/);
const label = fc.constantFrom("a", "b_1", "Hostname", "le");
const text = fc.string({ unit: "grapheme", maxLength: 12 });
const page = fc.uniqueArray(
  fc.record({
    name,
    kind: fc.constantFrom("counter", "gauge", "info"),
    help: text,
    labels: fc.uniqueArray(label, { maxLength: 3 }),
    values: fc.array(text, { minLength: 3, maxLength: 3 }),
    samples: fc.array(fc.option(fc.double()), { minLength: 2, maxLength: 2 }),
  }),
  { selector: (metric) => metric.name, maxLength: 12 },
);

test.each(["text", "openmetrics"] as const)("reads in %s what the writer wrote", (format) => {
  fc.assert(
    fc.property(page, (metrics) => {
      const exposition = createExposition();
      const parser = createExpositionParser();
      for (const round of [0, 1]) {
        const samples = metrics.map(({ name, kind, help, labels, values, samples }) => ({
          metric: openMetric(name, kind as "gauge", help, labels),
          values: values.slice(0, labels.length),
          value: samples[round] ?? null,
        }));
        const body = Buffer.from(exposition.render(frameOf(samples), format));
        const parsed = parser.parse(body, format);
        expect(parsed.problems).toEqual([]);
        const expected = samples.filter((sample) => sample.value !== null);
        expect(parsed.samples).toBe(expected.length);
        const read = samplesOf(parsed);
        for (const { metric, values, value } of expected) {
          const pairs = metric.labels.map((label, index) => `${label}=${values[index]}`);
          expect(Object.is(read[`${metric.name}{${pairs.join(",")}}`], value)).toBe(true);
        }
      }
    }),
    { numRuns: 300 },
  );
});
