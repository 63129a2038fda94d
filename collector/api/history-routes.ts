/** Routes of what is kept: samples, events and daily features. */
import type { Clock } from "../../core/kit/clock.ts";
import { answerEventQuery, answerFeatureQuery, answerQuery } from "../history/answer.ts";
import type { History } from "../history/history.ts";
import type { RecentEvents } from "./events.ts";
import type { ApiAnswer, ApiRoute } from "./routes.ts";

export interface HistoryParts {
  readonly clock: Clock;
  readonly events: RecentEvents;
  /** null when none is kept. */
  readonly history: Pick<History, "query" | "queryEvents" | "queryFeatures"> | null;
}

export function createHistoryRoutes({ clock, events, history }: HistoryParts): ApiRoute[] {
  const kept = (path: string, ask: typeof answerQuery | typeof answerFeatureQuery): ApiRoute =>
    read(path, (query) => (history ? ask(history, clock, query) : nothingKept));
  return [
    // The first takes `start`, `end` and `step`, the second `time`.
    kept("query_range", answerQuery),
    kept("query", answerQuery),
    kept("features", answerFeatureQuery),
    read("events", (query) => {
      // Without a range it is what happened lately, which there is without history too.
      const asked = [...query.keys()].some((name) => name !== "node");
      if (!asked) return { status: 200, body: { events: events.list(query.get("node") ?? "") } };
      return history ? answerEventQuery(history, clock, query) : nothingKept;
    }),
  ];
}

const nothingKept: ApiAnswer = {
  status: 503,
  body: { error: "no history is kept here: see `history` in docs/configuration.md" },
};

function read(
  path: string,
  handle: (query: URLSearchParams) => ApiAnswer | Promise<ApiAnswer>,
): ApiRoute {
  return {
    method: "GET",
    path: `/api/v1/${path}`,
    role: "viewer",
    handle: ({ query }) => handle(query),
  };
}
