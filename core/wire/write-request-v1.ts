/**
 * Reads remote-write 1.0's message (prometheus/prometheus: prompb/remote.proto, types.proto).
 *
 *     WriteRequest   = { timeseries = 1 | metadata = 3 }
 *     TimeSeries     = { label = 1 | sample = 2 | exemplar = 3 | histogram = 4 }
 *     Label          = name = 1 value = 2
 *     Sample         = value = 1 (double) timestamp = 2 (int64)
 *     MetricMetadata = type = 1 family = 2 help = 4 unit = 5
 *
 * A series is known by the bytes of its labels: as long as a sender writes them alike, they are compared and not read.
 */
import { createByteKeys } from "./byte-keys.ts";
import { readKnownSeries } from "./write-request-known.ts";
import { readFields, readText } from "./protobuf.ts";
import {
  fieldEnd,
  readSample,
  readWireVarint,
  skipField,
  wireMalformed,
  type WireCursor,
} from "./wire-cursor.ts";
import {
  checkLabels,
  createBatchBuilder,
  metadataTypes,
  readUtf8,
  type NumberSeries,
  type WireLabel,
  type WriteRequestLimits,
  type WriteRequestReader,
} from "./write-request.ts";

const timeSeriesTag = 0x0a;
const metadataTag = 0x1a;
const labelTag = 0x0a;
const sampleTag = 0x12;
const exemplarTag = 0x1a;
const histogramTag = 0x22;
const maximumHelpBytes = 4096;

export function createWriteRequestReader(
  limits: WriteRequestLimits,
  numberSeries: NumberSeries,
): WriteRequestReader {
  const keys = createByteKeys({ keys: limits.keys, bytes: limits.keyBytes });
  const builder = createBatchBuilder(limits.samples);
  const cursor: WireCursor = { at: 0, source: Buffer.alloc(0) };
  let numbers = new Int32Array(1024);

  function readSeries(end: number): void {
    const start = cursor.at;
    const series = guess(start, end) ?? readNumber(start, end);
    while (cursor.at < end) {
      const tag = readWireVarint(cursor, end);
      if (tag === sampleTag) readSample(cursor, fieldEnd(cursor, end), series, builder);
      else if (tag === labelTag) throw wireMalformed("a series' labels aren't together");
      else {
        if (tag === exemplarTag) builder.sawExemplar();
        else if (tag === histogramTag) builder.sawHistogram();
        skipField(cursor, end, tag);
      }
    }
  }

  /** The series that followed the last time, when the bytes of its labels are here and no label after them. */
  function guess(start: number, end: number): number | null {
    const { source } = cursor;
    const key = keys.guess(source, start, end);
    if (key < 0) return null;
    cursor.at = start + keys.lengthOf(key);
    return cursor.at < end && source[cursor.at] === labelTag ? null : numbers[key]!;
  }

  function readNumber(start: number, end: number): number {
    const { source } = cursor;
    cursor.at = start;
    while (cursor.at < end && source[cursor.at] === labelTag) {
      cursor.at += 1;
      cursor.at = fieldEnd(cursor, end);
    }
    return numberOf(source, start, cursor.at);
  }

  function numberOf(source: Buffer, start: number, end: number): number {
    const known = keys.find(source, start, end);
    if (known >= 0) return numbers[known]!;
    const number = numberSeries(readLabels(source.subarray(start, end)), null);
    const key = keys.add(source, start, end);
    if (key >= numbers.length) {
      const wider = new Int32Array(numbers.length * 2);
      wider.set(numbers);
      numbers = wider;
    }
    if (key >= 0) numbers[key] = number;
    return number;
  }

  function readLabels(bytes: Buffer): readonly WireLabel[] | null {
    const labels: WireLabel[] = [];
    for (const { bytes: label } of readFields(bytes)) {
      let name: string | null = "";
      let value: string | null = "";
      for (const field of readFields(label))
        if (field.number === 1) name = readUtf8(field.bytes, limits.labelBytes);
        else if (field.number === 2) value = readUtf8(field.bytes, limits.labelBytes);
      if (name === null || value === null || labels.length >= limits.labels) return null;
      labels.push({ name, value });
    }
    return checkLabels(labels);
  }

  function readMetadata(end: number): void {
    let type = 0;
    let family = "";
    let help = "";
    for (const field of readFields(cursor.source.subarray(cursor.at, end)))
      if (field.number === 1) type = field.value;
      else if (field.number === 2) family = readText(field);
      else if (field.number === 4) help = readUtf8(field.bytes, maximumHelpBytes) ?? "";
    builder.describe(family, { type: metadataTypes[type] ?? "unknown", help });
    cursor.at = end;
  }

  return {
    read(message) {
      builder.reset();
      // Full of label sets that may not come any more: what comes is learned anew.
      if (keys.isFull) keys.clear();
      keys.rewind();
      cursor.source = message;
      cursor.at = 0;
      const end = message.length;
      for (;;) {
        cursor.at = readKnownSeries(message, cursor.at, keys, numbers, builder.batch);
        if (cursor.at === end) break;
        const tag = readWireVarint(cursor, end);
        if (tag === timeSeriesTag) readSeries(fieldEnd(cursor, end));
        else if (tag === metadataTag) readMetadata(fieldEnd(cursor, end));
        else skipField(cursor, end, tag);
      }
      return builder.batch;
    },
    forget: () => keys.clear(),
  };
}
