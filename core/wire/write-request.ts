/**
 * What remote-write's readers give: the samples of one request as columns of numbers. A series is named by the number
 * that its labels were given when they came the first time, so that what comes again is numbers only.
 */
import { isUtf8 } from "node:buffer";
import { WarpwatchError } from "../kit/errors.ts";
import type { FamilyType } from "./parse-metadata.ts";

export interface WireLabel {
  readonly name: string;
  readonly value: string;
}

export interface FamilyMetadata {
  readonly type: FamilyType;
  readonly help: string;
}

/** Gives a series its number: 0 or more, or one of the caller's own below 0 for a series that it refuses. */
export type NumberSeries = (
  /** Sorted by name, none empty, none twice; null when the labels break the specification. */
  labels: readonly WireLabel[] | null,
  metadata: FamilyMetadata | null,
) => number;

/** The columns are the reader's: they hold until the next request is read. */
export interface SampleBatch {
  readonly length: number;
  readonly series: Int32Array;
  /** Unix milliseconds. */
  readonly times: Float64Array;
  readonly values: Float64Array;
  /** The same bytes as `values`: a NaN's bits survive only where they are copied as whole numbers. */
  readonly words: Int32Array;
  readonly histograms: number;
  readonly exemplars: number;
  /** 1.0 only: what the sender says of families by name. 2.0 has it with each series. */
  readonly metadata: ReadonlyMap<string, FamilyMetadata>;
}

export interface WriteRequestReader {
  /** Throws MESSAGE_MALFORMED or MESSAGE_TOO_LARGE: then nothing of the request counts. */
  read(message: Buffer): SampleBatch;
  /** The caller gives series new numbers from now on. */
  forget(): void;
}

export interface WriteRequestLimits {
  /** Label sets whose numbers are remembered, and the bytes of them. */
  readonly keys: number;
  readonly keyBytes: number;
  readonly samples: number;
  readonly labels: number;
  readonly labelBytes: number;
  readonly symbols: number;
}

export const defaultWriteRequestLimits: WriteRequestLimits = {
  keys: 2_000_000,
  keyBytes: 1024 * 1024 * 1024,
  samples: 1_000_000,
  labels: 128,
  labelBytes: 65_536,
  symbols: 1_000_000,
};

/** In the order of the numbers that the messages have for them; the same in both versions. */
export const metadataTypes: readonly FamilyType[] = [
  "unknown",
  "counter",
  "gauge",
  "histogram",
  "gaugehistogram",
  "summary",
  "info",
  "stateset",
];

export interface BatchBuilder {
  /** Who writes into the columns themselves, up to their ends, sets the length. */
  readonly batch: SampleBatch & { length: number };
  reset(): void;
  add(series: number, time: number, low: number, high: number): void;
  sawHistogram(): void;
  sawExemplar(): void;
  describe(family: string, metadata: FamilyMetadata): void;
}

const firstSamples = 1024;
const maximumFamilies = 10_000;

export function createBatchBuilder(maximumSamples: number): BatchBuilder {
  const metadata = new Map<string, FamilyMetadata>();
  const values = new Float64Array(firstSamples);
  const batch = {
    length: 0,
    series: new Int32Array(firstSamples),
    times: new Float64Array(firstSamples),
    values,
    words: new Int32Array(values.buffer),
    histograms: 0,
    exemplars: 0,
    metadata,
  };

  function grow(): void {
    if (batch.length >= maximumSamples)
      throw new WarpwatchError(
        "MESSAGE_TOO_LARGE",
        `the request holds more than ${maximumSamples} samples`,
      );
    const length = batch.length * 2;
    const series = new Int32Array(length);
    const times = new Float64Array(length);
    const words = new Int32Array(length * 2);
    series.set(batch.series);
    times.set(batch.times);
    words.set(batch.words);
    batch.series = series;
    batch.times = times;
    batch.words = words;
    batch.values = new Float64Array(words.buffer);
  }

  return {
    batch,
    reset() {
      batch.length = 0;
      batch.histograms = 0;
      batch.exemplars = 0;
      metadata.clear();
    },
    add(series, time, low, high) {
      const at = batch.length;
      if (at === batch.series.length) grow();
      batch.series[at] = series;
      batch.times[at] = time;
      batch.words[at * 2] = low;
      batch.words[at * 2 + 1] = high;
      batch.length = at + 1;
    },
    sawHistogram: () => void (batch.histograms += 1),
    sawExemplar: () => void (batch.exemplars += 1),
    describe(family, one) {
      if (metadata.size < maximumFamilies) metadata.set(family, one);
    },
  };
}

/** Labels as the specification wants them; null when a name is empty or there twice, or a text isn't UTF-8. */
export function checkLabels(labels: readonly WireLabel[]): readonly WireLabel[] | null {
  if (labels.some(({ name }) => name === "")) return null;
  // An empty value is the same as no label.
  const kept = labels.filter(({ value }) => value !== "");
  const sorted = isSorted(kept) ? kept : kept.toSorted((one, other) => order(one, other));
  const isTwice = sorted.some(({ name }, index) => name === sorted[index + 1]?.name);
  return isTwice ? null : sorted;
}

/** Null when it isn't UTF-8, or over the limit. */
export function readUtf8(bytes: Buffer, maximumBytes: number): string | null {
  return bytes.length <= maximumBytes && isUtf8(bytes) ? bytes.toString("utf8") : null;
}

function isSorted(labels: readonly WireLabel[]): boolean {
  return labels.every((label, index) => index === 0 || order(labels[index - 1]!, label) < 0);
}

function order(one: WireLabel, other: WireLabel): number {
  if (one.name === other.name) return 0;
  return one.name < other.name ? -1 : 1;
}
