/** What the tests of the OTLP receiver share: one on a fake clock, with a history that may fail, and points to send. */
import { createIngest, defaultIngestLimits } from "../../collector/ingest/door.ts";
import { createOtlpReceiver, type OtlpReply } from "../../collector/ingest/otlp/receiver.ts";
import { otlpReceiverSchema } from "../../collector/ingest/otlp/settings.ts";
import { isPresent, labelsOf, type Frame } from "../../core/wire/frame.ts";
import { readFields, readText } from "../../core/wire/protobuf.ts";
import { createFakeClock } from "./fake-clock.ts";
import {
  encodeOtlpJson,
  encodeOtlpProtobuf,
  nanoseconds,
  otlpAttributes,
  type OtlpJson,
} from "./otlp.ts";
import { createTestMetrics, quietLog, startMilliseconds } from "./rule-bench.ts";

export const minute = 60_000;
export const otlpEncodings = {
  protobuf: { type: "application/x-protobuf", encode: encodeOtlpProtobuf },
  json: { type: "application/json", encode: encodeOtlpJson },
} as const;
type Encoding = keyof typeof otlpEncodings;

interface Options {
  readonly history?: boolean;
  readonly seriesPerOrigin?: number;
  /** How long its work takes is told by a real clock. */
  readonly isTimed?: boolean;
  readonly settings?: Readonly<Record<string, unknown>>;
}

export function openOtlpReceiver(options: Options = {}) {
  const fake = createFakeClock(startMilliseconds);
  const clock = options.isTimed ? { ...fake, monotonic: () => performance.now() } : fake;
  const metrics = createTestMetrics(clock);
  const limits = { ...defaultIngestLimits, seriesPerOrigin: options.seriesPerOrigin ?? 1000 };
  const ingest = createIngest({ clock, log: quietLog, metrics, limits });
  const stored: string[] = [];
  const disk = { fails: false, holds: null as Promise<void> | null };
  const append = async (frame: Frame): Promise<void> => {
    const found = samplesOf(frame);
    await disk.holds;
    if (disk.fails) throw new Error("the disk is full");
    stored.push(...found);
  };
  const receiver = createOtlpReceiver({
    clock,
    log: quietLog,
    metrics,
    settings: otlpReceiverSchema.parse(options.settings),
    limits,
    door: ingest.pushed,
    boot: "boot-1",
    append: options.history === false ? null : append,
    late: () => undefined,
    historyMilliseconds: 86_400_000,
  });
  const send = (request: OtlpJson, encoding: Encoding = "protobuf"): Promise<OtlpReply> => {
    const { type, encode } = otlpEncodings[encoding];
    return receiver.receive({
      headers: { "content-type": type },
      remoteAddress: "10.0.0.7",
      body: encode(request),
    });
  };
  const counted = async (): Promise<string[]> =>
    (await metrics.render("text")).match(/^warpwatch_otlp_\S+ [1-9]\d*$/gm) ?? [];
  return { clock, ingest, receiver, send, stored, disk, counted };
}

/** Without `target_info`, which stands beside all of them. */
function samplesOf({ schema, values, present, timestamps }: Frame): string[] {
  const words = new Int32Array(values.buffer, values.byteOffset);
  const { node, job, instance } = schema.origin;
  return schema.series.flatMap((series, slot) => {
    if (!isPresent(present, slot) || series.metric.name === "target_info") return [];
    const labels = Object.entries(labelsOf(series)).map(([name, value]) => `${name}=${value}`);
    const isStale = words[slot * 2] === 2 && words[slot * 2 + 1] === 0x7ff0_0000;
    const value = isStale ? "ended" : values[slot];
    const offset = (timestamps[0] ?? 0) - startMilliseconds;
    return [
      `${node}${job}/${instance} ${series.metric.name}{${labels.join(",")}} ${value} @${offset}`,
    ];
  });
}

/** What most tests look at: the series without whose it is. */
export function short(lines: readonly string[]): string[] {
  return lines.map((line) =>
    line
      .replace("trainer/gpu-7 ", "")
      .replace(/,?node=gpu-7(?=,|\})/, "")
      .replace("{,", "{"),
  );
}

export function pointAt(
  offset: number,
  fields: OtlpJson,
  attributes: Readonly<Record<string, unknown>> = {},
) {
  return {
    startTimeUnixNano: nanoseconds(startMilliseconds - minute),
    timeUnixNano: nanoseconds(startMilliseconds + offset),
    attributes: otlpAttributes(attributes),
    ...fields,
  };
}

export function loss(
  offset: number,
  value: number,
  attributes: Readonly<Record<string, unknown>> = {},
) {
  return {
    name: "train.loss",
    gauge: { dataPoints: [pointAt(offset, { asDouble: value }, attributes)] },
  };
}

export function tokens(
  temporality: number,
  ...points: readonly (readonly [offset: number, value: number])[]
) {
  const dataPoints = points.map(([offset, value]) => pointAt(offset, { asInt: String(value) }));
  return {
    name: "train.tokens",
    unit: "{token}",
    sum: { aggregationTemporality: temporality, isMonotonic: true, dataPoints },
  };
}

export function rejectionOf({ headers, body }: OtlpReply): { rejected: number; message: string } {
  if (headers["content-type"] === "application/json") {
    const { partialSuccess } = JSON.parse(body.toString()) as {
      partialSuccess?: { rejectedDataPoints: string; errorMessage: string };
    };
    return {
      rejected: Number(partialSuccess?.rejectedDataPoints ?? 0),
      message: partialSuccess?.errorMessage ?? "",
    };
  }
  const [partial] = readFields(body);
  const [rejected, message] = partial ? readFields(partial.bytes) : [];
  return { rejected: rejected?.value ?? 0, message: message ? readText(message) : "" };
}
