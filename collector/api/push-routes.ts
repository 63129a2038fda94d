/** The routes by which agents push frames and events: for the role `push`, read only once they are found affordable. */
import { eventsPath, framesPath, pushLimits } from "../../core/wire/push.ts";
import type { PushDoor, PushKind, PushReply, PushRequest } from "../ingest/push/door.ts";
import type { ApiRoute } from "./routes.ts";

export function createPushRoutes(door: PushDoor): ApiRoute[] {
  const route = (
    path: string,
    kind: PushKind,
    take: (request: PushRequest) => Promise<PushReply>,
  ): ApiRoute => ({
    method: "POST",
    path,
    role: "push",
    rawBody: {
      limitBytes: pushLimits.bodyBytes,
      refuse: (head) => door.refuse(kind, head),
      ended: (head) => door.ended(kind, head),
    },
    handle: ({ headers, body }) =>
      take({ headers, body: Buffer.isBuffer(body) ? body : Buffer.alloc(0) }),
  });
  return [
    route(framesPath, "frames", (request) => door.frames(request)),
    route(eventsPath, "events", (request) => door.events(request)),
  ];
}
