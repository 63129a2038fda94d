/** The routes of incidents: what people are told together, and who has taken it on. */
import { z } from "zod";
import type { Planner } from "../notify/incident/planner.ts";
import type { ApiRoute } from "./routes.ts";

const prefix = "/api/v1/incidents";
const suffix = "/acknowledge";

const requestSchema = z.strictObject({
  by: z.string().trim().min(1).max(256),
  comment: z.string().trim().max(4096).default(""),
});

export function createIncidentRoutes(
  planner: Pick<Planner, "incidents" | "acknowledge">,
): ApiRoute[] {
  return [
    {
      method: "GET",
      path: prefix,
      role: "viewer",
      handle: () => ({ status: 200, body: { incidents: planner.incidents() } }),
    },
    {
      method: "POST",
      path: `${prefix}/*`,
      role: "operator",
      handle({ path, body }) {
        const subject = subjectOf(path);
        if (subject === null) return refuse(404, `send it to ${prefix}/<key>${suffix}`);
        const parsed = requestSchema.safeParse(body);
        if (!parsed.success)
          return refuse(400, 'send {"by": "…"}, who takes it on, and "comment": "…" if you like');
        const { by, comment } = parsed.data;
        const incidents = planner.acknowledge(subject, by, comment);
        return incidents
          ? { status: 200, body: { incidents } }
          : refuse(404, "no incident has that key, and no alert in one that fingerprint");
      },
    },
  ];
}

/** An incident's key or an alert's fingerprint; both are hexadecimal. */
function subjectOf(path: string): string | null {
  return /^\/api\/v1\/incidents\/([0-9a-f]{1,128})\/acknowledge$/.exec(path)?.[1] ?? null;
}

function refuse(status: number, sentence: string) {
  return { status, body: { error: sentence } };
}
