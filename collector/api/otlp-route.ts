/** The route at which OpenTelemetry's exporters send metrics, where the specification has it: for the role `push`. */
import type { OtlpReceiver } from "../ingest/otlp/receiver.ts";
import type { ApiRoute } from "./routes.ts";

export function createOtlpRoute(receiver: OtlpReceiver, limitBytes: number): ApiRoute {
  return {
    method: "POST",
    path: "/v1/metrics",
    role: "push",
    rawBody: {
      limitBytes,
      refuse: (head) => receiver.refuse(head),
      ended: (head) => receiver.ended(head),
    },
    handle: ({ body, ...head }) =>
      receiver.receive({ ...head, body: Buffer.isBuffer(body) ? body : Buffer.alloc(0) }),
  };
}
