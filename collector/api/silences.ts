/** Silences by Alertmanager's API v2 (its api/v2/openapi.yaml), so that amtool, Karma and Grafana work with the collector as well. */
import { z } from "zod";
import type { Alert } from "../state/alert.ts";
import type { Silence } from "../state/silences.ts";
import { compileMatchers } from "../notify/mute/matcher.ts";
import type { SilenceState, Silences } from "../notify/mute/silences.ts";
import { byFilters, createFilter } from "./matcher-filter.ts";
import type { ApiAnswer, ApiRoute } from "./routes.ts";

export interface SilenceParts {
  readonly silences: Silences;
  /** Those that are pending or firing. */
  readonly alerts: () => readonly Alert[];
}

const time = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));
const requestSchema = z.object({
  id: z.string().max(64).default(""),
  matchers: z
    .array(
      z.object({
        name: z.string().min(1),
        value: z.string(),
        isRegex: z.boolean().default(false),
        isEqual: z.boolean().default(true),
      }),
    )
    .min(1),
  startsAt: time,
  endsAt: time,
  createdBy: z.string().max(256),
  comment: z.string().max(4096),
});
const prefix = "/api/v2/silence/";

export function createSilenceRoutes(parts: SilenceParts): ApiRoute[] {
  const { silences } = parts;
  return [
    {
      method: "GET",
      path: "/api/v2/silences",
      role: "viewer",
      handle: ({ query }) => list(silences, query),
    },
    {
      method: "POST",
      path: "/api/v2/silences",
      role: "operator",
      handle: ({ body, remoteAddress }) => set(parts, body, remoteAddress),
    },
    {
      method: "GET",
      path: `${prefix}*`,
      role: "viewer",
      handle({ path }) {
        const silence = silences.get(idOf(path));
        return silence ? json(200, describe(silences, silence)) : json(404, "no such silence");
      },
    },
    {
      method: "DELETE",
      path: `${prefix}*`,
      role: "operator",
      handle({ path, query, remoteAddress }) {
        const id = idOf(path);
        const actor = (query.get("by") ?? "").trim().slice(0, 256) || "not named";
        if (silences.expire(id, { actor, from: remoteAddress })) return { status: 200, body: "" };
        return json(404, silences.get(id) ? "that silence is over already" : "no such silence");
      },
    },
  ];
}

function list(silences: Silences, query: URLSearchParams): ApiAnswer {
  return byFilters(query, (filters) => {
    const matches = createFilter(filters);
    const found = silences
      .list()
      .filter(({ matchers }) =>
        matches(Object.fromEntries(matchers.map(({ name, value }) => [name, value]))),
      );
    const inState = (state: SilenceState): Silence[] =>
      found
        .filter((silence) => silences.stateOf(silence) === state)
        .toSorted((one, other) => one.endsAtMilliseconds - other.endsAtMilliseconds);
    const sorted = [
      ...inState("active"),
      ...inState("pending"),
      ...inState("expired").toReversed(),
    ];
    return json(
      200,
      sorted.map((silence) => describe(silences, silence)),
    );
  });
}

function set({ silences, alerts }: SilenceParts, body: unknown, from: string): ApiAnswer {
  const parsed = requestSchema.safeParse(body);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return json(400, `${issue?.path.join(".") ?? "the body"}: ${issue?.message ?? "is malformed"}`);
  }
  const { startsAt, endsAt, ...rest } = parsed.data;
  const request = { ...rest, startsAtMilliseconds: startsAt, endsAtMilliseconds: endsAt };
  const made = silences.set(request, from);
  if ("status" in made) return json(made.status, made.sentence);
  const { matches } = compileMatchers(made.matchers);
  const matching = alerts().filter(({ labels }) => matches(labels)).length;
  const note = matching === 0 ? { note: "no alert that is open now matches" } : {};
  return json(200, { silenceID: made.id, matching, ...note });
}

function describe(silences: Silences, silence: Silence): object {
  return {
    id: silence.id,
    status: { state: silences.stateOf(silence) },
    updatedAt: new Date(silence.updatedAtMilliseconds).toISOString(),
    matchers: silence.matchers,
    startsAt: new Date(silence.startsAtMilliseconds).toISOString(),
    endsAt: new Date(silence.endsAtMilliseconds).toISOString(),
    createdBy: silence.createdBy,
    comment: silence.comment,
  };
}

function idOf(path: string): string {
  return path.slice(prefix.length);
}

/** Alertmanager's errors are a JSON text. */
function json(status: number, body: unknown): ApiAnswer {
  return {
    status,
    headers: { "content-type": "application/json; charset=utf-8" },
    body: JSON.stringify(body),
  };
}
