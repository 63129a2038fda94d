/** The agent's way out to a collector: a lane for frames, one for events, the spool, and what they say of themselves. */
import { self } from "../../core/catalog/index.ts";
import type { Env } from "../../core/kit/env.ts";
import type { Log } from "../../core/kit/log.ts";
import type { ClientTlsSettings } from "../../core/kit/tls-files.ts";
import type { FrameSink } from "../../core/wire/frame.ts";
import type { EventReceiver } from "../events.ts";
import type { AgentReading } from "../sampler-frame.ts";
import { createPushClient } from "./client.ts";
import { createComplaints } from "./complaints.ts";
import { createEventsLane } from "./events-lane.ts";
import { createFramesLane, type FrameDrop } from "./frames-lane.ts";
import { createRetry } from "./retry.ts";
import { openSpool, type SpoolDrop } from "./spool.ts";

export interface PushConfig {
  readonly url: URL;
  readonly tokenFile: string;
  /** Who vouches for the collector, and who the agent is. */
  readonly tls: ClientTlsSettings;
  readonly spoolFolder: string;
  /** 0: there is no spool. */
  readonly spoolBytes: number;
}

export interface Pusher {
  readonly frames: FrameSink;
  readonly events: EventReceiver;
  readonly readings: readonly AgentReading[];
  stop(): Promise<void>;
}

export interface PusherOptions {
  readonly config: PushConfig;
  readonly env: Env;
  readonly log: Log;
  /** The agent's own: events are sent under its name. */
  readonly instance: string;
}

const dropReasons = [
  "disk_full",
  "memory_full",
  "refused",
  "spool_full",
  "unreadable",
  "write_failed",
] as const satisfies (FrameDrop | SpoolDrop)[];

/** Throws STATE_UNUSABLE where the token or the spool's folder can't be used, TLS_UNUSABLE for certificates. */
export function startPusher({ config, env, log, instance }: PusherOptions): Pusher {
  const { clock, randomId } = env;
  const boot = randomId();
  const dropped = new Map<string, number>();
  let droppedEvents = 0;
  const losses = createComplaints(clock, log, "some frames were dropped, others");
  const onDrop = (reason: FrameDrop | SpoolDrop, frames: number, sentence: string): void => {
    dropped.set(reason, (dropped.get(reason) ?? 0) + frames);
    losses.failed("LIMIT_REACHED", sentence);
  };
  const client = createPushClient({
    ...config,
    clock,
    onError: (sentence) => log.error(`the certificates for pushing stay as they were: ${sentence}`),
  });
  const { spoolFolder: folder, spoolBytes: maximumBytes } = config;
  const spool = maximumBytes > 0 ? openSpool({ folder, maximumBytes, clock, onDrop }) : null;
  const frames = createFramesLane({
    post: client.post,
    clock,
    boot,
    spool,
    retries: { live: createRetry(clock, randomId), replay: createRetry(clock, randomId) },
    complaints: createComplaints(clock, log, "frames for the collector"),
    onDrop,
  });
  const events = createEventsLane({
    post: client.post,
    clock,
    instance,
    boot,
    folder: spool ? folder : "",
    retry: createRetry(clock, randomId),
    complaints: createComplaints(clock, log, "events for the collector"),
    onDrop(count, sentence) {
      droppedEvents += count;
      losses.failed("LIMIT_REACHED", sentence);
    },
  });
  log.info("the agent sends to the collector", {
    collector: config.url.host,
    spooled: spool?.frames ?? 0,
  });
  return {
    frames,
    events,
    readings: [
      { metric: self.pushAcknowledged, values: [], read: () => frames.acknowledged },
      { metric: self.pushFailures, values: [], read: () => frames.failures },
      { metric: self.pushBehind, values: [], read: () => frames.behindMilliseconds / 1000 },
      { metric: self.pushSpooledFrames, values: [], read: () => spool?.frames ?? 0 },
      { metric: self.pushSpoolBytes, values: [], read: () => spool?.bytes ?? 0 },
      { metric: self.pushWaitingEvents, values: [], read: () => events.waiting },
      { metric: self.pushDroppedEvents, values: [], read: () => droppedEvents },
      ...dropReasons.map((reason): AgentReading => ({
        metric: self.pushDroppedFrames,
        values: [reason],
        read: () => dropped.get(reason) ?? 0,
      })),
    ],
    async stop() {
      await Promise.all([frames.stop(), events.stop()]);
      client.close();
    },
  };
}
