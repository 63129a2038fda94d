/** Rules for what GPUs are asked for: how long inference servers take, under the names that each of them exports. */
import { foreign } from "../core/catalog/index.ts";
import type { Metric } from "../core/catalog/metric.ts";
import { compare, divide, rate, value, type Expression } from "./expression.ts";
import { defineRule, type Rule } from "./rule.ts";

const minute = 60_000;
const fiveMinutes = 5 * minute;
const limitSeconds = 0.2;
const clearSeconds = 0.15;
const limit =
  "200 ms, as commonly asked of interactive inference; clears at 150 ms. The mean of five minutes, since histograms differ in their bounds: a mean that is too long means that most are.";

function mean({ sum, count }: { readonly sum: Metric; readonly count: Metric }): Expression {
  return divide(rate(value(sum), fiveMinutes), rate(value(count), fiveMinutes));
}

function slow(name: string, seconds: Expression, what: string, source: string): Rule {
  return defineRule({
    name,
    condition: compare(seconds, ">", limitSeconds, clearSeconds),
    forMilliseconds: 10 * minute,
    severity: "warning",
    component: "inference",
    team: "workload",
    comesAndGoes: true,
    summary: `${what} takes {{ value }} s on {{ node }}`,
    description:
      "In the mean of the last five minutes. Requests queue, share their GPU with more than it can do, or have become longer.",
    source: `${limit} ${source}`,
  });
}

export const vllmSlow = slow(
  "InferenceSlowVllm",
  mean(foreign.vllmFirstToken),
  "the first token of {{ model_name }}",
  "vLLM's own histogram of the time to the first token.",
);

export const tgiSlow = slow(
  "InferenceSlowTgi",
  mean(foreign.tgiRequest),
  "a request to Text Generation Inference",
  "Text Generation Inference tells no time to the first token; this is the whole request: raise the threshold where answers are long.",
);

export const tritonSlow = slow(
  "InferenceSlowTriton",
  divide(
    divide(
      rate(value(foreign.tritonRequestMicroseconds), fiveMinutes),
      rate(value(foreign.tritonSucceeded), fiveMinutes),
    ),
    1e6,
  ),
  "a request to the model {{ model }}",
  "Triton's cumulated time by its count of requests, queue included.",
);

export const generativeSlow = slow(
  "InferenceSlowGenerative",
  mean(foreign.generativeFirstToken),
  "the first token of {{ gen_ai_request_model }}",
  "OpenTelemetry's gen_ai.server.time_to_first_token, as servers push it by OTLP.",
);
