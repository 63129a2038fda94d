/**
 * The receiver of remote-write 1.0 and 2.0 (prometheus.io/docs/specs/prw): a request is read whole before any of it counts,
 * what is valid in it is written, and the answer waits until history has it on disk.
 */
import { collector } from "../../../core/catalog/index.ts";
import { describeError, WarpwatchError } from "../../../core/kit/errors.ts";
import type { SelfMetrics } from "../../../core/kit/self-metrics.ts";
import { createSnappyDecoder } from "../../../core/wire/snappy.ts";
import {
  defaultWriteRequestLimits,
  type FamilyMetadata,
  type NumberSeries,
  type SampleBatch,
  type WireLabel,
} from "../../../core/wire/write-request.ts";
import { createWriteRequestReader } from "../../../core/wire/write-request-v1.ts";
import { createWriteRequestV2Reader } from "../../../core/wire/write-request-v2.ts";
import type { ReceiverOptions } from "../receiver.ts";
import { createRegistry } from "./registry.ts";
import type { RemoteWriteSettings } from "./settings.ts";
import { createWriter, refusalReasons, type Written } from "./writer.ts";

export interface RemoteWriteRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

export interface RemoteWriteReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Empty, or sentences for the sender's log. */
  readonly body: string;
}

export interface RemoteWriteReceiver {
  /** Before the body is read: null when it may come, and then `ended` must follow. */
  refuse(headers: RemoteWriteRequest["headers"]): RemoteWriteReply | null;
  ended(headers: RemoteWriteRequest["headers"]): void;
  receive(request: RemoteWriteRequest): Promise<RemoteWriteReply>;
}

export type RemoteWriteOptions = ReceiverOptions<RemoteWriteSettings>;

const outcomes = [
  "ok",
  "partial",
  "malformed",
  "too_large",
  "unsupported",
  "busy",
  "failed",
] as const;
type Outcome = (typeof outcomes)[number];

/** Bodies that were let in and aren't answered yet. */
const maximumPendingBytes = 64 * 1024 * 1024;
const retrySeconds = "5";
const sweepMilliseconds = 60_000;
const maximumFamilies = 20_000;
const protoV1 = "prometheus.WriteRequest";
const protoV2 = "io.prometheus.write.v2.Request";

export function createRemoteWriteReceiver(options: RemoteWriteOptions): RemoteWriteReceiver {
  const { clock, log, settings, limits } = options;
  const bounds = { ...limits, series: settings.maximumSeries };
  const registry = createRegistry(bounds, options.boot);
  const families = new Map<string, FamilyMetadata>();
  const number: NumberSeries = (labels, metadata) =>
    registry.numberOf(labels, metadata ?? findFamily(families, labels));
  const readers = {
    [protoV1]: createWriteRequestReader(defaultWriteRequestLimits, number),
    [protoV2]: createWriteRequestV2Reader(defaultWriteRequestLimits, number),
  };
  const unpack = createSnappyDecoder(settings.messageLimitBytes);
  const write = createWriter({
    ...options,
    ...limits,
    registry,
    gathers: true,
    oldestMilliseconds: options.historyMilliseconds,
  });
  const count = createCounters(options.metrics, () => registry.size);
  let pendingBytes = 0;
  let epoch = registry.epoch;
  let sweptAt = clock.monotonic();

  function sweep(): void {
    if (clock.monotonic() - sweptAt < sweepMilliseconds) return;
    sweptAt = clock.monotonic();
    registry.sweep();
    if (epoch === registry.epoch) return;
    epoch = registry.epoch;
    for (const reader of Object.values(readers)) reader.forget();
  }

  function reply(outcome: Outcome, status: number, sentence: string): RemoteWriteReply {
    count.request(outcome);
    const retry = status === 503 ? { "retry-after": retrySeconds } : {};
    return { status, headers: retry, body: sentence };
  }

  function unreadable(thrown: unknown): RemoteWriteReply {
    if (!(thrown instanceof WarpwatchError)) throw thrown;
    log.warn(`a remote-write request can't be read: ${thrown.message}`, { source: "remote write" });
    if (thrown.code === "MESSAGE_TOO_LARGE") return reply("too_large", 413, thrown.message);
    return reply("malformed", 400, thrown.message);
  }

  /** 1.0 knows neither exemplars nor native histograms; by 2.0 what isn't written must be told. */
  function answer(batch: Lost, written: Written, proto: string): RemoteWriteReply {
    const headers = {
      "x-prometheus-remote-write-samples-written": String(written.samples),
      "x-prometheus-remote-write-histograms-written": "0",
      "x-prometheus-remote-write-exemplars-written": "0",
    };
    const lost = Array.from(written.refused, ([reason, samples]) => `${samples} ${words[reason]}`);
    if (batch.histograms > 0) lost.push(`${batch.histograms} native histograms aren't supported`);
    if (batch.exemplars > 0 && proto === protoV2)
      lost.push(`${batch.exemplars} exemplars aren't kept`);
    if (lost.length === 0) {
      count.request("ok");
      return { status: 204, headers, body: "" };
    }
    const sentence = `${written.samples} samples were written, the rest was not: ${lost.join("; ")}`;
    log.warn(`of a remote-write request ${sentence}`, { source: "remote write" });
    return { ...reply("partial", 400, sentence), headers };
  }

  return {
    refuse(headers) {
      if (!/^\d{1,15}$/.test(textOf(headers["content-length"])))
        return reply("malformed", 411, "the request must say how long it is");
      const length = Number(headers["content-length"]);
      if (length > settings.bodyLimitBytes)
        return reply("too_large", 413, `a body may have ${settings.bodyLimitBytes} bytes`);
      // Not 429: Prometheus drops what it is answered with that, unless it is told otherwise.
      if (pendingBytes + length > maximumPendingBytes)
        return reply("busy", 503, "the collector has more at hand than it can take; send it again");
      pendingBytes += length;
      return null;
    },
    ended(headers) {
      pendingBytes -= Number(headers["content-length"]);
    },
    async receive({ headers, body }) {
      const proto = protoOf(headers);
      if (proto === null)
        return reply("unsupported", 415, `send ${protoV1} or ${protoV2}, packed by snappy`);
      let written: Written;
      let lost: Lost;
      try {
        sweep();
        const batch = readers[proto].read(unpack(body));
        learnFamilies(families, batch);
        written = write(batch);
        // The columns are used again while this waits.
        lost = { histograms: batch.histograms, exemplars: batch.exemplars };
      } catch (thrown) {
        return unreadable(thrown);
      }
      count.samples(written, lost);
      try {
        await written.stored;
      } catch (thrown) {
        return reply("failed", 503, `nothing could be kept: ${describeError(thrown)}`);
      }
      return answer(lost, written, proto);
    },
  };
}

type Lost = Pick<SampleBatch, "histograms" | "exemplars">;

const words: Readonly<Record<(typeof refusalReasons)[number], string>> = {
  invalid: "have labels that break the specification",
  series: "are of series over the bound",
  label_length: "have a label value that is too long",
  origins: "are of targets over the bound",
  future: "are from the future",
  old: "are too old",
  conflict: "differ from what was sent for that time before",
  moments: "have too many different times for one request",
  taken: "go by a job and an instance that are scraped here, or the collector's own",
};

/** Null when this isn't spoken here. A type without `proto` is 1.0. */
function protoOf(headers: RemoteWriteRequest["headers"]): typeof protoV1 | typeof protoV2 | null {
  const coding = textOf(headers["content-encoding"]).trim().toLowerCase();
  const [type = "", ...parameters] = textOf(headers["content-type"]).split(";");
  if (coding !== "snappy" || type.trim().toLowerCase() !== "application/x-protobuf") return null;
  for (const parameter of parameters) {
    const [name = "", value = ""] = parameter.split("=");
    if (name.trim().toLowerCase() !== "proto") continue;
    const proto = value.trim().replaceAll('"', "");
    return proto === protoV1 || proto === protoV2 ? proto : null;
  }
  return protoV1;
}

function learnFamilies(families: Map<string, FamilyMetadata>, { metadata }: SampleBatch): void {
  for (const [family, one] of metadata)
    if (families.size < maximumFamilies || families.has(family)) families.set(family, one);
}

function findFamily(
  families: ReadonlyMap<string, FamilyMetadata>,
  labels: readonly WireLabel[] | null,
): FamilyMetadata | null {
  const name = labels?.find((label) => label.name === "__name__")?.value ?? "";
  return families.get(name) ?? families.get(name.replace(/_(total|count|sum|bucket)$/, "")) ?? null;
}

function createCounters(metrics: SelfMetrics, series: () => number) {
  const requests = metrics.counter(collector.remoteWriteRequests);
  const samples = metrics.counter(collector.remoteWriteSamples);
  const repeated = metrics.counter(collector.remoteWriteRepeated);
  const refused = metrics.counter(collector.remoteWriteRefused);
  metrics.gauge(collector.remoteWriteSeries, series);
  // A counter that is born at 1 shows no increase, so each is there from the start.
  for (const outcome of outcomes) requests.increase({ outcome }, 0);
  for (const reason of [...refusalReasons, "histogram", "exemplar"])
    refused.increase({ reason }, 0);
  return {
    request: (outcome: Outcome) => requests.increase({ outcome }),
    samples(written: Written, lost: Lost): void {
      samples.increase({}, written.samples - written.repeated);
      repeated.increase({}, written.repeated);
      for (const [reason, count] of written.refused) refused.increase({ reason }, count);
      if (lost.histograms > 0) refused.increase({ reason: "histogram" }, lost.histograms);
      if (lost.exemplars > 0) refused.increase({ reason: "exemplar" }, lost.exemplars);
    },
  };
}

function textOf(header: string | string[] | undefined): string {
  return Array.isArray(header) ? header.join(",") : (header ?? "");
}
