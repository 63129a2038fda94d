/** Rules for what GPUs are asked for: how long inference servers take, under the names that each of them exports. */
import { foreign } from "../core/catalog/index.ts";
import type { Metric } from "../core/catalog/metric.ts";
import {
  add,
  aggregate,
  compare,
  divide,
  multiply,
  placeLabels,
  rate,
  unless,
  value,
  type Condition,
  type Expression,
  type Selection,
} from "./expression.ts";
import { defineRule, type Rule } from "./rule.ts";

const minute = 60_000;
const fiveMinutes = 5 * minute;
const limitSeconds = 0.2;
const clearSeconds = 0.15;
/** One request in twenty: more of them slow is the same as a 95th percentile above the bound. */
const slowShare = 0.05;
const clearShare = 0.025;

const asked = "200 ms, as commonly asked of interactive inference";
const tail =
  "One request in twenty over the bound says the same as the 95th percentile being above it, and guesses nothing within a bucket; 0.01 makes it the 99th.";

interface Histogram {
  readonly bucket: Metric;
  readonly count: Metric;
}

/** The share of requests that took longer than one of the histogram's bounds. */
function slowerThan(
  { bucket, count }: Histogram,
  bound: string | { readonly matches: RegExp },
  by: readonly string[],
): Expression {
  const perSecond = (of: Selection): Expression =>
    aggregate("sum", [...placeLabels, ...by], rate(of, fiveMinutes));
  const inTime = perSecond(value(bucket, { le: bound }));
  return add(multiply(divide(inTime, perSecond(value(count))), -1), 1);
}

function overBound(share: Expression): Condition {
  return compare(share, ">", slowShare, clearShare);
}

/** Servers come and go with what is asked of them. */
function slow(rule: Pick<Rule, "name" | "condition" | "summary" | "description" | "source">): Rule {
  return defineRule({
    forMilliseconds: 10 * minute,
    severity: "warning",
    component: "inference",
    team: "workload",
    comesAndGoes: true,
    ...rule,
  });
}

const why = "Requests queue, share their GPU with more than it can do, or have become longer.";
const share = "The share of five minutes' requests that were slower than their bound.";
const quarter = "0.25";

export const vllmSlow = slow({
  name: "InferenceSlowVllm",
  condition: overBound(slowerThan(foreign.vllmFirstToken, quarter, ["model_name", "engine"])),
  summary:
    "{{ value | percent }} of requests to {{ model_name }} on {{ node }} waited over 250 ms for the first token",
  description: `${share} ${why}`,
  source: `${asked}; vLLM's histogram of the time to the first token has its nearest bound at 250 ms. ${tail}`,
});

export const tgiSlow = slow({
  name: "InferenceSlowTgi",
  condition: overBound(slowerThan(foreign.tgiQueue, { matches: /0\.2216.*/ }, [])),
  summary:
    "{{ value | percent }} of requests to Text Generation Inference on {{ node }} waited over 222 ms in the queue",
  description: `${share} Before that nobody works on them: there are more than the batches take.`,
  source: `${asked}. Text Generation Inference tells no time to the first token, and that of the whole request is the answer's length; the wait in the queue is what it tells of it, with a bound at 222 ms (0.1 ms times 1.5, nineteen times over). ${tail}`,
});

export const generativeSlow = slow({
  name: "InferenceSlowGenerative",
  condition: overBound(
    slowerThan(foreign.generativeFirstToken, quarter, [
      "gen_ai_request_model",
      "gen_ai_operation_name",
      "gen_ai_provider_name",
    ]),
  ),
  summary:
    "{{ value | percent }} of requests to {{ gen_ai_request_model }} on {{ node }} waited over 250 ms for the first token",
  description: `${share} ${why}`,
  source: `${asked}; OpenTelemetry's conventions for gen_ai.server.time_to_first_token give the histogram a bound at 250 ms. ${tail}`,
});

const tritonSlowest = divide(value(foreign.tritonRequestQuantile, { quantile: "0.95" }), 1e6);

export const tritonSlow = slow({
  name: "InferenceSlowTriton",
  condition: compare(tritonSlowest, ">", limitSeconds, clearSeconds),
  summary: "one request in twenty to {{ model }} on {{ node }} takes {{ value }} s or more",
  description: `The 95th percentile that Triton itself tells. ${why}`,
  source: `${asked}; clears at 150 ms. Triton's own summary, which it has with \`--metrics-config summary_latencies=true\`; without it InferenceMeanSlowTriton judges.`,
});

function mean(seconds: Expression, unlessTold: Condition, on: readonly string[]): Condition {
  return unless(compare(seconds, ">", limitSeconds, clearSeconds), unlessTold, on);
}

const meanSource = `${asked}; clears at 150 ms. A mean that is too long means that most are: later than a percentile would tell, and all there is without one.`;

export const tritonMeanSlow = slow({
  name: "InferenceMeanSlowTriton",
  condition: mean(
    divide(
      divide(
        rate(value(foreign.tritonRequestMicroseconds), fiveMinutes),
        rate(value(foreign.tritonSucceeded), fiveMinutes),
      ),
      1e6,
    ),
    compare(tritonSlowest, ">=", 0),
    ["instance", "model", "version"],
  ),
  summary: "a request to the model {{ model }} takes {{ value }} s in the mean on {{ node }}",
  description: `In the mean of the last five minutes, queue included. ${why}`,
  source: `${meanSource} Triton's cumulated time by its count of requests, where it has no summary.`,
});

const { sum: seconds, count: requests, bucket } = foreign.generativeFirstToken;

export const generativeMeanSlow = slow({
  name: "InferenceMeanSlowGenerative",
  condition: mean(
    divide(rate(value(seconds), fiveMinutes), rate(value(requests), fiveMinutes)),
    compare(value(bucket, { le: quarter }), ">=", 0),
    ["instance", "gen_ai_request_model"],
  ),
  summary:
    "the first token of {{ gen_ai_request_model }} takes {{ value }} s in the mean on {{ node }}",
  description: `In the mean of the last five minutes. ${why}`,
  source: `${meanSource} Only for servers whose histogram lacks the bound at 250 ms, as the SDKs' default bounds do.`,
});
