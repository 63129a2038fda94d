/** What an agent and its probe say to each other over the channel between them, one structured clone a message. */
import type { ProbeValue } from "./probe.ts";

/** To the child. The next one is sent when the child has replied to this one. */
export interface ProbeRequest {
  readonly id: number;
  readonly call: string;
  readonly key: string;
  readonly argument: ProbeValue;
}

/**
 * To the agent. `ready` once, when requests may come. `pending` says that the call went on without holding up the child's
 * loop; its answer follows. A request that gets neither that nor its answer holds the loop.
 */
export type ProbeReply =
  | { readonly kind: "ready" }
  | { readonly kind: "pending"; readonly id: number }
  | { readonly kind: "answer"; readonly id: number; readonly value: ProbeValue }
  | { readonly kind: "failed"; readonly id: number; readonly sentence: string };
