/** `filter` of Alertmanager's API: matchers, given once or several times, all of which must match. */
import { WarpwatchError } from "../../core/kit/errors.ts";
import {
  compileMatchers,
  maximumMatchers,
  parseMatcher,
  type Labels,
} from "../notify/mute/matcher.ts";
import type { SilenceMatcher } from "../state/silences.ts";
import type { ApiAnswer } from "./routes.ts";

export function createFilter(filters: readonly SilenceMatcher[]): (labels: Labels) => boolean {
  return compileMatchers(filters).matches;
}

/** Answers 400 when a filter can't be read. */
export function byFilters(
  query: URLSearchParams,
  answer: (filters: readonly SilenceMatcher[]) => ApiAnswer,
): ApiAnswer {
  try {
    return answer(query.getAll("filter").slice(0, maximumMatchers).map(parseMatcher));
  } catch (thrown) {
    if (!(thrown instanceof WarpwatchError)) throw thrown;
    return {
      status: 400,
      headers: { "content-type": "application/json; charset=utf-8" },
      body: JSON.stringify(thrown.message),
    };
  }
}
