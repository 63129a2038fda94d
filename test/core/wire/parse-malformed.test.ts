/** Malformed pages: each costs its own line, says so in a sentence, and leaves the lines around it alone. */
import { expect, test } from "vitest";
import type { ExpositionFormat } from "../../../core/wire/exposition-plan.ts";
import { createExpositionParser } from "../../../core/wire/parse.ts";

/** The bad part stands between two good lines; its first line is line 2. */
function parseBetween(bad: string | Buffer, format: ExpositionFormat) {
  const end = format === "openmetrics" ? "# EOF\n" : "";
  const body = Buffer.concat([
    Buffer.from("before 1\n"),
    Buffer.from(bad),
    Buffer.from(`\nafter{n="2"} 3\n${end}`),
  ]);
  const parser = createExpositionParser({
    lineBytes: 200,
    labels: 3,
    nameBytes: 40,
    labelValueBytes: 50,
  });
  return { parsed: parser.parse(body, format), parser, body };
}

const inText: readonly (readonly [string, string | Buffer, string])[] = [
  ["no value", "a", "the line has no value"],
  ["no value behind labels", 'a{b="c"}', "the line has no value"],
  ["only a blank for a value", "a ", "the line has no value"],
  ["a word for a value", "a one", 'the value "one" isn\'t a number'],
  ["a hexadecimal value", "a 0x1F", 'the value "0x1F" isn\'t a number'],
  ["a hexadecimal float", "a 0x1p4", 'the value "0x1p4" isn\'t a number'],
  ["underscores in a value", "a 1_000", 'the value "1_000" isn\'t a number'],
  ["a comma in a value", "a 1,5", 'the value "1,5" isn\'t a number'],
  ["two points", "a 1.2.3", 'the value "1.2.3" isn\'t a number'],
  ["an exponent without digits", "a 1e", 'the value "1e" isn\'t a number'],
  ["an exponent that is a sign", "a 1e+", 'the value "1e+" isn\'t a number'],
  ["a lone sign", "a -", 'the value "-" isn\'t a number'],
  ["a lone point", "a .", 'the value "." isn\'t a number'],
  ["two signs", "a --1", 'the value "--1" isn\'t a number'],
  ["a number with a unit", "a 5ms", 'the value "5ms" isn\'t a number'],
  ["infinity misspelt", "a Infinite", 'the value "Infinite" isn\'t a number'],
  ["NaN with more behind it", "a NaNa", 'the value "NaNa" isn\'t a number'],
  ["a quoted value", 'a "1"', 'the value "\\"1\\"" isn\'t a number'],
  [
    "a fractional timestamp",
    "a 1 1.5",
    'the timestamp "1.5" isn\'t a whole number of milliseconds',
  ],
  ["a word for a timestamp", "a 1 now", 'the timestamp "now" isn\'t a whole number'],
  ["a third number", "a 1 2 3", "there is more on the line than a value and a timestamp"],
  ["a name that starts with a digit", "1a 1", 'a metric name can\'t start with "1"'],
  ["a name that starts with a dash", "-a 1", 'a metric name can\'t start with "-"'],
  ["a dash in a name", "a-b 1", '"-" can\'t stand in a metric name'],
  ["a dot in a name", "a.b 1", '"." can\'t stand in a metric name'],
  ["an accent in a name", "é 1", 'a metric name can\'t start with "é"'],
  ["an emoji for a name", "🔥 1", 'a metric name can\'t start with "🔥"'],
  ["a name in the braces", '{"a.b",c="d"} 1', "quoted names aren't supported"],
  ["no closing brace", 'a{b="c" 1', "there is no comma or } behind the label b"],
  ["no closing quote", 'a{b="c} 1', "the value of the label b has no closing quote"],
  ["no quotes", "a{b=c} 1", "the value of the label b isn't in double quotes"],
  ["single quotes", "a{b='c'} 1", "the value of the label b isn't in double quotes"],
  ["no equals sign", 'a{b"c"} 1', "the label b has no = behind it"],
  ["a label name alone", "a{b} 1", "the label b has no = behind it"],
  ["no label name", 'a{="c"} 1', 'a label name can\'t start with "="'],
  ["a label name with a digit first", 'a{1b="c"} 1', 'a label name can\'t start with "1"'],
  ["a colon in a label name", 'a{b:c="d"} 1', "the label b has no = behind it"],
  ["a comma before the labels", 'a{,b="c"} 1', 'a label name can\'t start with ","'],
  ["two commas", 'a{b="c",,d="e"} 1', 'a label name can\'t start with ","'],
  ["no comma between labels", 'a{b="c" d="e"} 1', "there is no comma or } behind the label b"],
  ["a label twice", 'a{b="c",b="d"} 1', "the label b is there twice"],
  ["the reserved label", 'a{__name__="b"} 1', "__name__ can't be a label"],
  [
    "an unknown escape",
    'a{b="\\t"} 1',
    "\\t isn't an escape that the value of the label b may hold",
  ],
  ["a value that isn't UTF-8", Buffer.from('a{b="\u00ff"} 1', "latin1"), "isn't UTF-8"],
  ["a series that is there already", "before 2", "the series is there already"],
  ["more labels than allowed", 'a{b="",c="",d="",e=""} 1', "the series has more than 3 labels"],
  ["a long label value", `a{b="${"x".repeat(51)}"} 1`, "the label b is longer than 50 bytes"],
  ["a long name", `${"x".repeat(41)} 1`, "the metric name is longer than 40 bytes"],
  ["a long label name", `a{${"x".repeat(41)}="1"} 1`, "a label name is longer than 40 bytes"],
  ["a long line", `a{b="c"} 1${" ".repeat(200)}`, "the line is over 200 bytes long"],
  ["binary bytes", Buffer.from([0, 1, 2, 0x1f, 0x8b]), "a metric name can't start with"],
  ["a page of HTML", "<html>", 'a metric name can\'t start with "<"'],
  ["JSON", '{"error": "not found"}', "quoted names aren't supported"],
];

const inOpenMetrics: readonly (readonly [string, string | Buffer, string])[] = [
  ["two blanks before the value", "a  1", "OpenMetrics wants exactly one space before the value"],
  ["a tab before the value", "a\t1", '"\\t" can\'t stand in a metric name'],
  ["no blank behind the labels", 'a{b="c"}1', "OpenMetrics wants exactly one space"],
  ["a blank at the start", " a 1", 'a metric name can\'t start with " "'],
  ["a blank in the labels", 'a{b= "c"} 1', "the value of the label b isn't in double quotes"],
  ["a comma behind the last label", 'a{b="c",} 1', "there is a comma behind the last label"],
  ["a carriage return", "a 1\r", 'the value "1\\r" isn\'t a number'],
  ["a word for a timestamp", "a 1 now", 'the timestamp "now" isn\'t a number of seconds'],
  ["an endless timestamp", "a 1 +Inf", 'the timestamp "+Inf" isn\'t a number of seconds'],
  [
    "an exemplar without braces",
    "a_total 1 # b",
    "the exemplar behind the value isn't of the form",
  ],
  ["an exemplar without a number", 'a 1 # {b="c"}', "the exemplar behind the value isn't"],
  ["an exemplar without an end", 'a 1 # {b="c', "the exemplar behind the value isn't"],
  ["an exemplar with a third number", 'a 1 # {b="c"} 1 2 3', "the exemplar behind the value isn't"],
  ["words behind the timestamp", "a 1 2 x", "there is more on the line"],
];

test.each(inText)("skips %s in text and keeps the rest", (_, bad, sentence) => {
  expectOneProblem(bad, "text", sentence);
});

test.each(inOpenMetrics)("skips %s in OpenMetrics and keeps the rest", (_, bad, sentence) => {
  expectOneProblem(bad, "openmetrics", sentence);
});

function expectOneProblem(bad: string | Buffer, format: ExpositionFormat, sentence: string): void {
  const { parsed, parser, body } = parseBetween(bad, format);
  for (const page of [parsed, parser.parse(body, format)]) {
    expect(page.problems.map((problem) => problem.line)).toEqual([2]);
    expect(page.problems[0]?.sentence).toContain(sentence);
    expect(page.series.map((series) => series.name)).toEqual(["before", "after"]);
    expect([...page.values]).toEqual([1, 3]);
    expect(page.truncated).toBe(false);
  }
  expect(Object.values(parser.dropped).reduce((sum, count) => sum + count)).toBe(2);
}

const metadata: readonly (readonly [string, string, ExpositionFormat, string])[] = [
  ["a type that isn't one", "# TYPE a meter", "text", '"meter" isn\'t a type that a can have'],
  ["a type without a name", "# TYPE", "text", "TYPE isn't followed by a metric name"],
  ["a type of no kind", "# TYPE a", "text", '"" isn\'t a type that a can have'],
  [
    "a name with a dash",
    "# HELP a-b x",
    "text",
    'HELP isn\'t followed by a metric name but by "a-b"',
  ],
  ["a type twice", "# TYPE a gauge\n# TYPE a gauge", "text", "a has a TYPE already"],
  ["a help twice", "# HELP a x\n# HELP a y", "text", "a has a HELP already"],
  ["a late type", "# TYPE before counter", "text", "the TYPE of before comes after its samples"],
  ["a unit that the name lacks", "# UNIT a seconds", "openmetrics", "doesn't end in its UNIT"],
  ["a comment", "# hello", "openmetrics", "OpenMetrics has no comments but HELP, TYPE and UNIT"],
  ["a blank line", "", "openmetrics", "OpenMetrics has no blank lines"],
];

test.each(metadata)("tells of %s and loses no sample", (_, bad, format, sentence) => {
  const { parsed, parser } = parseBetween(bad, format);
  expect(parsed.problemCount).toBe(1);
  expect(parsed.problems[0]).toEqual({
    line: 1 + bad.split("\n").length,
    sentence: expect.stringContaining(sentence),
  });
  expect([...parsed.values]).toEqual([1, 3]);
  expect(Object.values(parser.dropped).every((count) => count === 0)).toBe(true);
});
