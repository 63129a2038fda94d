import { describe, expect, it } from "vitest";
import { labelNameOf, metricNameOf } from "../../../../collector/ingest/otlp/names.ts";

describe("a metric's name in Prometheus", () => {
  it.each([
    ["train.loss", "", "gauge", "train_loss"],
    ["train.loss", "1", "gauge", "train_loss_ratio"],
    ["train.loss.ratio", "1", "gauge", "train_loss_ratio"],
    ["train.errors", "1", "counter", "train_errors_total"],
    ["train.total.tokens", "{token}", "counter", "train_tokens_total"],
    ["http.server.request.duration", "s", "other", "http_server_request_duration_seconds"],
    ["step_seconds", "s", "other", "step_seconds"],
    ["bytes.read", "By", "counter", "bytes_read_total"],
    ["throughput", "By/s", "gauge", "throughput_bytes_per_second"],
    ["rate", "{request}/m", "gauge", "rate_per_minute"],
    ["speed", "m/{lap}", "gauge", "speed_meters"],
    ["load", "%", "gauge", "load_percent"],
    ["odd", "foo bar", "gauge", "odd_foo_bar"],
    ["a__b--c", "", "other", "a_b_c"],
    ["vllm:queue", "", "gauge", "vllm:queue"],
    ["9lives", "", "gauge", "_9lives"],
    ["size", "constructor", "gauge", "size_constructor"],
  ] as const)("of %s in %s as a %s is %s", (name, unit, kind, expected) => {
    expect(metricNameOf(name, unit, kind)).toBe(expected);
  });

  it("isn't made of nothing", () => {
    expect(metricNameOf("", "", "other")).toBeNull();
    expect(metricNameOf("—", "", "other")).toBeNull();
  });
});

describe("a label's name in Prometheus", () => {
  it.each([
    ["http.method", "http_method"],
    ["a-b c", "a_b_c"],
    ["9", "key_9"],
    ["_private", "key_private"],
    ["__reserved__", "__reserved__"],
  ])("of %s is %s", (attribute, expected) => {
    expect(labelNameOf(attribute)).toBe(expected);
  });

  it("isn't made of nothing", () => {
    expect(["", ".", "é"].map(labelNameOf)).toEqual([null, null, null]);
  });
});
