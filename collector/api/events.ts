/** The newest events per node, kept in memory for the API: what happened lately, not an archive. */
import { collector } from "../../core/catalog/index.ts";
import { createBoundedQueue, type BoundedQueue } from "../../core/kit/bounds.ts";
import type { SelfMetrics } from "../../core/kit/self-metrics.ts";
import { eventKinds, type WarpwatchEvent } from "../../core/wire/event.ts";

export interface RecentEvents {
  accept(event: WarpwatchEvent): void;
  /** Newest first; of one node, or of all when the name is empty. */
  list(node: string): WarpwatchEvent[];
}

const eventsPerNode = 200;
const maximumNodes = 10_000;
const listedEvents = 1000;

export function createRecentEvents(metrics: SelfMetrics): RecentEvents {
  const nodes = new Map<string, BoundedQueue<WarpwatchEvent>>();
  const received = metrics.counter(collector.eventsReceived);
  // A counter that is born at 1 shows no increase, so each is there from the start.
  for (const kind of eventKinds) received.increase({ kind }, 0);

  function queueOf(node: string): BoundedQueue<WarpwatchEvent> {
    const known = nodes.get(node);
    if (known) return known;
    const oldest = nodes.keys().next();
    if (nodes.size >= maximumNodes && oldest.done !== true) nodes.delete(oldest.value);
    const queue = createBoundedQueue<WarpwatchEvent>(eventsPerNode);
    nodes.set(node, queue);
    return queue;
  }

  return {
    accept(event) {
      const queue = queueOf(event.node);
      // An event may come by two ways; boot and sequence name it.
      const known = queue
        .peek()
        .some((one) => one.boot === event.boot && one.sequence === event.sequence);
      if (known) return;
      received.increase({ kind: event.kind });
      queue.push(event);
    },
    list(node) {
      const queues = node === "" ? [...nodes.values()] : [nodes.get(node)];
      return queues
        .flatMap((queue) => queue?.peek() ?? [])
        .toSorted((one, other) => other.timeMilliseconds - one.timeMilliseconds)
        .slice(0, listedEvents);
    },
  };
}
