/** A parser that knows the pages before reads each page as one that has never seen any. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { ExpositionFormat } from "../../../core/wire/exposition.ts";
import { isPresent } from "../../../core/wire/frame.ts";
import { createExpositionParser } from "../../../core/wire/parse.ts";
import type { ParsedExposition } from "../../../core/wire/parsed.ts";

interface Line {
  readonly name: string;
  readonly label: string;
  readonly value: string;
  readonly rest: string;
}

const number = fc.oneof(
  fc.integer({ min: 0, max: 200 }).map(String),
  fc.double({ noNaN: true }).map(String),
  fc.constantFrom("NaN", "+Inf", "-0", "1e+06", "1.7642592e+09", "0.30000000000000004"),
);
const line: fc.Arbitrary<Line> = fc.record({
  name: fc.constantFrom("a", "b_total", "c_bucket", "long_name_of_a_metric_that_goes_on"),
  label: fc.constantFrom("", '{x="1"}', '{x="2"}', '{x="2",y="a\\"b"}', '{z="ä"}'),
  value: number,
  rest: fc.constantFrom("", "", "", " 1700000000000", " 1700000000001"),
});

/** What may become of a page by the next scrape. */
const change: fc.Arbitrary<(lines: readonly Line[]) => Line[]> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.nat(), number).map(([at, value]) => edit(at, { value })) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.nat(), fc.constantFrom("", " 1700000000000", " 1700000000002"))
      .map(([at, rest]) => edit(at, { rest })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.nat(), line).map(
      ([at, one]) =>
        (lines: readonly Line[]) =>
          lines.toSpliced(at % (lines.length + 1), 0, one),
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .nat()
      .map((at) => (lines: readonly Line[]) => lines.toSpliced(at % (lines.length || 1), 1)),
  },
  { weight: 1, arbitrary: fc.constant((lines: readonly Line[]) => lines.toReversed()) },
);

function edit(at: number, with_: Partial<Line>): (lines: readonly Line[]) => Line[] {
  return (lines) =>
    lines.map((one, index) => (index === at % lines.length ? { ...one, ...with_ } : one));
}

/** How a page is torn on its way: cut at a byte, or with one byte that is another. */
const tear = fc.oneof(
  { weight: 6, arbitrary: fc.constant((page: Buffer) => page) },
  {
    weight: 1,
    arbitrary: fc
      .nat()
      .map((at) => (page: Buffer) => page.subarray(0, at % Math.max(1, page.length))),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })).map(
      ([at, byte]) =>
        (page: Buffer) =>
          Buffer.from(page.map((one, index) => (index === at % page.length ? byte : one))),
    ),
  },
);

function pageOf(lines: readonly Line[], format: ExpositionFormat): Buffer {
  const text = lines.map(({ name, label, value, rest }) => {
    const time = format === "text" || rest === "" ? rest : ` ${Number(rest) / 1000}`;
    return `${name}${label} ${value}${time}\n`;
  });
  const end = format === "text" ? "" : "# EOF\n";
  return Buffer.from(`# TYPE a gauge\n# HELP a What it is.\n${text.join("")}${end}`);
}

function readingOf(parsed: ParsedExposition): object {
  const samples = new Map<string, readonly (number | undefined)[]>();
  parsed.series.forEach(({ name, labels, labelValues, type, help }, slot) => {
    if (!isPresent(parsed.present, slot)) return;
    const key = JSON.stringify([name, labels, labelValues, type, help]);
    samples.set(key, [parsed.values[slot], parsed.timestamps[slot]]);
  });
  const { problems, problemCount, truncated } = parsed;
  return { samples, count: parsed.samples, problems, problemCount, truncated };
}

const scrapes = fc.array(fc.tuple(fc.array(change, { maxLength: 3 }), tear), { maxLength: 12 });

test.each(["text", "openmetrics"] as const)(
  "every %s page reads as it does for a parser that knows none, whatever came before it",
  (format) => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), scrapes, (first, rounds) => {
        const parser = createExpositionParser();
        let lines: readonly Line[] = first;
        for (const [changes, torn] of rounds) {
          for (const one of changes) lines = one(lines);
          const page = torn(pageOf(lines, format));
          // The memory of a page is used again for the next.
          const lent = Buffer.from(page);
          const reading = readingOf(parser.parse(lent, format));
          lent.fill(0x58);
          expect(reading).toEqual(readingOf(createExpositionParser().parse(page, format)));
        }
      }),
      { numRuns: 500 },
    );
  },
);

function read(parser: ReturnType<typeof createExpositionParser>, page: string): ParsedExposition {
  return parser.parse(Buffer.from(page), "text");
}

test("keeps the series and their slots while only numbers change, however long these are", () => {
  const parser = createExpositionParser();
  const first = read(parser, 'a{x="1"} 9\nb 1\nc 5 1700000000000\n');
  for (const [a, b] of [
    ["10", "1"],
    ["123456789.25", "NaN"],
    ["0", "1e+09"],
  ] as const) {
    const next = read(parser, `a{x="1"} ${a}\nb ${b}\nc 5 1700000000000\n`);
    expect(next.layoutVersion).toBe(first.layoutVersion);
    expect([...next.values]).toEqual([Number(a), Number(b), 5]);
    expect([...next.timestamps]).toEqual([Number.NaN, Number.NaN, 1_700_000_000_000]);
  }
});

test("a timestamp that a line had is gone with the page that has none", () => {
  const parser = createExpositionParser();
  expect([...read(parser, "a 1 1500\nb 2\n").timestamps]).toEqual([1500, Number.NaN]);
  expect([...read(parser, "a 1\nb 2 1500\n").timestamps]).toEqual([Number.NaN, 1500]);
});

test("a page that is torn in the middle leaves nothing behind for the next whole one", () => {
  const parser = createExpositionParser();
  const whole = 'a{x="1"} 1\na{x="2"} 2\nb 3\n';
  const before = read(parser, whole).layoutVersion;
  const torn = read(parser, 'a{x="1"} 7\na{x="2"} 8\nb');
  expect([torn.truncated, torn.samples]).toEqual([true, 2]);
  const after = read(parser, whole);
  expect([...after.values]).toEqual([1, 2, 3]);
  expect([after.truncated, after.samples, after.layoutVersion]).toEqual([false, 3, before]);
});

test("a line of the same length under another name isn't taken for the one before", () => {
  const parser = createExpositionParser();
  read(parser, 'errors_total{gpu="0"} 1\nerrors_total{gpu="1"} 2\n');
  const { series, values, present } = read(
    parser,
    'errors_total{gpu="0"} 1\nerrors_total{gpu="2"} 2\n',
  );
  const held = series.flatMap(({ labelValues }, slot) =>
    isPresent(present, slot) ? [[labelValues[0], values[slot]]] : [],
  );
  expect(held).toEqual([
    ["0", 1],
    ["2", 2],
  ]);
});
