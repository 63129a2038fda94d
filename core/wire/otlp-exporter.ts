/**
 * Sends what a process knows to an OTLP receiver, in a rhythm of its own: it asks for snapshots, writes them as requests, and
 * sends those one after the other. What can't be sent waits in a bounded queue and never holds anything up.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { backoffMilliseconds } from "../kit/backoff.ts";
import { sleep } from "../kit/clock.ts";
import type { Env } from "../kit/env.ts";
import { describeError } from "../kit/errors.ts";
import type { Log } from "../kit/log.ts";
import { createOtlpEncoder, type OtlpEncoderOptions, type OtlpSnapshot } from "./otlp-encode.ts";
import { createOtlpPost, type OtlpEndpoint, type OtlpVerdict } from "./otlp-post.ts";

/** `queue_full`: it was the oldest. `refused`: the receiver won't have it. `rejected`: it left those points out. */
export const otlpDrops = ["queue_full", "refused", "rejected"] as const;
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
  /** What waits is lost. */
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
}

interface Waiting {
  readonly body: Buffer;
  readonly points: number;
}

const maximumPoints = 5000;
const maximumTold = 16;

/** Throws STATE_UNUSABLE where the endpoint's authority can't be read. */
export function startOtlpExporter(options: OtlpExporterOptions): OtlpExporter {
  const { env, log, endpoint, meter } = options;
  const { clock, randomId } = env;
  const post = createOtlpPost(endpoint, clock);
  const encoder = createOtlpEncoder({ ...options, maximumPoints });
  const closing = new AbortController();
  const { signal } = closing;
  let queue: Waiting[] = [];
  let queuedBytes = 0;
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
        add({ body: post.pack(message), points });
        await nextTurn();
        if (signal.aborted) return;
      }
  }

  function add(waiting: Waiting): void {
    queue.push(waiting);
    queuedBytes += waiting.body.length;
    while (queuedBytes > endpoint.queueBytes && queue.length > 1) {
      // The first may be on its way.
      const [oldest] = queue.splice(sending === null ? 0 : 1, 1);
      if (!oldest) break;
      queuedBytes -= oldest.body.length;
      meter.dropped("queue_full", oldest.points);
      tell("more samples wait than its queue holds; the oldest go");
    }
    meter.waiting(queuedBytes);
    send();
  }

  function send(): void {
    if (queue.length === 0 || signal.aborted) return;
    sending ??= sendAll().finally(() => {
      sending = null;
      send();
    });
  }

  async function sendAll(): Promise<void> {
    let failures = 0;
    for (let first = queue[0]; first && !signal.aborted; first = queue[0]) {
      const verdict = await post.send(first.body, signal);
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
      queue.shift();
      queuedBytes -= first.body.length;
      meter.waiting(queuedBytes);
      settle(first, verdict);
    }
  }

  function settle({ points }: Waiting, verdict: Exclude<OtlpVerdict, { outcome: "retry" }>): void {
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

  const running = run();
  return {
    forget: (key) => encoder.forget(key),
    async close() {
      closing.abort();
      await Promise.all([running, sending]);
      queue = [];
      post.close();
    },
  };
}
