import { expect, test } from "vitest";
import { defineMetric, histogramParts } from "../../../core/catalog/metric.ts";
import { createExposition } from "../../../core/wire/exposition.ts";
import { frameOf } from "./frames.ts";

const waited = defineMetric({
  name: "warpwatch_wait_seconds",
  kind: "histogram",
  unit: "seconds",
  help: "Seconds waited.",
  buckets: [0.5],
});
const { bucket, sum, count } = histogramParts(waited);

const frame = frameOf([
  { metric: bucket, values: ["0.5"], value: 2 },
  { metric: bucket, values: ["+Inf"], value: 3 },
  { metric: sum, value: 4.5 },
  { metric: count, value: 3 },
]);
const lines = [
  'warpwatch_wait_seconds_bucket{le="0.5"} 2',
  'warpwatch_wait_seconds_bucket{le="+Inf"} 3',
  "warpwatch_wait_seconds_sum 4.5",
  "warpwatch_wait_seconds_count 3",
];

test("puts the parts of a histogram under one family", () => {
  expect(createExposition().render(frame, "text").toString().split("\n")).toEqual([
    "# HELP warpwatch_wait_seconds Seconds waited.",
    "# TYPE warpwatch_wait_seconds histogram",
    ...lines,
    "",
  ]);
});

test("says its unit in OpenMetrics", () => {
  expect(createExposition().render(frame, "openmetrics").toString().split("\n")).toEqual([
    "# HELP warpwatch_wait_seconds Seconds waited.",
    "# TYPE warpwatch_wait_seconds histogram",
    "# UNIT warpwatch_wait_seconds seconds",
    ...lines,
    "# EOF",
    "",
  ]);
});
