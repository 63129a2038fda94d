/** What the door lets in is kept: history on this disk, remote stores, OTLP receivers, and what Prometheus servers and OpenTelemetry's exporters send straight into both. */
import { join } from "node:path";
import { describeError, WarpwatchError } from "../../core/kit/errors.ts";
import type { SelfMetrics } from "../../core/kit/self-metrics.ts";
import type { Frame } from "../../core/wire/frame.ts";
import { createOtlpRoute } from "../api/otlp-route.ts";
import { createRemoteWriteRoute } from "../api/remote-write-route.ts";
import type { ApiRoute } from "../api/routes.ts";
import { createHistory, type History } from "../history/history.ts";
import { createHistoryListener } from "../history/listener.ts";
import { startOtlpExport } from "../history/otlp/export.ts";
import { createRemoteStores } from "../history/remote-write/store.ts";
import type { Ingest } from "../ingest/door.ts";
import { createOtlpReceiver, type OtlpReceiverOptions } from "../ingest/otlp/receiver.ts";
import {
  createRemoteWriteReceiver,
  type RemoteWriteOptions,
} from "../ingest/remote-write/receiver.ts";
import type { OriginState } from "../origin.ts";
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
  /** Settles when what the door took last is on disk, if it is to be kept. */
  readonly stored: () => Promise<void>;
  /** Of the receivers that hand history their samples themselves. */
  readonly routes: readonly ApiRoute[];
  close(): Promise<void>;
}

/** What the door lets in is kept by history and sent on to stores. */
export function openKeeping({ options, ingest, folder, boot, metrics }: KeepingParts): Keeping {
  const { env, log, config } = options;
  const remoteBoot = `${boot}-remote-write`;
  const otlpBoot = `${boot}-otlp`;
  const history = openHistory(options, join(folder, "history"), metrics);
  const kept = history && createHistoryListener(history, [remoteBoot, otlpBoot]);
  if (kept) ingest.listen(kept);
  const missing = config.history.enabled && !history ? notKept() : null;
  const stores = createRemoteStores({
    env,
    log,
    metrics,
    folder: join(folder, "remote-write"),
    stores: config.remoteWrite,
  });
  for (const listener of stores.listeners) ingest.listen(listener);
  const origins = (): Iterable<OriginState> => ingest.origins();
  const otlp = startOtlpExport({
    env,
    log,
    metrics,
    folder: join(folder, "otlp"),
    endpoints: config.otlp,
    origins,
  });
  ingest.listen(otlp.listener);
  const receiving = {
    clock: env.clock,
    log,
    metrics,
    limits: config.ingest,
    door: ingest.pushed,
    append: history ? (frame: Frame) => history.append(frame) : missing && (() => missing),
    late: (frame: Frame) => stores.listeners.forEach((store) => store.late(frame)),
    historyMilliseconds: config.history.retentionMilliseconds,
  };
  return {
    history,
    stored: () => kept?.stored ?? missing ?? Promise.resolve(),
    routes: [
      ...remoteWriteRoutes({
        ...receiving,
        boot: remoteBoot,
        settings: config.remoteWriteReceiver,
      }),
      ...otlpRoutes({ ...receiving, boot: otlpBoot, settings: config.otlpReceiver }),
    ],
    async close() {
      await Promise.all([stores.close(), otlp.close()]);
      await history?.close();
    },
  };
}

function remoteWriteRoutes(options: RemoteWriteOptions): ApiRoute[] {
  const { enabled, bodyLimitBytes } = options.settings;
  return enabled
    ? [createRemoteWriteRoute(createRemoteWriteReceiver(options), bodyLimitBytes)]
    : [];
}

function otlpRoutes(options: OtlpReceiverOptions): ApiRoute[] {
  const { enabled, bodyLimitBytes } = options.settings;
  return enabled ? [createOtlpRoute(createOtlpReceiver(options), bodyLimitBytes)] : [];
}

/** What is to be kept and can't be isn't acknowledged: its sender keeps it. Rules have judged it all the same. */
function notKept(): Promise<void> {
  const refusal = Promise.reject<void>(
    new WarpwatchError("HISTORY_FAILED", "history couldn't be opened: nothing is kept"),
  );
  refusal.catch(() => undefined);
  return refusal;
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
