/** What the door lets in is kept: history on this disk, remote stores, and what other Prometheus servers send straight into both. */
import { join } from "node:path";
import { describeError } from "../../core/kit/errors.ts";
import type { SelfMetrics } from "../../core/kit/self-metrics.ts";
import { createRemoteWriteRoute } from "../api/remote-write-route.ts";
import type { ApiRoute } from "../api/routes.ts";
import { createHistory, type History } from "../history/history.ts";
import { createHistoryListener, type HistoryListener } from "../history/listener.ts";
import { createRemoteStores } from "../history/remote-write/store.ts";
import type { Ingest } from "../ingest/door.ts";
import { createRemoteWriteReceiver } from "../ingest/remote-write/receiver.ts";
import type { CollectorOptions } from "./options.ts";

interface KeepingParts {
  readonly options: CollectorOptions;
  readonly ingest: Ingest;
  readonly folder: string;
  readonly boot: string;
  readonly metrics: SelfMetrics;
}

interface Keeping {
  readonly history: History | null;
  readonly kept: HistoryListener | null;
  /** Of the remote-write receiver, which hands history its samples itself. */
  readonly routes: readonly ApiRoute[];
  close(): Promise<void>;
}

/** What the door lets in is kept by history and sent on to stores. */
export function openKeeping({ options, ingest, folder, boot, metrics }: KeepingParts): Keeping {
  const { env, log, config } = options;
  const remoteBoot = `${boot}-remote-write`;
  const history = openHistory(options, join(folder, "history"), metrics);
  const kept = history && createHistoryListener(history, remoteBoot);
  if (kept) ingest.listen(kept);
  const stores = createRemoteStores({
    env,
    log,
    metrics,
    folder: join(folder, "remote-write"),
    stores: config.remoteWrite,
  });
  for (const listener of stores.listeners) ingest.listen(listener);
  const settings = config.remoteWriteReceiver;
  const receiver = createRemoteWriteReceiver({
    clock: env.clock,
    log,
    metrics,
    settings,
    limits: config.ingest,
    door: ingest,
    boot: remoteBoot,
    append: history && ((frame) => history.append(frame)),
    late: (frame) => stores.listeners.forEach((store) => store.late(frame)),
    historyMilliseconds: config.history.retentionMilliseconds,
  });
  return {
    history,
    kept,
    routes: settings.enabled ? [createRemoteWriteRoute(receiver, settings.bodyLimitBytes)] : [],
    async close() {
      await stores.close();
      await history?.close();
    },
  };
}

/** Alerts don't wait for history: a collector that can't have it says so and goes on without. */
function openHistory(
  { env, log, config }: CollectorOptions,
  folder: string,
  metrics: SelfMetrics,
): History | null {
  if (!config.history.enabled) return null;
  try {
    return createHistory({ ...config.history, folder, env, log, metrics });
  } catch (thrown) {
    log.error(`nothing is kept for history: ${describeError(thrown)}`);
    return null;
  }
}
