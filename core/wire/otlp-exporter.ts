/**
 * Sends what a process knows to an OTLP receiver, in a rhythm of its own: it asks for snapshots, writes them as requests, and
 * sends those one after the other. What can't be sent waits in a bounded queue, in memory if not told otherwise, and never
 * holds anything up.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { backoffMilliseconds } from "../kit/backoff.ts";
import { sleep } from "../kit/clock.ts";
import type { Env } from "../kit/env.ts";
import { describeError } from "../kit/errors.ts";
import type { Log } from "../kit/log.ts";
import { createOtlpEncoder, type OtlpEncoderOptions, type OtlpSnapshot } from "./otlp-encode.ts";
import { createOtlpPost, type OtlpEndpoint, type OtlpPost, type OtlpVerdict } from "./otlp-post.ts";
import { createMemoryQueue, type OtlpQueue, type QueuedRequest } from "./otlp-queue.ts";

/**
 * `queue_full`: it was the oldest. `refused`: the receiver won't have it. `rejected`: it left those points out. `unwritable`:
 * they couldn't be queued. `unreadable`: they were queued and can't be read any more.
 */
export const otlpDrops = ["queue_full", "refused", "rejected", "unreadable", "unwritable"] as const;
export type OtlpDrop = (typeof otlpDrops)[number];

export const otlpOutcomes = [
  "accepted",
  "retry",
  "refused",
] as const satisfies OtlpVerdict["outcome"][];

export interface OtlpMeter {
  request(outcome: OtlpVerdict["outcome"]): void;
  sent(points: number): void;
  dropped(reason: OtlpDrop, points: number): void;
  /** What is queued now. */
  waiting(bytes: number): void;
}

export interface OtlpExporter {
  /** The origin is gone. */
  forget(key: string): void;
  /** What waits in memory is lost. */
  close(): Promise<void>;
}

export interface OtlpExporterOptions extends Pick<OtlpEncoderOptions, "resourceOf"> {
  readonly env: Pick<Env, "clock" | "randomId">;
  readonly log: Log;
  readonly endpoint: OtlpEndpoint;
  readonly intervalMilliseconds: number;
  readonly meter: OtlpMeter;
  /** Each is written before the next is asked for, and must stay as it is meanwhile. */
  readonly snapshots: () => AsyncIterable<OtlpSnapshot> | Iterable<OtlpSnapshot>;
  /** Where requests wait that can't be sent; in memory if not given. */
  readonly openQueue?: (post: OtlpPost) => OtlpQueue;
}

const maximumPoints = 5000;
const maximumTold = 16;

/** Throws STATE_UNUSABLE where the endpoint's authority can't be read, or the queue can't be had. */
export function startOtlpExporter(options: OtlpExporterOptions): OtlpExporter {
  const { env, log, endpoint, meter } = options;
  const { clock, randomId } = env;
  const post = createOtlpPost(endpoint, clock);
  const queue = options.openQueue?.(post) ?? createMemoryQueue(endpoint.queueBytes);
  const encoder = createOtlpEncoder({ ...options, maximumPoints });
  const closing = new AbortController();
  const { signal } = closing;
  let sending: Promise<void> | null = null;
  /** What was said since samples were last taken whole. */
  const told = new Set<string>();

  async function run(): Promise<void> {
    // A fleet that starts at once doesn't send at once.
    const share = Number.parseInt(randomId().slice(0, 8), 16) / 2 ** 32;
    await sleep(clock, options.intervalMilliseconds * share, signal);
    while (!signal.aborted) {
      const began = clock.monotonic();
      await collect().catch((thrown: unknown) => {
        log.error(`samples for ${endpoint.name} can't be written: ${describeError(thrown)}`);
      });
      const passed = clock.monotonic() - began;
      await sleep(clock, Math.max(0, options.intervalMilliseconds - passed), signal);
    }
  }

  async function collect(): Promise<void> {
    for await (const snapshot of options.snapshots())
      for (const { message, points } of encoder.encode(snapshot)) {
        add(post.pack(message), points);
        await nextTurn();
        if (signal.aborted) return;
      }
  }

  function add(body: Buffer, points: number): void {
    try {
      const lost = queue.add(body, points);
      if (lost > 0) {
        meter.dropped("queue_full", lost);
        tell("more samples wait than its queue holds; the oldest go");
      }
    } catch (thrown) {
      meter.dropped("unwritable", points);
      tell(`they can't be queued: ${describeError(thrown)}`);
    }
    meter.waiting(queue.bytes);
    send();
  }

  function send(): void {
    if (queue.first === null || signal.aborted) return;
    sending ??= sendAll().finally(() => {
      sending = null;
      send();
    });
  }

  async function sendAll(): Promise<void> {
    let failures = 0;
    for (let first = queue.first; first && !signal.aborted; first = queue.first) {
      const body = queue.read(first);
      if (body === null) {
        meter.dropped("unreadable", first.points);
        queue.remove(first);
        continue;
      }
      const verdict = await post.send(body, signal);
      if (signal.aborted) return;
      meter.request(verdict.outcome);
      if (verdict.outcome === "retry") {
        failures += 1;
        tell(verdict.sentence);
        const wait = backoffMilliseconds(failures, randomId());
        await sleep(clock, Math.max(wait, verdict.waitMilliseconds), signal);
        continue;
      }
      failures = 0;
      queue.remove(first);
      meter.waiting(queue.bytes);
      settle(first, verdict);
    }
  }

  function settle(
    { points }: QueuedRequest,
    verdict: Exclude<OtlpVerdict, { outcome: "retry" }>,
  ): void {
    if (verdict.outcome === "refused") {
      meter.dropped("refused", points);
      tell(verdict.sentence);
      return;
    }
    const rejected = Math.min(verdict.rejected, points);
    meter.sent(points - rejected);
    if (rejected > 0) {
      meter.dropped("rejected", rejected);
      tell(verdict.sentence);
    } else if (told.size > 0) {
      log.info(`${endpoint.name} takes samples again`);
      told.clear();
    }
  }

  function tell(sentence: string): void {
    if (told.has(sentence) || told.size >= maximumTold) return;
    told.add(sentence);
    log.warn(`samples for ${endpoint.name} aren't all taken: ${sentence}`);
  }

  meter.waiting(queue.bytes);
  send();
  const running = run();
  return {
    forget: (key) => encoder.forget(key),
    async close() {
      closing.abort();
      await Promise.all([running, sending]);
      post.close();
    },
  };
}
