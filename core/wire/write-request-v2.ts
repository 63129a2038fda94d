/**
 * Reads remote-write 2.0's message (prometheus/prometheus: prompb/io/prometheus/write/v2/types.proto).
 *
 *     Request    = { symbol = 4 | timeseries = 5 }
 *     TimeSeries = { labels_refs = 1 (packed) | sample = 2 | histogram = 3 | exemplar = 4 | metadata = 5 | created = 6 }
 *     Sample     = value = 1 (double) timestamp = 2 (int64) start = 3 (int64)
 *     Metadata   = type = 1 help_ref = 3 unit_ref = 4
 *
 * Symbols and series are known by their bytes as in 1.0; a series' bytes are the numbers of its symbols. When a counter
 * began (`created`, `start`) isn't kept: resets are seen in the values.
 */
import { createByteKeys } from "./byte-keys.ts";
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
  type FamilyMetadata,
  type NumberSeries,
  type WireLabel,
  type WriteRequestLimits,
  type WriteRequestReader,
} from "./write-request.ts";

const symbolTag = 0x22;
const timeSeriesTag = 0x2a;
const referencesTag = 0x0a;
const referenceTag = 0x08;
const sampleTag = 0x12;
const histogramTag = 0x1a;
const exemplarTag = 0x22;
const metadataTag = 0x2a;
const metadataTypeTag = 0x08;
const metadataHelpTag = 0x18;

export function createWriteRequestV2Reader(
  limits: WriteRequestLimits,
  numberSeries: NumberSeries,
): WriteRequestReader {
  const bounds = { keys: limits.keys, bytes: limits.keyBytes / 2 };
  const symbolKeys = createByteKeys(bounds);
  const seriesKeys = createByteKeys(bounds);
  const builder = createBatchBuilder(limits.samples);
  const cursor: WireCursor = { at: 0, source: Buffer.alloc(0) };
  let numbers = new Int32Array(1024);
  /** Per symbol of the message its number among all symbols, and where it is in the message. */
  let symbols = new Int32Array(1024);
  let starts = new Int32Array(1024);
  let ends = new Int32Array(1024);
  let symbolCount = 0;
  /** A series' references, and as its key the numbers of what they refer to; -1 marks a key that can't be kept. */
  const references = new Int32Array(limits.labels * 2);
  const words = new Int32Array(limits.labels * 2);
  const scratch = Buffer.from(words.buffer);
  let referenceCount = 0;
  let isSound = true;
  let isKeyed = true;

  function readSymbols(end: number): void {
    symbolCount = 0;
    while (cursor.at < end) {
      const tag = readWireVarint(cursor, end);
      if (tag === symbolTag) addSymbol(fieldEnd(cursor, end));
      else skipField(cursor, end, tag);
    }
  }

  function addSymbol(end: number): void {
    if (symbolCount >= limits.symbols)
      throw wireMalformed(`it has more than ${limits.symbols} symbols`);
    if (symbolCount === symbols.length) {
      symbols = widen(symbols);
      starts = widen(starts);
      ends = widen(ends);
    }
    const { source, at } = cursor;
    const guessed = symbolKeys.guess(source, at, end);
    const isWhole = guessed >= 0 && symbolKeys.lengthOf(guessed) === end - at;
    const known = isWhole ? guessed : symbolKeys.find(source, at, end);
    symbols[symbolCount] = known >= 0 ? known : symbolKeys.add(source, at, end);
    starts[symbolCount] = at;
    ends[symbolCount] = end;
    symbolCount += 1;
    cursor.at = end;
  }

  function readSeries(end: number): void {
    const { source } = cursor;
    referenceCount = 0;
    isSound = true;
    isKeyed = true;
    while (cursor.at < end && isReferences(source[cursor.at]!)) {
      const isPacked = source[cursor.at] === referencesTag;
      cursor.at += 1;
      const stop = isPacked ? fieldEnd(cursor, end) : 0;
      if (isPacked) while (cursor.at < stop) addReference(readWireVarint(cursor, stop));
      else addReference(readWireVarint(cursor, end));
    }
    const series = numberOf(end);
    while (cursor.at < end) {
      const tag = readWireVarint(cursor, end);
      if (tag === sampleTag) readSample(cursor, fieldEnd(cursor, end), series, builder);
      else if (isReferences(tag)) throw wireMalformed("a series' labels aren't together");
      else {
        if (tag === exemplarTag) builder.sawExemplar();
        else if (tag === histogramTag) builder.sawHistogram();
        skipField(cursor, end, tag);
      }
    }
  }

  function addReference(reference: number): void {
    if (reference >= symbolCount || referenceCount >= references.length) {
      isSound = false;
      return;
    }
    const symbol = symbols[reference]!;
    if (symbol < 0) isKeyed = false;
    references[referenceCount] = reference;
    words[referenceCount] = symbol;
    referenceCount += 1;
  }

  function numberOf(end: number): number {
    if (!isSound || referenceCount % 2 !== 0) return numberSeries(null, null);
    const length = referenceCount * 4;
    const guessed = isKeyed ? seriesKeys.guess(scratch, 0, length) : -1;
    if (guessed >= 0 && seriesKeys.lengthOf(guessed) === length) return numbers[guessed]!;
    const known = isKeyed ? seriesKeys.find(scratch, 0, length) : -1;
    if (known >= 0) return numbers[known]!;
    const number = numberSeries(readLabels(), readMetadata(cursor.at, end));
    const key = isKeyed ? seriesKeys.add(scratch, 0, length) : -1;
    if (key >= numbers.length) numbers = widen(numbers);
    if (key >= 0) numbers[key] = number;
    return number;
  }

  function readLabels(): readonly WireLabel[] | null {
    const labels: WireLabel[] = [];
    for (let index = 0; index < referenceCount; index += 2) {
      const name = textOf(references[index]!);
      const value = textOf(references[index + 1]!);
      if (name === null || value === null) return null;
      labels.push({ name, value });
    }
    return checkLabels(labels);
  }

  /** Looked for only where a series is new: it comes behind the samples. */
  function readMetadata(from: number, end: number): FamilyMetadata | null {
    const ahead: WireCursor = { at: from, source: cursor.source };
    while (ahead.at < end) {
      const tag = readWireVarint(ahead, end);
      if (tag !== metadataTag) {
        skipField(ahead, end, tag);
        continue;
      }
      const stop = fieldEnd(ahead, end);
      let type = 0;
      let help = 0;
      while (ahead.at < stop) {
        const field = readWireVarint(ahead, stop);
        if (field === metadataTypeTag) type = readWireVarint(ahead, stop);
        else if (field === metadataHelpTag) help = readWireVarint(ahead, stop);
        else skipField(ahead, stop, field);
      }
      return { type: metadataTypes[type] ?? "unknown", help: textOf(help) ?? "" };
    }
    return null;
  }

  function textOf(reference: number): string | null {
    if (reference >= symbolCount) return null;
    return readUtf8(cursor.source.subarray(starts[reference], ends[reference]), limits.labelBytes);
  }

  function forget(): void {
    symbolKeys.clear();
    seriesKeys.clear();
  }

  return {
    read(message) {
      builder.reset();
      // Full of label sets that may not come any more: what comes is learned anew.
      if (symbolKeys.isFull || seriesKeys.isFull) forget();
      symbolKeys.rewind();
      seriesKeys.rewind();
      cursor.source = message;
      cursor.at = 0;
      readSymbols(message.length);
      cursor.at = 0;
      while (cursor.at < message.length) {
        const tag = readWireVarint(cursor, message.length);
        if (tag === timeSeriesTag) readSeries(fieldEnd(cursor, message.length));
        else skipField(cursor, message.length, tag);
      }
      return builder.batch;
    },
    forget,
  };
}

function isReferences(tag: number): boolean {
  return tag === referencesTag || tag === referenceTag;
}

function widen(column: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const wider = new Int32Array(column.length * 2);
  wider.set(column);
  return wider;
}
