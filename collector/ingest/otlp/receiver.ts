/**
 * The receiver of OTLP metrics over HTTP (opentelemetry.io/docs/specs/otlp: OTLP/HTTP): a request is read whole before any of it
 * counts, what is valid in it is written, and the answer waits until history has it on disk.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { collector } from "../../../core/catalog/index.ts";
import { describeError, WarpwatchError } from "../../../core/kit/errors.ts";
import type { SelfMetrics } from "../../../core/kit/self-metrics.ts";
import {
  encodeOtlpResponse,
  encodeOtlpStatus,
  otlpContentTypes,
  type OtlpEncoding,
} from "../../../core/wire/otlp-answer.ts";
import { readOtlpJson } from "../../../core/wire/otlp-json.ts";
import { readOtlpProtobuf } from "../../../core/wire/otlp-protobuf.ts";
import { defaultOtlpLimits, type OtlpSteps } from "../../../core/wire/otlp.ts";
import type { ReceiverOptions } from "../receiver.ts";
import { createBudget, defaultBudgetLimits } from "../push/budget.ts";
import { unpack } from "../push/unpack.ts";
import { createRegistry } from "../remote-write/registry.ts";
import { createWriter, refusalReasons, type Refusal } from "../remote-write/writer.ts";
import type { OtlpReceiverSettings } from "./settings.ts";
import { createTranslator, translationRefusals, type TranslationRefusal } from "./translate.ts";

export interface OtlpHead {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Who sends, as far as its budget is concerned. */
  readonly remoteAddress: string;
}

export interface OtlpRequest extends OtlpHead {
  readonly body: Buffer;
}

export interface OtlpReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

export interface OtlpReceiver {
  /** Before the body is read: null when it may come, and then `ended` must follow. */
  refuse(head: OtlpHead): OtlpReply | null;
  ended(head: OtlpHead): void;
  receive(request: OtlpRequest): Promise<OtlpReply>;
}

export type OtlpReceiverOptions = ReceiverOptions<OtlpReceiverSettings>;

const outcomes = [
  "ok",
  "partial",
  "malformed",
  "too_large",
  "unsupported",
  "over_budget",
  "busy",
  "failed",
] as const;
type Outcome = (typeof outcomes)[number];
type PointRefusal = Refusal | TranslationRefusal;

/** Bodies that were let in and aren't answered yet. */
const maximumPendingBytes = 64 * 1024 * 1024;
const retryMilliseconds = 5000;
/** One address may be many senders: a gateway of theirs, or a node. */
const budgetLimits = {
  ...defaultBudgetLimits,
  bytesPerSecond: 4 * 1024 * 1024,
  requestsPerSecond: 200,
};
const sweepMilliseconds = 60_000;
const stretchMilliseconds = 3;
/** JSON is read at one stretch, so that less of it is let in. */
const jsonShare = 4;
/** What is wrong with a sender's points is mostly wrong with each of its requests. */
const complaintMilliseconds = 10_000;
const source = { withoutTarget: "otlp", isOfNode: false };

/** gRPC's codes for what the statuses say. */
const statusCodes: Readonly<Record<number, number>> = { 400: 3, 413: 8, 415: 3, 429: 8, 503: 14 };

export function createOtlpReceiver(options: OtlpReceiverOptions): OtlpReceiver {
  const { clock, log, settings, limits } = options;
  const bounds = { ...limits, series: settings.maximumSeries };
  const registry = createRegistry(bounds, options.boot, source);
  const translator = createTranslator({ registry, limits: bounds });
  const readLimits = { ...defaultOtlpLimits, points: settings.maximumPoints };
  const write = createWriter({
    ...options,
    ...limits,
    registry,
    oldestMilliseconds: options.historyMilliseconds,
  });
  const budget = createBudget(clock, budgetLimits);
  const count = createCounters(options.metrics, () => registry.size);
  let pendingBytes = 0;
  let turn: Promise<unknown> = Promise.resolve();
  let sweptAt = clock.monotonic();
  let complainedAt = -Infinity;

  function complain(sentence: string): void {
    if (clock.monotonic() - complainedAt < complaintMilliseconds) return;
    complainedAt = clock.monotonic();
    log.warn(sentence, { source: "otlp" });
  }

  function sweep(): void {
    if (clock.monotonic() - sweptAt < sweepMilliseconds) return;
    sweptAt = clock.monotonic();
    registry.sweep();
    translator.sweep();
  }

  function refusal(
    encoding: OtlpEncoding,
    outcome: Outcome,
    status: number,
    sentence: string,
    waitMilliseconds = status === 503 ? retryMilliseconds : 0,
  ): OtlpReply {
    count.request(outcome);
    return {
      status,
      headers: {
        "content-type": otlpContentTypes[encoding],
        ...(waitMilliseconds > 0
          ? { "retry-after": String(Math.ceil(waitMilliseconds / 1000)) }
          : {}),
      },
      body: encodeOtlpStatus(encoding, statusCodes[status] ?? 2, sentence),
    };
  }

  /** Throws a WarpwatchError for what can't be read; `stored` settles when history has what was written. */
  function* take(encoding: OtlpEncoding, { headers, body }: OtlpRequest): OtlpSteps<Taken | null> {
    sweep();
    const coding = codingOf(headers);
    const isJson = encoding === "json";
    const { messageLimitBytes } = settings;
    const message = unpack(
      body,
      coding,
      isJson ? messageLimitBytes / jsonShare : messageLimitBytes,
    );
    if (message === null) return null;
    const read = isJson ? readOtlpJson : readOtlpProtobuf;
    const resources = yield* read(message, readLimits);
    const latest = clock.now() + limits.futureMilliseconds;
    const translated = yield* translator.translate(resources, latest);
    const refused = new Map<number, PointRefusal>(translated.refused);
    const { stored } = write(translated.batch, (sample, reason) => {
      const point = translated.pointOf(sample);
      if (point >= 0 && !refused.has(point)) refused.set(point, reason);
    });
    return { points: translated.points, refused: byReason(refused.values()), stored };
  }

  /** No longer at a stretch than other requests can wait; each stretch is its sender's to pay. */
  async function inStretches<Result>(steps: OtlpSteps<Result>, sender: string): Promise<Result> {
    for (;;) {
      const began = clock.monotonic();
      try {
        do {
          const step = steps.next();
          if (step.done === true) return step.value;
        } while (clock.monotonic() - began < stretchMilliseconds);
      } finally {
        budget.charge(sender, clock.monotonic() - began);
      }
      await nextTurn();
    }
  }

  /** The translator's columns are one request's at a time. */
  function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const mine = turn.then(work);
    turn = mine.then(nothing, nothing);
    return mine;
  }

  function answer(encoding: OtlpEncoding, { points, refused }: Taken): OtlpReply {
    const headers = { "content-type": otlpContentTypes[encoding] };
    const lost = Array.from(refused, ([reason, number]) => `${number} ${words[reason]}`);
    const rejected = [...refused.values()].reduce((sum, number) => sum + number, 0);
    count.request(rejected === 0 ? "ok" : "partial");
    if (rejected === 0) return { status: 200, headers, body: encodeOtlpResponse(encoding, 0, "") };
    const sentence = `${points - rejected} points were written, the rest was not: ${lost.join("; ")}`;
    complain(`of an OTLP request ${sentence}`);
    return { status: 200, headers, body: encodeOtlpResponse(encoding, rejected, sentence) };
  }

  return {
    refuse({ headers, remoteAddress }) {
      const encoding = encodingOf(headers) ?? "json";
      const length = pendingOf(headers, settings);
      const refuse = (
        outcome: Outcome,
        status: number,
        sentence: string,
        wait?: number,
      ): OtlpReply => refusal(encoding, outcome, status, sentence, wait);
      if (length > settings.bodyLimitBytes)
        return refuse("too_large", 413, `a body may have ${settings.bodyLimitBytes} bytes`);
      if (pendingBytes + length > maximumPendingBytes)
        return refuse(
          "busy",
          503,
          "the collector has more at hand than it can take; send it again",
        );
      const wait = budget.ask(remoteAddress, lengthOf(headers) ?? 0);
      if (wait > 0)
        return refuse("over_budget", 429, "this sender takes too much of the collector", wait);
      pendingBytes += length;
      return null;
    },
    ended({ headers }) {
      pendingBytes -= pendingOf(headers, settings);
    },
    async receive(request) {
      const { headers, remoteAddress } = request;
      const encoding = encodingOf(headers);
      if (encoding === null)
        return refusal(
          "json",
          "unsupported",
          415,
          "send application/x-protobuf or application/json",
        );
      let taken: Taken | null;
      try {
        taken = await inTurn(() => inStretches(take(encoding, request), remoteAddress));
      } catch (thrown) {
        if (!(thrown instanceof WarpwatchError)) throw thrown;
        complain(`an OTLP request can't be read: ${thrown.message}`);
        const isLarge = thrown.code === "MESSAGE_TOO_LARGE" || thrown.code === "LIMIT_REACHED";
        if (isLarge) return refusal(encoding, "too_large", 413, thrown.message);
        return refusal(encoding, "malformed", 400, thrown.message);
      }
      if (taken === null)
        return refusal(encoding, "unsupported", 415, `${codingOf(headers)} isn't known; gzip is`);
      count.points(taken);
      try {
        await taken.stored;
      } catch (thrown) {
        const sentence = `nothing could be kept: ${describeError(thrown)}`;
        return refusal(encoding, "failed", 503, sentence);
      }
      return answer(encoding, taken);
    },
  };
}

interface Taken {
  readonly points: number;
  readonly refused: ReadonlyMap<PointRefusal, number>;
  readonly stored: Promise<unknown>;
}

const words: Readonly<Record<PointRefusal, string>> = {
  invalid: "have no name, no value, or attributes or bounds that break the specification",
  series: "are of series over the bound",
  label_length: "have an attribute that is too long",
  origins: "are of services over the bound",
  future: "are from the future",
  old: "are too old",
  conflict: "differ from what was sent for that time before",
  moments: "have too many different times for one request",
  taken: "go by a service and an instance that are scraped here, or the collector's own",
  temporality: "are neither deltas nor cumulative",
  out_of_order: "are deltas that come after later ones",
  buckets: "have more than 1000 buckets or quantiles",
  samples: "would make more than 2000000 samples of one request",
};

/** Null for what isn't spoken here. */
function encodingOf(headers: OtlpHead["headers"]): OtlpEncoding | null {
  const type = textOf(headers["content-type"]).split(";")[0]?.trim().toLowerCase();
  if (type === otlpContentTypes.protobuf) return "protobuf";
  return type === otlpContentTypes.json ? "json" : null;
}

/** Who sends in pieces may send as much as is let in. */
function pendingOf(headers: OtlpHead["headers"], { bodyLimitBytes }: OtlpReceiverSettings): number {
  return lengthOf(headers) ?? bodyLimitBytes;
}

function lengthOf(headers: OtlpHead["headers"]): number | null {
  const given = textOf(headers["content-length"]);
  return /^\d{1,15}$/.test(given) ? Number(given) : null;
}

function codingOf(headers: OtlpHead["headers"]): string {
  return textOf(headers["content-encoding"]).trim().toLowerCase();
}

function nothing(): void {}

function byReason(reasons: Iterable<PointRefusal>): Map<PointRefusal, number> {
  const counts = new Map<PointRefusal, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return counts;
}

function createCounters(metrics: SelfMetrics, series: () => number) {
  const requests = metrics.counter(collector.otlpRequests);
  const points = metrics.counter(collector.otlpPoints);
  const refused = metrics.counter(collector.otlpRefused);
  metrics.gauge(collector.otlpSeries, series);
  // A counter that is born at 1 shows no increase, so each is there from the start.
  for (const outcome of outcomes) requests.increase({ outcome }, 0);
  for (const reason of [...refusalReasons, ...translationRefusals]) refused.increase({ reason }, 0);
  return {
    request: (outcome: Outcome) => requests.increase({ outcome }),
    points(taken: Taken): void {
      let lost = 0;
      for (const [reason, number] of taken.refused) {
        refused.increase({ reason }, number);
        lost += number;
      }
      points.increase({}, taken.points - lost);
    },
  };
}

function textOf(header: string | string[] | undefined): string {
  return Array.isArray(header) ? header.join(",") : (header ?? "");
}
