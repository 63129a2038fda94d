/** Routes of planned removals: what was taken out on purpose. For an operator, since it silences. */
import { z } from "zod";
import type { Fleet } from "../fleet/fleet.ts";
import type { AuditEntry } from "../state/audit.ts";
import type { ApiAnswer, ApiRoute } from "./routes.ts";

export interface RemovalParts {
  readonly fleet: Pick<Fleet, "planRemoval" | "cancelRemoval" | "removals">;
  /** The audit log's entry of what the fleet does next, on disk together with it; null takes it back. */
  readonly announceAction: (entry: AuditEntry | null) => void;
}

interface Action {
  readonly action: "removal planned" | "removal cancelled";
  readonly node: string;
  readonly device: string | null;
  readonly by: string;
  readonly from: string;
}

const name = z.string().min(1).max(253);
const person = z.string().trim().max(256);
const removalSchema = z.strictObject({
  node: name,
  device: name.optional(),
  by: person.default(""),
});

export function createRemovalRoutes({ fleet, announceAction }: RemovalParts): ApiRoute[] {
  const path = "/api/v1/removals";
  const role = "operator";

  /** Answers with all removals, or null when nothing was done. */
  function run(action: Action, work: () => boolean): object | null {
    announceAction(entryOf(action));
    const done = work();
    if (done) return { removals: fleet.removals() };
    announceAction(null);
    return null;
  }

  return [
    {
      method: "POST",
      path,
      role,
      handle({ body, remoteAddress: from }) {
        const parsed = removalSchema.safeParse(body);
        if (!parsed.success)
          return refuse(
            400,
            'send {"node": "…"} and, for one device of it, "device": "…"; "by": "…" names you in the audit log',
          );
        const { node, device = null, by } = parsed.data;
        const planned = run({ action: "removal planned", node, device, by, from }, () =>
          fleet.planRemoval(node, device),
        );
        return planned
          ? { status: 201, body: planned }
          : refuse(409, "there are too many planned removals: cancel some");
      },
    },
    {
      method: "DELETE",
      path,
      role,
      handle({ query, remoteAddress: from }) {
        const node = query.get("node") ?? "";
        const device = query.get("device");
        const by = (query.get("by") ?? "").trim().slice(0, 256);
        const cancelled = run({ action: "removal cancelled", node, device, by, from }, () =>
          fleet.cancelRemoval(node, device),
        );
        return cancelled
          ? { status: 200, body: cancelled }
          : refuse(404, "no such removal is planned");
      },
    },
  ];
}

function entryOf({ action, node, device, by, from }: Action): AuditEntry {
  return {
    kind: "action",
    actor: by || "not named",
    subject: node,
    details: { action, ...(device === null ? {} : { device }), from },
  };
}

function refuse(status: number, sentence: string): ApiAnswer {
  return { status, body: { error: sentence } };
}
