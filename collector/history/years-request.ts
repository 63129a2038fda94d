/** What may be asked of events and daily features: from the URL's text to a checked value. */
import { WarpwatchError } from "../../core/kit/errors.ts";
import { eventKinds } from "../../core/wire/event.ts";
import type { EventCursor, EventQuery } from "./event-query.ts";
import { dayOf } from "./feature-days.ts";
import type { FeatureQuery } from "./feature-query.ts";
import { parseTime } from "./request.ts";

const dayMilliseconds = 86_400_000;
const maximumTextLength = 1024;
const maximumEvents = 10_000;
const maximumRows = 20_000;
const defaultLimit = 1000;
const eventParameters = ["from", "to", "node", "device", "kind", "limit", "next"];
const featureParameters = ["from", "to", "node", "device", "metric", "limit", "next"];

/** Without `from` the last day. Throws QUERY_INVALID. */
export function parseEventQuery(parameters: URLSearchParams, now: number): EventQuery {
  checkNames(parameters, eventParameters);
  const kind = textOf(parameters, "kind");
  if (kind !== "" && !eventKinds.some((one) => one === kind))
    throw invalid(`kind must be one of ${eventKinds.join(", ")}`);
  // What happened in this millisecond counts too.
  const to = timeOf(parameters, "to", now + 1);
  return {
    ...rangeOf(timeOf(parameters, "from", to - dayMilliseconds), to),
    node: textOf(parameters, "node"),
    device: textOf(parameters, "device"),
    kind,
    limit: limitOf(parameters, maximumEvents),
    before: cursorOf(parameters),
  };
}

/** Without `from` the last 30 days. Throws QUERY_INVALID. */
export function parseFeatureQuery(parameters: URLSearchParams, now: number): FeatureQuery {
  checkNames(parameters, featureParameters);
  const to = timeOf(parameters, "to", now);
  const range = rangeOf(timeOf(parameters, "from", to - 30 * dayMilliseconds), to);
  const next = textOf(parameters, "next");
  if (!/^\d{0,9}$/.test(next)) throw invalid("next must be what the page before gave");
  return {
    from: dayOf(range.from),
    to: dayOf(range.to),
    node: textOf(parameters, "node"),
    device: textOf(parameters, "device"),
    metric: textOf(parameters, "metric"),
    limit: limitOf(parameters, maximumRows),
    skip: Number(next),
  };
}

/** As a page gives it to ask for the next one. */
export function formatCursor({ time, id }: EventCursor): string {
  return `${time}-${id}`;
}

function cursorOf(parameters: URLSearchParams): EventCursor | null {
  const text = textOf(parameters, "next");
  if (text === "") return null;
  const found = /^(-?\d{1,16}(?:\.\d{1,16})?)-(\d{1,15})$/.exec(text);
  if (!found) throw invalid("next must be what the page before gave");
  return { time: Number(found[1]), id: Number(found[2]) };
}

function checkNames(parameters: URLSearchParams, names: readonly string[]): void {
  const given = new Set<string>();
  for (const name of parameters.keys()) {
    if (given.has(name)) throw invalid(`${name.slice(0, 64)} is there twice`);
    given.add(name);
    if (!names.includes(name)) throw invalid(`"${name.slice(0, 64)}" is not a parameter`);
  }
}

function rangeOf(from: number, to: number): { readonly from: number; readonly to: number } {
  if (to < from) throw invalid("to is before from");
  return { from, to };
}

/** A date is the beginning of its day, in UTC. */
function timeOf(parameters: URLSearchParams, name: string, missing: number): number {
  const text = parameters.get(name) ?? "";
  if (text === "") return missing;
  const time = parseTime(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text);
  if (time !== null) return time;
  throw invalid(`${name} must be Unix seconds, a date or a time like 2026-01-31T12:00:00Z`);
}

function textOf(parameters: URLSearchParams, name: string): string {
  const text = parameters.get(name) ?? "";
  if (text.length > maximumTextLength) throw invalid(`${name} is too long`);
  return text;
}

function limitOf(parameters: URLSearchParams, maximum: number): number {
  const text = parameters.get("limit") ?? "";
  if (text === "") return Math.min(defaultLimit, maximum);
  const limit = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > maximum) throw invalid(`limit must be 1 to ${maximum}`);
  return limit;
}

function invalid(sentence: string): WarpwatchError {
  return new WarpwatchError("QUERY_INVALID", sentence);
}
