/**
 * How an agent sends to a collector over HTTP: what both sides have to spell alike. docs/push.md tells the protocol whole.
 *
 *     POST /api/v1/frames   body: messages of frame-codec.ts, one stream per session; a request continues the one before
 *     POST /api/v1/events   body: lines of event-codec.ts
 *     200                   all that the request held is settled: on disk, known already, or refused by a limit and counted
 *     409                   the collector hasn't got the session: send schema and whole column again
 *     429, 503              with Retry-After: nothing of the request is settled, send it again later
 */

export const framesPath = "/api/v1/frames";
export const eventsPath = "/api/v1/events";

export const pushHeaders = {
  /** The origin's `instance`, percent-encoded: whose budget pays, asked before the body is read. */
  agent: "warpwatch-agent",
  /** Changes when the sending process starts. With `agent` and `lane` it names the session. */
  boot: "warpwatch-boot",
  /** `live`, or `replay` for frames that waited out an outage: they are kept, and nobody is paged for them. */
  lane: "warpwatch-lane",
} as const;

export type PushLane = "live" | "replay";

export const pushLimits = {
  /** Of one request as it is sent, and unpacked. */
  bodyBytes: 4 * 1024 * 1024,
  unpackedBytes: 16 * 1024 * 1024,
  framesPerRequest: 64,
  eventsPerRequest: 500,
} as const;

/** What a 200 says. */
export interface PushAnswer {
  /** Sequence of the last frame or event in the request. */
  readonly acknowledged: number;
  /** Of those, how many a limit refused for good. */
  readonly refused: number;
}
