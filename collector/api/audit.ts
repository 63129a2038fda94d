/** Routes of the audit log: what was done, newest first, and whether the log is as it was written. */
import type { Clock } from "../../core/kit/clock.ts";
import { auditKinds, type AuditHead, type AuditReader } from "../state/audit.ts";
import type { ApiAnswer, ApiRoute } from "./routes.ts";
import { parseMoment } from "./time-parameter.ts";

export interface AuditParts {
  readonly clock: Clock;
  readonly audit: AuditReader;
  /** True while the disk can't be written: what is new is in memory then, apart from the log. */
  readonly isApart: () => boolean;
}

const defaultLimit = 100;
const maximumLimit = 1000;

export function createAuditRoutes({ clock, audit, isApart }: AuditParts): ApiRoute[] {
  /** It reads the whole log: one at a time. */
  let verifying = false;
  return [
    {
      method: "GET",
      path: "/api/v1/audit",
      role: "viewer",
      handle: ({ query }) => list(audit, query, clock.now()),
    },
    {
      method: "GET",
      path: "/api/v1/audit/verify",
      role: "viewer",
      async handle({ query }) {
        const kept = parseAuditHead(query.get("head") ?? "");
        if (kept === null)
          return refuse(400, "head must be <sequence>:<hash>, as GET /api/v1/audit gives it");
        if (isApart())
          return refuse(503, "the disk can't be written, and what is new is apart from the log");
        if (verifying)
          return refuse(429, "the log is being verified already: ask again in a while");
        verifying = true;
        try {
          return { status: 200, body: await audit.verify(kept) };
        } finally {
          verifying = false;
        }
      },
    },
  ];
}

/** `<sequence>:<hash>`; undefined when the text is empty, null when it is something else. */
export function parseAuditHead(text: string): AuditHead | null | undefined {
  if (text === "") return undefined;
  const match = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text);
  return match ? { sequence: Number(match[1]), hash: match[2] ?? "" } : null;
}

function list(audit: AuditReader, query: URLSearchParams, now: number): ApiAnswer {
  const since = query.get("since");
  const sinceMilliseconds = since === null ? 0 : parseMoment(since, now);
  if (sinceMilliseconds === null)
    return refuse(
      400,
      "since must be a duration as 1d, a time as 2026-01-31T12:00:00Z, or Unix seconds",
    );
  const kind = query.get("kind") ?? "";
  if (kind !== "" && !auditKinds.some((known) => known === kind))
    return refuse(400, `kind must be one of ${auditKinds.join(", ")}`);
  const limit = numberOf(query.get("limit"), defaultLimit);
  const before = numberOf(query.get("before"), 0);
  if (limit === null || limit < 1 || limit > maximumLimit)
    return refuse(400, `limit must be 1 to ${maximumLimit}`);
  if (before === null) return refuse(400, "before must be an entry's sequence");
  const entries = audit.list({ sinceMilliseconds, kind, before, limit });
  return { status: 200, body: { entries, head: audit.head() } };
}

function numberOf(text: string | null, standIn: number): number | null {
  if (text === null) return standIn;
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function refuse(status: number, sentence: string): ApiAnswer {
  return { status, body: { error: sentence } };
}
