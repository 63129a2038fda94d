/** The parameters of a query: from the URL's text to a checked value. */
import { parseDuration } from "../../core/kit/duration.ts";
import { WarpwatchError } from "../../core/kit/errors.ts";
import { aggregates, type Aggregate } from "./buckets.ts";
import type { Matcher } from "./matcher.ts";
import type { StepRange } from "./steps.ts";

export interface RangeQuery {
  readonly matcher: Matcher;
  readonly range: StepRange;
  /** `last` where it isn't said. */
  readonly aggregate?: Aggregate;
}

const maximumPoints = 11_000;
const maximumLabels = 64;
const maximumTextLength = 1024;
const namePattern = /^[a-zA-Z_:][a-zA-Z0-9_:.]{0,255}$/;
const labelPattern = /^[a-zA-Z_][a-zA-Z0-9_]{0,127}$/;
const parameterNames = new Set(["metric", "start", "end", "step", "time", "aggregate"]);
const labelPrefix = "label.";

/** `metric`, `label.<name>` and either `start`, `end`, `step` or, for an instant, `time`. Throws QUERY_INVALID. */
export function parseQuery(parameters: URLSearchParams, nowMilliseconds: number): RangeQuery {
  const given = new Set<string>();
  for (const name of parameters.keys()) {
    if (given.has(name)) throw invalid(`${name} is there twice`);
    given.add(name);
    if (!parameterNames.has(name) && !name.startsWith(labelPrefix))
      throw invalid(`"${name.slice(0, 64)}" is not a parameter`);
  }
  const matcher = { metric: metricOf(parameters), labels: labelsOf(parameters) };
  if (!given.has("start") && !given.has("end") && !given.has("step")) {
    if (given.has("aggregate")) throw invalid("aggregate goes with start, end and step");
    const time = timeOf(parameters, "time", nowMilliseconds);
    return { matcher, range: { start: time, step: 1, points: 1 } };
  }
  if (given.has("time")) throw invalid("time doesn't go with start, end and step");
  const start = timeOf(parameters, "start", null);
  const end = timeOf(parameters, "end", nowMilliseconds);
  const step = stepOf(parameters.get("step"));
  if (end < start) throw invalid("end is before start");
  const points = Math.floor((end - start) / step) + 1;
  if (points > maximumPoints)
    throw invalid(`start, end and step make ${points} points, and ${maximumPoints} are the limit`);
  return { matcher, range: { start, step, points }, aggregate: aggregateOf(parameters) };
}

function aggregateOf(parameters: URLSearchParams): Aggregate {
  const text = parameters.get("aggregate") ?? "last";
  const found = aggregates.find((one) => one === text);
  if (!found) throw invalid(`aggregate must be one of ${aggregates.join(", ")}`);
  return found;
}

/** Unix milliseconds out of Unix seconds or RFC 3339; null when it is neither. */
export function parseTime(text: string): number | null {
  const isSeconds = /^\d{1,12}(\.\d{1,9})?$/.test(text);
  const isDate = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(text);
  const milliseconds = isSeconds ? Number(text) * 1000 : isDate ? Date.parse(text) : Number.NaN;
  return Number.isNaN(milliseconds) || milliseconds > 8.64e15 / 1000 ? null : milliseconds;
}

function metricOf(parameters: URLSearchParams): string {
  const metric = parameters.get("metric") ?? "";
  if (!namePattern.test(metric)) throw invalid("metric must be a metric's name");
  return metric;
}

function labelsOf(parameters: URLSearchParams): Record<string, string> {
  const labels: [string, string][] = [];
  for (const [name, value] of parameters) {
    if (!name.startsWith(labelPrefix)) continue;
    const label = name.slice(labelPrefix.length);
    if (!labelPattern.test(label)) throw invalid(`${name.slice(0, 64)} has no label's name`);
    if (value.length > maximumTextLength) throw invalid(`${name} is too long`);
    labels.push([label, value]);
  }
  if (labels.length > maximumLabels) throw invalid(`there are over ${maximumLabels} labels`);
  return Object.fromEntries(labels);
}

/** Unix seconds or RFC 3339, as whole microseconds. */
function timeOf(parameters: URLSearchParams, name: string, missing: number | null): number {
  const text = parameters.get(name) ?? "";
  const milliseconds = text === "" && missing !== null ? missing : parseTime(text);
  if (milliseconds === null)
    throw invalid(`${name} must be Unix seconds or a time like 2026-01-31T12:00:00Z`);
  return Math.round(milliseconds * 1000);
}

function stepOf(text: string | null): number {
  const milliseconds = /^\d{1,9}(\.\d{1,3})?$/.test(text ?? "")
    ? Number(text) * 1000
    : parseDuration(text ?? "");
  if (milliseconds === null || milliseconds < 1)
    throw invalid("step must be seconds or a duration like 15s, at least 1ms");
  return Math.round(milliseconds * 1000);
}

function invalid(sentence: string): WarpwatchError {
  return new WarpwatchError("QUERY_INVALID", sentence);
}
