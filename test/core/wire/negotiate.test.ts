import { expect, test } from "vitest";
import { contentTypeOf, negotiateCoding, negotiateFormat } from "../../../core/wire/negotiate.ts";

const prometheus242 =
  "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
const prometheusHistograms =
  "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
const prometheus3 =
  "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

test.each([
  ["Prometheus 2.42", prometheus242, "openmetrics"],
  ["Prometheus with native histograms", prometheusHistograms, "openmetrics"],
  ["Prometheus 3", prometheus3, "openmetrics"],
  ["Prometheus set to the text format", "text/plain;version=0.0.4;q=1,*/*;q=0.1", "text"],
  ["curl", "*/*", "text"],
  ["a browser", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "text"],
  ["no header", undefined, "text"],
  ["an empty header", "", "text"],
  ["something we don't have", "application/json", "text"],
  ["OpenMetrics without a version", "application/openmetrics-text", "openmetrics"],
  ["an OpenMetrics that we don't write", "application/openmetrics-text;version=0.0.1", "text"],
  ["OpenMetrics refused", "application/openmetrics-text;q=0,*/*", "text"],
  ["text liked better", "application/openmetrics-text;q=0.4, text/plain;q=0.9", "text"],
  ["both alike, text first", "text/plain, application/openmetrics-text", "text"],
  ["both alike, OpenMetrics first", "application/openmetrics-text, text/plain", "openmetrics"],
  ["any application type", "application/*, text/plain;q=0.3", "openmetrics"],
  ["a quoted version", 'application/openmetrics-text; version="1.0.0"', "openmetrics"],
  ["capitals and spaces", "Application/OpenMetrics-Text ; Version=1.0.0 ; Q=0.9", "openmetrics"],
  ["a quality that isn't one", "application/openmetrics-text;q=high, text/plain;q=0.1", "text"],
  ["a header of nonsense", ";;;,,=,q=1;", "text"],
] as const)("answers %s with the right format", (_, accept, format) => {
  expect(negotiateFormat(accept)).toEqual({ format, contentType: contentTypeOf(format) });
});

test("names the formats with their versions", () => {
  expect(contentTypeOf("text")).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(contentTypeOf("openmetrics")).toBe(
    "application/openmetrics-text; version=1.0.0; charset=utf-8",
  );
});

test.each([
  ["gzip", "gzip"],
  ["gzip, deflate, br", "gzip"],
  ["*", "gzip"],
  ["x-gzip", "gzip"],
  ["GZIP;q=0.5", "gzip"],
  ["gzip;q=0", "identity"],
  ["gzip;q=0, *", "identity"],
  ["identity, gzip;q=0.5", "identity"],
  ["br", "identity"],
  ["", "identity"],
  [undefined, "identity"],
] as const)("answers Accept-Encoding %s with %s", (header, coding) => {
  expect(negotiateCoding(header)).toBe(coding);
});
