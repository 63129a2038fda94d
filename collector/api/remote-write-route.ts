/** The route at which Prometheus writes, where its own receiver has it: for the role `push`. */
import type { RemoteWriteReceiver } from "../ingest/remote-write/receiver.ts";
import type { ApiRoute } from "./routes.ts";

export function createRemoteWriteRoute(
  receiver: RemoteWriteReceiver,
  limitBytes: number,
): ApiRoute {
  return {
    method: "POST",
    path: "/api/v1/write",
    role: "push",
    rawBody: {
      limitBytes,
      refuse: ({ headers }) => receiver.refuse(headers),
      ended: ({ headers }) => receiver.ended(headers),
    },
    handle: ({ headers, body }) =>
      receiver.receive({ headers, body: Buffer.isBuffer(body) ? body : Buffer.alloc(0) }),
  };
}
