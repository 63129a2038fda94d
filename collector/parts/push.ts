/** Where frames and events of other processes come in, and the newest events. */
import type { SelfMetrics } from "../../core/kit/self-metrics.ts";
import type { WarpwatchEvent } from "../../core/wire/event.ts";
import { createRecentEvents } from "../api/events.ts";
import type { History } from "../history/history.ts";
import type { Ingest } from "../ingest/door.ts";
import { createPushDoor } from "../ingest/push/door.ts";
import type { CollectorOptions } from "./options.ts";

/** Read again at a start, for the API. */
const recentEvents = 5000;

interface PushOptions {
  readonly options: CollectorOptions;
  readonly ingest: Ingest;
  readonly history: History | null;
  readonly stored: () => Promise<void>;
  readonly metrics: SelfMetrics;
}

/** Where frames and events of other processes come in, and the newest events. */
export function openPush({ options, ingest, history, stored, metrics }: PushOptions) {
  const events = createRecentEvents(metrics);
  for (const event of history?.events.recent(recentEvents) ?? []) events.accept(event);
  const keepEvents = (reported: readonly WarpwatchEvent[]): void => {
    for (const event of reported) events.accept(event);
    history?.events.add(reported);
  };
  const push = createPushDoor({
    clock: options.env.clock,
    log: options.log,
    metrics,
    ingest,
    origins: options.config.ingest.origins,
    seriesPerOrigin: options.config.ingest.seriesPerOrigin,
    stored,
    keepEvents,
  });
  return { events, push, keepEvents };
}
