import {
  array,
  assert,
  constant,
  constantFrom,
  double,
  integer,
  oneof,
  option,
  property,
  record,
} from "fast-check";
import { expect, test } from "vitest";
import { defineMetric, openMetric, type MetricKind } from "../../../core/catalog/metric.ts";
import { createExposition, type ExpositionFormat } from "../../../core/wire/exposition.ts";
import { setPresent } from "../../../core/wire/frame.ts";
import { frameOf, type Sample } from "./frames.ts";

function render(samples: readonly Sample[], format: ExpositionFormat, append = ""): string {
  return createExposition().render(frameOf(samples), format, { append }).toString();
}

function metric(name: string, kind: MetricKind, labels: readonly string[] = []) {
  return openMetric(name, kind, `Help of ${name}.`, labels);
}

test("writes text 0.0.4 with help, type and one line per present series", () => {
  const cpu = metric("node_cpu_seconds_total", "counter", ["cpu", "mode"]);
  const body = render(
    [
      { metric: cpu, values: ["0", "idle"], value: 1234.56 },
      { metric: cpu, values: ["0", "user"], value: 8 },
    ],
    "text",
  );
  expect(body).toBe(
    [
      "# HELP node_cpu_seconds_total Help of node_cpu_seconds_total.",
      "# TYPE node_cpu_seconds_total counter",
      'node_cpu_seconds_total{cpu="0",mode="idle"} 1234.56',
      'node_cpu_seconds_total{cpu="0",mode="user"} 8',
      "",
    ].join("\n"),
  );
});

test("keeps the series of a metric together when they were registered between others", () => {
  const first = metric("a", "gauge", ["gpu"]);
  const second = metric("b", "gauge");
  const body = render(
    [
      { metric: first, values: ["0"], value: 1 },
      { metric: second, value: 2 },
      { metric: first, values: ["1"], value: 3 },
    ],
    "text",
  );
  expect(body.split("\n").filter((line) => !line.startsWith("#"))).toEqual([
    'a{gpu="0"} 1',
    'a{gpu="1"} 3',
    "b 2",
    "",
  ]);
  expect(body.match(/# TYPE a /g)).toHaveLength(1);
});

test("leaves out an absent series, and the header of a family that has none present", () => {
  const fan = metric("fan_rpm", "gauge", ["fan"]);
  const body = render(
    [
      { metric: fan, values: ["1"], value: null },
      { metric: fan, values: ["2"], value: 0 },
      { metric: metric("gone", "gauge"), value: null },
    ],
    "text",
  );
  expect(body).toContain('fan_rpm{fan="2"} 0\n');
  expect(body).not.toContain('fan="1"');
  expect(body).not.toContain("gone");
});

test("writes an OpenMetrics counter's family without _total and its sample with it", () => {
  const bytes = defineMetric({
    name: "warpwatch_sent_bytes_total",
    kind: "counter",
    unit: "bytes",
    help: 'Bytes "sent".',
  });
  expect(render([{ metric: bytes, value: 3 }], "openmetrics")).toBe(
    [
      '# HELP warpwatch_sent_bytes Bytes \\"sent\\".',
      "# TYPE warpwatch_sent_bytes counter",
      "# UNIT warpwatch_sent_bytes bytes",
      "warpwatch_sent_bytes_total 3",
      "# EOF",
      "",
    ].join("\n"),
  );
});

test("writes a compatibility counter without _total as unknown under its own name", () => {
  const body = render([{ metric: metric("node_intr", "counter"), value: 3 }], "openmetrics");
  expect(body).toContain("# TYPE node_intr unknown\nnode_intr 3\n");
});

test("writes an info metric as a gauge in text and as info in OpenMetrics", () => {
  const info = metric("node_uname_info", "info", ["release"]);
  const samples = [{ metric: info, values: ["6.18"], value: 1 }];
  expect(render(samples, "text")).toContain("# TYPE node_uname_info gauge\n");
  const body = render(samples, "openmetrics");
  expect(body).toContain("# TYPE node_uname info\n");
  expect(body).toContain('node_uname_info{release="6.18"} 1\n');
});

test("writes an info metric without the suffix as a gauge in OpenMetrics", () => {
  const body = render([{ metric: metric("build", "info"), value: 1 }], "openmetrics");
  expect(body).toContain("# TYPE build gauge\n");
});

test("doesn't give two OpenMetrics families one name", () => {
  const body = render(
    [
      { metric: metric("jobs_total", "counter"), value: 3 },
      { metric: metric("jobs", "gauge"), value: 2 },
    ],
    "openmetrics",
  );
  expect(body).toContain("# TYPE jobs_total unknown\njobs_total 3\n");
  expect(body).toContain("# TYPE jobs gauge\njobs 2\n");
});

test.each([
  ["a unit that the name ends in", "warpwatch_load_ratio", "ratio", true],
  ["no unit that the name doesn't end in", "node_load1", "ratio", false],
  ["no unit where the name only ends in its letters", "megabytes", "bytes", false],
] as const)("writes %s", (_, name, unit, expected) => {
  const gauge = defineMetric({ name, kind: "gauge", unit, help: "x" });
  expect(render([{ metric: gauge, value: 1 }], "openmetrics").includes("# UNIT")).toBe(expected);
});

test("escapes label values in both formats, and quotes in help only in OpenMetrics", () => {
  const odd = openMetric("odd", "gauge", 'a\\b "c"\nd', ["path"]);
  const samples = [{ metric: odd, values: ['C:\\x "y"\nz é'], value: 1 }];
  const line = 'odd{path="C:\\\\x \\"y\\"\\nz é"} 1\n';
  const text = render(samples, "text");
  expect(text).toContain('# HELP odd a\\\\b "c"\\nd\n');
  expect(text).toContain(line);
  const open = render(samples, "openmetrics");
  expect(open).toContain('# HELP odd a\\\\b \\"c\\"\\nd\n');
  expect(open).toContain(line);
});

test("writes NaN and the infinities", () => {
  const body = render(
    [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map((value, index) => ({
      metric: metric("odd", "gauge", ["n"]),
      values: [String(index)],
      value,
    })),
    "text",
  );
  expect(body).toContain('{n="0"} NaN\n');
  expect(body).toContain('{n="1"} +Inf\n');
  expect(body).toContain('{n="2"} -Inf\n');
});

test("puts appended families before the one # EOF", () => {
  const samples = [{ metric: metric("a", "gauge"), value: 1 }];
  expect(render(samples, "openmetrics", "# TYPE b gauge\nb 2\n# EOF\n")).toMatch(
    /a 1\n# TYPE b gauge\nb 2\n# EOF\n$/,
  );
  expect(render(samples, "text", "b 2")).toMatch(/a 1\nb 2\n$/);
});

test("skips and counts a repeated series and names outside the alphabet", () => {
  const exposition = createExposition();
  const body = exposition.render(
    frameOf([
      { metric: metric("a", "gauge", ["x", "y"]), values: ["1", "2"], value: 1 },
      { metric: metric("a", "gauge", ["y", "x"]), values: ["2", "1"], value: 2 },
      { metric: metric("with space", "gauge"), value: 3 },
      { metric: metric("b", "gauge", ["bad-label"]), values: ["1"], value: 4 },
      { metric: metric("c", "gauge", ["x", "x"]), values: ["1", "2"], value: 5 },
    ]),
    "text",
  );
  expect(body.toString().match(/^[^#].*$/gm)).toEqual(['a{x="1",y="2"} 1']);
  expect(exposition.skipped).toBe(4);
});

test("renders again into the same memory, and grows it for a larger schema", () => {
  const exposition = createExposition();
  const small = frameOf([{ metric: metric("a", "gauge"), value: 1 }]);
  expect(exposition.render(small, "text").toString()).toBe(
    exposition.render(small, "text").toString(),
  );
  const wide = metric("wide", "gauge", ["n"]);
  const large = frameOf(
    Array.from({ length: 3000 }, (_, index) => ({
      metric: wide,
      values: [`series number ${index}`],
      value: index,
    })),
  );
  const body = exposition.render(large, "text").toString();
  expect(body.split("\n")).toHaveLength(3000 + 2 + 1);
  expect(body).toContain('wide{n="series number 2999"} 2999\n');
});

test("what stood in the buffer before never shows: any frames in a row are as if each were the first", () => {
  const names = ["a", "b", "c"].map((name) => metric(name, "counter", ["n"]));
  const sample = option(
    oneof(integer({ min: -2, max: 12 }), double({ noNaN: true }), constant(-0)),
    { freq: 4 },
  );
  const frame = array(sample, { minLength: 9, maxLength: 9 });
  const step = record({
    values: frame,
    format: constantFrom<ExpositionFormat>("text", "text", "text", "openmetrics"),
    append: constantFrom("", "own 1\n", "own 12345\n"),
  });
  assert(
    property(array(step, { maxLength: 12 }), (steps) => {
      const kept = createExposition();
      const first = frameOf(
        names.flatMap((one) =>
          ["0", "1", "2"].map((n) => ({ metric: one, values: [n], value: 0 })),
        ),
      );
      for (const { values, format, append } of steps) {
        const next = { ...first, present: new Uint8Array(first.present.length) };
        values.forEach((value, slot) => {
          if (value !== null) setPresent(next.present, slot);
          next.values[slot] = value ?? Number.NaN;
        });
        const fresh = createExposition().render(next, format, { append }).toString();
        expect(kept.render(next, format, { append }).toString()).toBe(fresh);
      }
    }),
  );
});
