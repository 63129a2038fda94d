/**
 * Frames on their way to the collector: the newest first and in order; what can't be sent within ten seconds goes to the
 * spool, and from there, once the live frames flow again, at no more than four times their rate.
 */
import type { Clock } from "../../core/kit/clock.ts";
import { createFrameEncoder, type FrameEncoder } from "../../core/wire/frame-codec.ts";
import { describeError } from "../../core/kit/errors.ts";
import type { Frame, FrameSink } from "../../core/wire/frame.ts";
import { framesPath, pushHeaders, pushLimits, type PushLane } from "../../core/wire/push.ts";
import { packBody } from "./body.ts";
import type { Post, PushResult } from "./client.ts";
import type { Complaints } from "./complaints.ts";
import { copyFrame, frameBytes } from "./frame-copy.ts";
import type { Retry } from "./retry.ts";
import type { Spool } from "./spool.ts";

export type FrameDrop = "memory_full" | "refused";

export interface FramesLane extends FrameSink {
  readonly waiting: number;
  readonly acknowledged: number;
  readonly failures: number;
  /** Milliseconds since the oldest frame in memory was made. */
  readonly behindMilliseconds: number;
  /** What isn't settled goes to the spool. */
  stop(): Promise<void>;
}

export interface FramesLaneOptions {
  readonly post: Post;
  readonly clock: Clock;
  /** Names this run of the agent, whatever frames it sends. */
  readonly boot: string;
  readonly spool: Spool | null;
  /** One per lane: what is asked of a replay doesn't hold up the live frames. */
  readonly retries: Readonly<Record<PushLane, Retry>>;
  readonly complaints: Complaints;
  readonly onDrop: (reason: FrameDrop, frames: number, sentence: string) => void;
}

interface Waiting {
  readonly frame: Frame;
  readonly since: number;
}

interface Batch {
  readonly lane: PushLane;
  readonly frames: readonly Frame[];
}

const liveMilliseconds = 10_000;
const maximumBytes = 8 * 1024 * 1024;
const replayPerLive = 4;
/** Bodies stay well below what the collector takes. */
const batchBytes = pushLimits.bodyBytes / 2;
const graceMilliseconds = 2000;

export function createFramesLane(options: FramesLaneOptions): FramesLane {
  const { clock, spool, retries, complaints, onDrop } = options;
  const encoders: Record<PushLane, FrameEncoder> = {
    live: createFrameEncoder(),
    replay: createFrameEncoder(),
  };
  const queue: Waiting[] = [];
  /** How many at the head of the queue are on their way. */
  let inFlight = 0;
  let queuedBytes = 0;
  const sending: Record<PushLane, Promise<void> | null> = { live: null, replay: null };
  let replayCredit = 0;
  let acknowledged = 0;
  let failures = 0;
  /** The next request of the lane begins with the schema: what is refused then is refused for good. */
  const isWhole: Record<PushLane, boolean> = { live: true, replay: true };
  let batchFrames: number = pushLimits.framesPerRequest;
  let stopped = false;

  /** Takes those out that wait too long, or find no room, oldest first; what is on its way stays. */
  function spill(): void {
    const now = clock.monotonic();
    while (queue.length > inFlight) {
      const oldest = queue[inFlight];
      if (!oldest) return;
      const isOld = now - oldest.since > liveMilliseconds && queue.length - inFlight > 1;
      if (!isOld && queuedBytes <= maximumBytes) return;
      queue.splice(inFlight, 1);
      queuedBytes -= frameBytes(oldest.frame);
      if (spool) spool.append(oldest.frame);
      else onDrop("memory_full", 1, "there is no spool: the oldest frames are dropped");
    }
  }

  function pump(): void {
    if (isFree("live") && queue.length > 0) sending.live = run("live", liveBatch());
    if (isFree("replay") && spool && spool.frames > 0 && replayCredit >= 1)
      sending.replay = run("replay", replayBatch(spool));
  }

  function isFree(lane: PushLane): boolean {
    return !stopped && sending[lane] === null && !retries[lane].waiting;
  }

  async function run(lane: PushLane, next: Batch | Promise<Batch | null>): Promise<void> {
    let goOn = false;
    try {
      const batch = await next;
      const outcome = batch ? conclude(batch, await send(batch)) : "wait";
      goOn = outcome !== "wait";
      if (lane === "replay" && outcome === "done") await spool?.settle();
      else if (lane === "replay") spool?.rewind();
    } catch (thrown) {
      failed(lane, null, `what waits can't be read: ${describeError(thrown)}`);
    } finally {
      if (lane === "live") inFlight = 0;
      sending[lane] = null;
    }
    if (goOn) pump();
  }

  function liveBatch(): Batch {
    const frames: Frame[] = [];
    let bytes = 0;
    for (const { frame } of queue.slice(0, batchFrames)) {
      bytes += frameBytes(frame);
      if (frames.length > 0 && (bytes > batchBytes || !isSameSender(frames[0], frame))) break;
      frames.push(frame);
    }
    inFlight = frames.length;
    return { lane: "live", frames };
  }

  async function replayBatch(from: Spool): Promise<Batch | null> {
    const count = Math.min(Math.floor(replayCredit), batchFrames);
    const frames = await from.take(count);
    replayCredit -= frames.length;
    return frames.length === 0 ? null : { lane: "replay", frames };
  }

  async function send({ lane, frames }: Batch): Promise<PushResult> {
    const messages = frames.map((frame) => Buffer.from(encoders[lane].encode(frame)));
    const body = packBody(
      messages.length === 1 ? (messages[0] ?? nothing) : Buffer.concat(messages),
    );
    const headers = {
      ...body.headers,
      "content-type": "application/octet-stream",
      [pushHeaders.agent]: encodeURIComponent(frames[0]?.schema.origin.instance ?? ""),
      [pushHeaders.boot]: options.boot,
      [pushHeaders.lane]: lane,
    };
    return options.post({ path: framesPath, headers, body: body.bytes });
  }

  /** `done`: nothing more is to be done for the batch; `retry`: at once, in another form; `wait`: later. */
  function conclude(batch: Batch, result: PushResult): "done" | "retry" | "wait" {
    if (result.kind === "settled") return settled(batch, result.refused);
    encoders[batch.lane].restart();
    const wasWhole = isWhole[batch.lane];
    isWhole[batch.lane] = true;
    if ((result.kind === "again" || result.kind === "refused") && !wasWhole) return "retry";
    if (result.kind === "too_large" && batch.frames.length > 1) {
      batchFrames = batch.frames.length >> 1;
      return "retry";
    }
    if (result.kind === "too_large" || result.kind === "refused")
      return refusedForGood(batch, result);
    failed(
      batch.lane,
      result.kind === "later" ? result.waitMilliseconds : null,
      result.kind === "again"
        ? "the collector asks for the schema again and again"
        : result.sentence,
      result.kind === "denied",
    );
    return "wait";
  }

  function settled(batch: Batch, refused: number): "done" {
    isWhole[batch.lane] = false;
    retries[batch.lane].succeeded();
    if (batch.lane === "live") complaints.succeeded();
    acknowledged += batch.frames.length - refused;
    if (refused > 0) onDrop("refused", refused, "the collector's limits refused frames");
    if (batch.lane === "live") {
      remove(batch.frames.length);
      batchFrames = Math.min(pushLimits.framesPerRequest, batchFrames * 2);
      const most = 2 * replayPerLive * Math.max(1, batch.frames.length);
      replayCredit = Math.min(most, replayCredit + replayPerLive * batch.frames.length);
    }
    return "done";
  }

  /** The same again would be refused again, and what is behind it would never be sent. */
  function refusedForGood(batch: Batch, { sentence }: { sentence: string }): "done" {
    failures += 1;
    complaints.failed("PUSH_REFUSED", sentence);
    onDrop("refused", batch.frames.length, sentence);
    if (batch.lane === "live") remove(batch.frames.length);
    return "done";
  }

  function remove(count: number): void {
    for (const { frame } of queue.splice(0, count)) queuedBytes -= frameBytes(frame);
    inFlight = 0;
  }

  function failed(lane: PushLane, asked: number | null, sentence: string, denied = false): void {
    failures += 1;
    // What waits on disk is sent only beside live frames that get through.
    if (lane === "live") replayCredit = 0;
    if (lane === "live") complaints.failed(denied ? "PUSH_REFUSED" : "PUSH_FAILED", sentence);
    retries[lane].after(asked, pump);
  }

  return {
    get waiting() {
      return queue.length;
    },
    get acknowledged() {
      return acknowledged;
    },
    get failures() {
      return failures;
    },
    get behindMilliseconds() {
      const [oldest] = queue;
      return oldest ? clock.monotonic() - oldest.since : 0;
    },
    accept(frame) {
      if (stopped) return;
      queue.push({ frame: copyFrame(frame), since: clock.monotonic() });
      queuedBytes += frameBytes(frame);
      spill();
      pump();
    },
    async stop() {
      stopped = true;
      for (const retry of Object.values(retries)) retry.cancel();
      // What is on its way may still be settled; what isn't goes to the spool.
      const under = Promise.all([sending.live, sending.replay]);
      await Promise.race([under, pause(clock, graceMilliseconds)]);
      for (const { frame } of queue.splice(0)) spool?.append(frame);
      await spool?.close();
    },
  };
}

const nothing = Buffer.alloc(0);

function isSameSender(one: Frame | undefined, other: Frame): boolean {
  return one?.schema.origin.instance === other.schema.origin.instance;
}

function pause(clock: Clock, milliseconds: number): Promise<void> {
  return new Promise((resolve) => void clock.after(milliseconds, resolve));
}
