/** One shard of a store's queue: samples gather to batches, and batches go out one after the other, so that a series stays in order. */
import { backoffMilliseconds } from "../../../core/kit/backoff.ts";
import { sleep, type Timer } from "../../../core/kit/clock.ts";
import type { Env } from "../../../core/kit/env.ts";
import { describeError } from "../../../core/kit/errors.ts";
import type { Log } from "../../../core/kit/log.ts";
import { decodeSnappy, encodeSnappy } from "../../../core/wire/snappy.ts";
import { splitWriteRequest } from "../../../core/wire/split-message.ts";
import { toWriteRequestV2 } from "../../../core/wire/write-request-upgrade.ts";
import { createWriteRequestWriter } from "../../../core/wire/write-request-writer.ts";
import type { StorePost, Verdict } from "./post.ts";
import { createSpool, type WaitingBatch } from "./spool.ts";

export type Drop = "buffer_full" | "refused" | "unwritable" | "unreadable";

export interface ShardMeter {
  request(outcome: Verdict["outcome"]): void;
  sent(samples: number): void;
  dropped(reason: Drop, samples: number): void;
  /** By how much what waits on disk grew. */
  waiting(bytes: number): void;
}

export interface ShardOptions {
  readonly env: Env;
  readonly log: Log;
  readonly folder: string;
  readonly store: string;
  readonly isV2: boolean;
  readonly maximumBytes: number;
  /** How long samples gather for a batch. */
  readonly gatherMilliseconds: number;
  readonly post: StorePost;
  readonly meter: ShardMeter;
}

export interface Shard {
  add(labels: Buffer, time: number, low: number, high: number): void;
  /** What is gathered waits on disk from now on; what is being sent is broken off, and sent again after a start. */
  close(): Promise<void>;
}

const batchSamples = 5000;
/** To find the bad samples of one batch. */
const narrowingRequests = 64;
const maximumMessageBytes = 64 * 1024 * 1024;

export function createShard(options: ShardOptions): Shard {
  const { env, log, post, meter, store } = options;
  const { clock } = env;
  const spool = createSpool(options.folder, options.maximumBytes);
  const writer = createWriteRequestWriter();
  const closing = new AbortController();
  let timer: Timer | null = null;
  let sending: Promise<void> | null = null;
  let trouble = "";
  let noted = 0;

  function seal(): void {
    timer?.cancel();
    timer = null;
    const { samples } = writer;
    if (samples === 0) return;
    try {
      const lost = spool.add(encodeSnappy(writer.finish()), samples);
      if (lost > 0) meter.dropped("buffer_full", lost);
    } catch (thrown) {
      meter.dropped("unwritable", samples);
      tell(`its samples can't be buffered: ${describeError(thrown)}`);
    }
    noteBytes();
    start();
  }

  function noteBytes(): void {
    meter.waiting(spool.bytes - noted);
    noted = spool.bytes;
  }

  function start(): void {
    if (closing.signal.aborted || spool.first === null) return;
    sending ??= sendAll().finally(() => {
      sending = null;
      start();
    });
  }

  async function sendAll(): Promise<void> {
    let failures = 0;
    for (let batch = spool.first; batch && !closing.signal.aborted; batch = spool.first) {
      const verdict = await sendBatch(batch);
      if (closing.signal.aborted && verdict?.outcome === "retry") return;
      if (verdict?.outcome === "retry") {
        failures += 1;
        tell(verdict.sentence);
        const wait = backoffMilliseconds(failures, env.randomId());
        await sleep(clock, Math.max(wait, verdict.waitMilliseconds), closing.signal);
        continue;
      }
      failures = 0;
      if (trouble !== "") log.info(`the store ${store} takes samples again`);
      trouble = "";
      spool.remove(batch);
      noteBytes();
    }
  }

  /** Null when the batch can't be read: then it is as good as sent. */
  async function sendBatch(batch: WaitingBatch): Promise<Verdict | null> {
    const body = spool.read(batch);
    const message = unpack(body);
    if (message === null) {
      meter.dropped("unreadable", batch.samples);
      return null;
    }
    const verdict = await send(message, body);
    if (verdict.outcome === "accepted") meter.sent(batch.samples);
    if (verdict.outcome !== "refused") return verdict;
    return narrow(message, batch.samples, verdict.sentence, { requests: narrowingRequests });
  }

  /** `packed` is the same message as it waited. */
  async function send(message: Buffer, packed: Buffer | null = null): Promise<Verdict> {
    const body = options.isV2
      ? encodeSnappy(toWriteRequestV2(message))
      : (packed ?? encodeSnappy(message));
    const verdict = await post.send(body, closing.signal);
    meter.request(verdict.outcome);
    return verdict;
  }

  /** One bad sample doesn't take the others with it: what is refused is halved until it stands alone, or that costs too much. */
  async function narrow(
    message: Buffer,
    samples: number,
    sentence: string,
    left: { requests: number },
  ): Promise<Verdict> {
    const halves = splitWriteRequest(message);
    left.requests -= 2;
    if (halves === null || left.requests < 0) {
      meter.dropped("refused", samples);
      log.warn(`the store ${store} refuses samples: ${sentence}`, { source: store });
      bury(message);
      return { outcome: "accepted" };
    }
    for (const [half, part] of halves.entries()) {
      const count = half === 0 ? samples >> 1 : samples - (samples >> 1);
      let verdict = await send(part);
      if (verdict.outcome === "accepted") meter.sent(count);
      if (verdict.outcome === "refused")
        verdict = await narrow(part, count, verdict.sentence, left);
      // Sent again whole: the parts that were taken are repeated, which a store takes.
      if (verdict.outcome === "retry") return verdict;
    }
    return { outcome: "accepted" };
  }

  function bury(message: Buffer): void {
    try {
      spool.bury(encodeSnappy(message), clock.now());
    } catch (thrown) {
      tell(`what it refuses can't be put aside: ${describeError(thrown)}`);
    }
  }

  function tell(sentence: string): void {
    if (sentence === trouble) return;
    trouble = sentence;
    log.warn(`the store ${store} doesn't take samples: ${sentence}`, { source: store });
  }

  noteBytes();
  start();
  return {
    add(labels, time, low, high) {
      writer.add(labels, time, low, high);
      if (writer.samples >= batchSamples) seal();
      else timer ??= clock.after(options.gatherMilliseconds, seal);
    },
    async close() {
      closing.abort();
      seal();
      await sending;
    },
  };
}

/** Null when there is nothing, or a file that was spoiled. */
function unpack(body: Buffer | null): Buffer | null {
  try {
    const message = body && decodeSnappy(body, maximumMessageBytes);
    // Its shape too: what can't be cut can't be sent piece by piece.
    if (message) splitWriteRequest(message);
    return message;
  } catch {
    return null;
  }
}
