/** Writes remote-write's messages: 1.0 from labels that were encoded once, 2.0 with its table of symbols. */
import { writeVarint } from "./bytes.ts";
import { metadataTypes, type FamilyMetadata, type WireLabel } from "./write-request.ts";

export interface WriteRequestWriter {
  /** Samples and bytes so far. */
  readonly samples: number;
  readonly bytes: number;
  /** `labels` as `encodeLabels` gives them; the value as the two halves of its bits. */
  add(labels: Buffer, time: number, low: number, high: number): void;
  /** The message; the writer begins a new one. */
  finish(): Buffer;
}

export interface WrittenSample {
  readonly time: number;
  readonly value: number;
  /** The two halves of the value's bits, where it may be a NaN whose bits matter. */
  readonly bits?: readonly [low: number, high: number];
}

export interface WrittenSeries {
  readonly labels: readonly WireLabel[];
  readonly samples: readonly WrittenSample[];
  readonly metadata?: FamilyMetadata;
  readonly createdMilliseconds?: number;
}

const sampleBytes = 20;
const maximumHeadBytes = 12;
const prefix = { label: 0x0a, timeSeries: 0x0a, sample: 0x12 };

/** The label fields of a 1.0 series. They must be sorted by name. */
export function encodeLabels(labels: readonly WireLabel[]): Buffer {
  return Buffer.concat(
    labels.map(({ name, value }) =>
      field(prefix.label, Buffer.concat([text(0x0a, name), text(0x12, value)])),
    ),
  );
}

export function createWriteRequestWriter(): WriteRequestWriter {
  let target = Buffer.allocUnsafe(65_536);
  let at = 0;
  let samples = 0;
  return {
    get samples() {
      return samples;
    },
    get bytes() {
      return at;
    },
    add(labels, time, low, high) {
      const needed = at + labels.length + sampleBytes + maximumHeadBytes;
      if (needed > target.length) {
        const larger = Buffer.allocUnsafe(Math.max(target.length * 2, needed));
        target.copy(larger, 0, 0, at);
        target = larger;
      }
      const sample = 9 + 1 + varintLength(time);
      target[at++] = prefix.timeSeries;
      at = writeVarint(target, at, labels.length + 2 + sample);
      at += labels.copy(target, at);
      target[at++] = prefix.sample;
      target[at++] = sample;
      at = writeSample(target, at, time, low, high);
      samples += 1;
    },
    finish() {
      const message = Buffer.from(target.subarray(0, at));
      at = 0;
      samples = 0;
      return message;
    },
  };
}

/** A whole 1.0 request with what the sender says of the families. */
export function encodeWriteRequest(
  series: readonly WrittenSeries[],
  metadata: ReadonlyMap<string, FamilyMetadata> = new Map(),
): Buffer {
  const parts = series.map(({ labels, samples }) =>
    field(prefix.timeSeries, Buffer.concat([encodeLabels(labels), ...samples.map(encodeSample)])),
  );
  for (const [family, { type, help }] of metadata) {
    const fields = [
      number(0x08, metadataTypes.indexOf(type)),
      text(0x12, family),
      text(0x22, help),
    ];
    parts.push(field(0x1a, Buffer.concat(fields)));
  }
  return Buffer.concat(parts);
}

/** A whole 2.0 request. */
export function encodeWriteRequestV2(series: readonly WrittenSeries[]): Buffer {
  const symbols = new Map<string, number>([["", 0]]);
  const symbol = (one: string): number => {
    const known = symbols.get(one) ?? symbols.size;
    symbols.set(one, known);
    return known;
  };
  const encoded = series.map(({ labels, samples, metadata, createdMilliseconds }) => {
    const references = labels.flatMap(({ name, value }) => [symbol(name), symbol(value)]);
    const parts = [
      field(0x0a, Buffer.concat(references.map(varint))),
      ...samples.map(encodeSample),
    ];
    if (metadata) {
      const type = number(0x08, metadataTypes.indexOf(metadata.type));
      parts.push(field(0x2a, Buffer.concat([type, number(0x18, symbol(metadata.help))])));
    }
    if (createdMilliseconds !== undefined) parts.push(number(0x30, createdMilliseconds));
    return field(0x2a, Buffer.concat(parts));
  });
  return Buffer.concat([...Array.from(symbols.keys(), (one) => text(0x22, one)), ...encoded]);
}

function encodeSample({ time, value, bits }: WrittenSample): Buffer {
  const words = bits ?? new Int32Array(Float64Array.of(value).buffer);
  const sample = Buffer.alloc(sampleBytes);
  const length = writeSample(sample, 0, time, words[0] ?? 0, words[1] ?? 0);
  return field(prefix.sample, sample.subarray(0, length));
}

function writeSample(
  target: Buffer,
  offset: number,
  time: number,
  low: number,
  high: number,
): number {
  target[offset] = 0x09;
  target.writeInt32LE(low, offset + 1);
  target.writeInt32LE(high, offset + 5);
  target[offset + 9] = 0x10;
  return writeVarint(target, offset + 10, time);
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length += 1;
  return length;
}

function varint(value: number): Buffer {
  const bytes = Buffer.alloc(10);
  return bytes.subarray(0, writeVarint(bytes, 0, value));
}

function number(tag: number, value: number): Buffer {
  return Buffer.concat([Buffer.of(tag), varint(value)]);
}

function field(tag: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.of(tag), varint(bytes.length), bytes]);
}

function text(tag: number, one: string): Buffer {
  return field(tag, Buffer.from(one));
}
