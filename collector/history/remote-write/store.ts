/**
 * Remote-write out: what the door lets in goes on to a Prometheus-compatible store, each sample once, a marker where a series
 * ends. By origin it takes one of a few shards, so that a series keeps its order while the shards don't wait for each other.
 */
import { join } from "node:path";
import { collector } from "../../../core/catalog/index.ts";
import type { Clock } from "../../../core/kit/clock.ts";
import type { Env } from "../../../core/kit/env.ts";
import type { Log } from "../../../core/kit/log.ts";
import type { SelfMetrics } from "../../../core/kit/self-metrics.ts";
import { isPresent, type Frame, type Schema } from "../../../core/wire/frame.ts";
import { encodeLabels } from "../../../core/wire/write-request-writer.ts";
import type { OriginListener, OriginState } from "../../origin.ts";
import { stalenessHigh, stalenessLow } from "../sample.ts";
import { createStorePost } from "./post.ts";
import type { RemoteStoreSettings } from "./settings.ts";
import { createShard, type Shard, type ShardMeter } from "./shard.ts";

export interface RemoteStores {
  readonly listeners: readonly RemoteStoreListener[];
  /** What wasn't sent waits on disk for the next start. */
  close(): Promise<void>;
}

export type RemoteStoreListener = OriginListener & { late(frame: Frame): void };

export interface RemoteStoresOptions {
  readonly env: Env;
  readonly log: Log;
  readonly metrics: SelfMetrics;
  /** Each store has its own within. */
  readonly folder: string;
  readonly stores: readonly RemoteStoreSettings[];
  /** How long samples gather for a batch; a second. */
  readonly gatherMilliseconds?: number;
}

interface RemoteStore {
  readonly listener: RemoteStoreListener;
  close(): Promise<void>;
}

/** How an origin stood when its last frame was sent on. */
interface Before {
  readonly schema: Schema;
  readonly times: Float64Array;
  readonly present: Uint8Array;
}

const shardCount = 4;

/** Throws where the folder can't be used. */
export function createRemoteStores(options: RemoteStoresOptions): RemoteStores {
  const meterOf = createMeters(options.metrics, options.env.clock);
  const stores = options.stores.map((settings) =>
    createRemoteStore(options, settings, meterOf(settings.name)),
  );
  return {
    listeners: stores.map(({ listener }) => listener),
    close: async () => void (await Promise.all(stores.map((store) => store.close()))),
  };
}

function createRemoteStore(
  options: RemoteStoresOptions,
  settings: RemoteStoreSettings,
  meter: ShardMeter,
): RemoteStore {
  const post = createStorePost(settings, options.env.clock);
  // What comes late may be refused by a store that takes nothing out of order: it is kept from the other samples.
  const shards = Array.from({ length: shardCount + 1 }, (_, index) =>
    createShard({
      ...options,
      folder: join(options.folder, settings.name, index === shardCount ? "late" : String(index)),
      store: settings.name,
      gatherMilliseconds: options.gatherMilliseconds ?? 1000,
      isV2: settings.protocol === "2.0",
      maximumBytes: settings.bufferBytes / (shardCount + 1),
      post,
      meter,
    }),
  );
  const origins = new Map<string, Before>();
  const labels = createLabels(settings.labels);

  function frame(state: OriginState): void {
    const shard = shards[shardOf(state.key)];
    if (!shard) return;
    const encoded = labels(state.schema);
    const known = origins.get(state.key);
    const before = known?.schema === state.schema ? known : rebind(known, state, shard);
    const words = new Int32Array(state.values.buffer, state.values.byteOffset);
    const now = Math.floor(state.timeMilliseconds);
    for (let slot = 0; slot < encoded.length; slot += 1) {
      const time = state.times[slot]!;
      if (isPresent(state.present, slot)) {
        if (time !== before.times[slot])
          shard.add(encoded[slot]!, Math.floor(time), words[slot * 2]!, words[slot * 2 + 1]!);
      } else if (isPresent(before.present, slot))
        shard.add(encoded[slot]!, now, stalenessLow, stalenessHigh);
    }
    before.times.set(state.times);
    before.present.set(state.present);
  }

  /** Series that the new schema lacks have ended; the others go on where they were. */
  function rebind(known: Before | undefined, state: OriginState, shard: Shard): Before {
    const { schema } = state;
    const length = schema.series.length;
    const times = new Float64Array(length);
    const present = new Uint8Array((length + 7) >> 3);
    const before = { schema, times, present };
    origins.set(state.key, before);
    if (!known) return before;
    const former = labels(known.schema);
    const slots = new Map(labels(schema).map((bytes, slot) => [bytes.toString("latin1"), slot]));
    former.forEach((bytes, from) => {
      if (!isPresent(known.present, from)) return;
      const slot = slots.get(bytes.toString("latin1"));
      if (slot === undefined)
        shard.add(bytes, Math.floor(state.timeMilliseconds), stalenessLow, stalenessHigh);
      else times[slot] = known.times[from]!;
    });
    return before;
  }

  function late({ schema, timestamps, values, present }: Frame): void {
    const shard = shards[shardCount];
    const encoded = labels(schema);
    const words = new Int32Array(values.buffer, values.byteOffset);
    schema.groups.forEach(({ first, length }, group) => {
      const time = Math.floor(timestamps[group] ?? 0);
      if (time <= 0) return;
      for (let slot = first; slot < first + length; slot += 1)
        if (isPresent(present, slot))
          shard?.add(encoded[slot]!, time, words[slot * 2]!, words[slot * 2 + 1]!);
    });
  }

  return {
    listener: { frame, late, forget: (key) => void origins.delete(key) },
    async close() {
      await Promise.all(shards.map((shard) => shard.close()));
      post.close();
    },
  };
}

/** A series is what it is in history: the metric's labels, the origin's `job`, `instance` and `node`; and what the store adds. */
function createLabels(added: Readonly<Record<string, string>>): (schema: Schema) => Buffer[] {
  const known = new WeakMap<Schema, Buffer[]>();
  return (schema) => {
    let encoded = known.get(schema);
    if (encoded) return encoded;
    const { job, instance, node } = schema.origin;
    encoded = schema.series.map(({ metric, values }) => {
      const own: Record<string, string> = { ...added, job, instance, node };
      metric.labels.forEach((name, index) => {
        const value = values[index] ?? "";
        if (value !== "") own[name] = value;
      });
      own["__name__"] = metric.name;
      const labels = Object.entries(own).filter(([, value]) => value !== "");
      return encodeLabels(
        labels
          .toSorted(([one], [other]) => (one < other ? -1 : 1))
          .map(([name, value]) => ({ name, value })),
      );
    });
    known.set(schema, encoded);
    return encoded;
  };
}

/** By the origin's key (FNV-1a). */
function shardOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index += 1)
    hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  return (hash >>> 0) % shardCount;
}

function createMeters(metrics: SelfMetrics, clock: Clock): (store: string) => ShardMeter {
  const requests = metrics.counter(collector.remoteStoreRequests);
  const sent = metrics.counter(collector.remoteStoreSamplesSent);
  const dropped = metrics.counter(collector.remoteStoreSamplesDropped);
  const waiting = metrics.gauge(collector.remoteStoreBufferBytes);
  const accepted = metrics.gauge(collector.remoteStoreAccepted);
  return (store) => {
    // A counter that is born at 1 shows no increase, so each is there from the start.
    for (const outcome of ["accepted", "retry", "refused"])
      requests.increase({ store, outcome }, 0);
    for (const reason of ["buffer_full", "refused", "unwritable", "unreadable"])
      dropped.increase({ store, reason }, 0);
    sent.increase({ store }, 0);
    let bytes = 0;
    return {
      request(outcome) {
        requests.increase({ store, outcome });
        if (outcome === "accepted") accepted.set({ store }, clock.now() / 1000);
      },
      sent: (samples) => sent.increase({ store }, samples),
      dropped: (reason, samples) => dropped.increase({ store, reason }, samples),
      waiting(growth) {
        bytes += growth;
        waiting.set({ store }, bytes);
      },
    };
  };
}
