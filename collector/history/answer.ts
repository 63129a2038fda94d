/** Queries over HTTP: parameters in, JSON out, every refusal one sentence. */
import type { Clock } from "../../core/kit/clock.ts";
import { describeError, WarpwatchError } from "../../core/kit/errors.ts";
import type { History } from "./history.ts";
import { parseQuery } from "./request.ts";

export interface QueryResponse {
  readonly status: number;
  readonly body: unknown;
}

/** `{"metric", "series": [{"labels", "node", "points": [[<Unix seconds>, <value>], …]}]}`; what JSON has no number for is a text. */
export async function answerQuery(
  history: Pick<History, "query">,
  clock: Clock,
  parameters: URLSearchParams,
): Promise<QueryResponse> {
  try {
    const query = parseQuery(parameters, clock.now());
    const series = await history.query(query);
    const body = {
      metric: query.matcher.metric,
      series: series.map(({ name, points }) => ({
        labels: JSON.parse(name.labels) as Record<string, string>,
        node: name.node,
        points: points.map(([milliseconds, value]) => [milliseconds / 1000, encodeValue(value)]),
      })),
    };
    return { status: 200, body };
  } catch (thrown) {
    return { status: statusOf(thrown), body: { error: describeError(thrown) } };
  }
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
