import { expect, it } from "vitest";
import { createLabeller } from "../../../../collector/ingest/scrape/series-labels.ts";
import { relabelRulesSchema } from "../../../../collector/ingest/scrape/relabel-config.ts";
import { makeTarget } from "../../../../collector/ingest/scrape/target.ts";
import { createExpositionParser } from "../../../../core/wire/parse.ts";

function label(rules: object[]) {
  const job = {
    name: "test",
    intervalMilliseconds: 1000,
    timeoutMilliseconds: 1000,
    scheme: "http" as const,
    path: "/metrics",
    bodyLimitBytes: 10_000,
    metricRelabel: relabelRulesSchema.parse(rules),
  };
  const target = makeTarget(job, "127.0.0.1:9100", {});
  if (target === null) throw new Error("the target was dropped");
  const labeller = createLabeller(target);
  const parser = createExpositionParser({ bodyBytes: 10_000, series: 100 });
  return (page: string) => labeller.label(parser.parse(Buffer.from(page), "text"));
}

it("works labels out once per list of series, and of a new list what is new", () => {
  const of = label([{ regex: "host", action: "labeldrop" }]);
  const first = of('a{host="x"} 1\nb 2\n');
  expect(of('a{host="x"} 7\nb 8\n')).toBe(first);
  const next = of('a{host="x"} 1\nb 2\nc 3\n');
  expect(next).not.toBe(first);
  expect(next.series[0]).toBe(first.series[0]);
  expect(next.series.map(({ name, labels }) => [name, ...labels])).toEqual([["a"], ["b"], ["c"]]);
});

it("takes the first of series that rules make equal, and counts the others", () => {
  const page = label([{ regex: "cpu", action: "labeldrop" }])('a{cpu="0"} 1\na{cpu="1"} 2\nb 3\n');
  expect(page).toMatchObject({ duplicates: 1, refused: "" });
  expect([...(page.slots ?? [])]).toEqual([0, 2]);
});
