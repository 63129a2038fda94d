/** What history answers over HTTP: parameters in, JSON out, every refusal one sentence. */
import type { Clock } from "../../core/kit/clock.ts";
import { describeError, WarpwatchError } from "../../core/kit/errors.ts";
import type { History } from "./history.ts";
import type { FeatureRow } from "./job.ts";
import { parseQuery } from "./request.ts";
import { formatCursor, parseEventQuery, parseFeatureQuery } from "./years-request.ts";

export interface QueryResponse {
  readonly status: number;
  readonly body: unknown;
}

/** `{"metric", "series": [{"labels", "node", "points": [[<Unix seconds>, <value>], …]}]}`; what JSON has no number for is a text. */
export function answerQuery(
  history: Pick<History, "query">,
  clock: Clock,
  parameters: URLSearchParams,
): Promise<QueryResponse> {
  return answer(async () => {
    const query = parseQuery(parameters, clock.now());
    const series = await history.query(query);
    return {
      metric: query.matcher.metric,
      series: series.map(({ name, points }) => ({
        labels: parseLabels(name.labels),
        node: name.node,
        points: points.map(([milliseconds, value]) => [milliseconds / 1000, encodeValue(value)]),
      })),
    };
  });
}

/** `{"events": […], "next"}`, newest first; `next` asks for the page after it and is null on the last. */
export function answerEventQuery(
  history: Pick<History, "queryEvents">,
  clock: Clock,
  parameters: URLSearchParams,
): Promise<QueryResponse> {
  return answer(async () => {
    const page = await history.queryEvents(parseEventQuery(parameters, clock.now()));
    return { events: page.events, next: page.next && formatCursor(page.next) };
  });
}

/** `{"features": […], "next"}`, the oldest day first; `next` asks for the page after it and is null on the last. */
export function answerFeatureQuery(
  history: Pick<History, "queryFeatures">,
  clock: Clock,
  parameters: URLSearchParams,
): Promise<QueryResponse> {
  return answer(async () => {
    const page = await history.queryFeatures(parseFeatureQuery(parameters, clock.now()));
    return {
      features: page.rows.map(({ labels, ...row }: FeatureRow) => ({
        ...row,
        labels: parseLabels(labels),
      })),
      next: page.next === null ? null : String(page.next),
    };
  });
}

async function answer(read: () => Promise<unknown>): Promise<QueryResponse> {
  try {
    return { status: 200, body: await read() };
  } catch (thrown) {
    return { status: statusOf(thrown), body: { error: describeError(thrown) } };
  }
}

function parseLabels(labels: string): Record<string, string> {
  return JSON.parse(labels) as Record<string, string>;
}

function encodeValue(value: number): number | string {
  if (Number.isFinite(value)) return value;
  if (Number.isNaN(value)) return "NaN";
  return value > 0 ? "+Inf" : "-Inf";
}

function statusOf(thrown: unknown): number {
  const code = thrown instanceof WarpwatchError ? thrown.code : "";
  if (code === "QUERY_INVALID") return 400;
  return code === "LIMIT_REACHED" ? 422 : 503;
}
