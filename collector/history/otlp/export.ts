/** OTLP out: in each endpoint's rhythm, the newest samples of every origin that the door let in. */
import { join } from "node:path";
import { self } from "../../../core/catalog/index.ts";
import type { Env } from "../../../core/kit/env.ts";
import type { Log } from "../../../core/kit/log.ts";
import type { SelfMetrics } from "../../../core/kit/self-metrics.ts";
import type { Schema } from "../../../core/wire/frame.ts";
import type { OtlpSnapshot } from "../../../core/wire/otlp-encode.ts";
import {
  otlpDrops,
  otlpOutcomes,
  startOtlpExporter,
  type OtlpExporter,
  type OtlpMeter,
} from "../../../core/wire/otlp-exporter.ts";
import type { OtlpPost } from "../../../core/wire/otlp-post.ts";
import type { OtlpQueue } from "../../../core/wire/otlp-queue.ts";
import type { OriginListener, OriginState } from "../../origin.ts";
import { createDiskQueue } from "./disk-queue.ts";
import type { OtlpExportSettings } from "./settings.ts";

export interface OtlpExport {
  readonly listener: OriginListener;
  close(): Promise<void>;
}

export interface OtlpExportOptions {
  readonly env: Env;
  readonly log: Log;
  readonly metrics: SelfMetrics;
  /** Where requests wait on disk, a folder for each endpoint that asks for it. */
  readonly folder: string;
  readonly endpoints: readonly OtlpExportSettings[];
  readonly origins: () => Iterable<OriginState>;
}

/** Throws STATE_UNUSABLE where an endpoint's authority can't be read, or its folder can't be used. */
export function startOtlpExport(options: OtlpExportOptions): OtlpExport {
  const meterOf = createMeters(options.metrics);
  const exports = options.endpoints.map((endpoint) => startEndpoint(options, endpoint, meterOf));
  return {
    listener: { frame() {}, forget: (key) => exports.forEach(({ forget }) => forget(key)) },
    close: async () => void (await Promise.all(exports.map(({ close }) => close()))),
  };
}

function startEndpoint(
  { env, log, origins, folder }: OtlpExportOptions,
  endpoint: OtlpExportSettings,
  meterOf: (store: string) => OtlpMeter,
): Pick<OtlpExporter, "close" | "forget"> {
  /** The frame of each origin that was sent last. */
  const sent = new Map<string, number>();
  const { name, bufferBytes: maximumBytes, compression } = endpoint;
  const openQueue = (post: OtlpPost): OtlpQueue =>
    createDiskQueue({ folder: join(folder, name), maximumBytes, compression, post });
  const exporter = startOtlpExporter({
    ...(maximumBytes > 0 ? { openQueue } : {}),
    env,
    log,
    endpoint,
    intervalMilliseconds: endpoint.intervalMilliseconds,
    meter: meterOf(endpoint.name),
    resourceOf,
    *snapshots() {
      for (const state of origins()) {
        if (sent.get(state.key) === state.sequence) continue;
        sent.set(state.key, state.sequence);
        yield snapshotOf(state);
      }
    },
  });
  return {
    forget(key) {
      sent.delete(key);
      exporter.forget(key);
    },
    close: () => exporter.close(),
  };
}

/** A whole frame says that all of it holds now; of a partial one each sample has its own time. */
function snapshotOf({ key, schema, values, present, times, ...state }: OriginState): OtlpSnapshot {
  return {
    key,
    schema,
    values: values.slice(),
    present: present.slice(),
    times: state.complete
      ? new Float64Array(values.length).fill(state.timeMilliseconds)
      : times.slice(),
  };
}

function resourceOf({ origin: { node, job, instance } }: Schema): Record<string, string> {
  return { "service.name": job, "service.instance.id": instance, "host.name": node };
}

function createMeters(metrics: SelfMetrics): (store: string) => OtlpMeter {
  const requests = metrics.counter(self.otlpExportRequests);
  const sent = metrics.counter(self.otlpExportPoints);
  const dropped = metrics.counter(self.otlpExportDropped);
  const queue = metrics.gauge(self.otlpExportQueueBytes);
  return (store) => {
    // A counter that is born at 1 shows no increase, so each is there from the start.
    for (const outcome of otlpOutcomes) requests.increase({ store, outcome }, 0);
    for (const reason of otlpDrops) dropped.increase({ store, reason }, 0);
    sent.increase({ store }, 0);
    return {
      request: (outcome) => requests.increase({ store, outcome }),
      sent: (points) => sent.increase({ store }, points),
      dropped: (reason, points) => dropped.increase({ store, reason }, points),
      waiting: (bytes) => queue.set({ store }, bytes),
    };
  };
}
