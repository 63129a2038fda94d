/** The series of a target and the columns of their samples, while a page is read into them. */
import { isPresent, setPresent } from "./frame.ts";
import { sampleKind, type Family, type Metadata } from "./parse-metadata.ts";
import type { SeriesName } from "./parse-series.ts";
import type { ParsedExposition, ParsedSeries } from "./parsed.ts";

export type Columns = Pick<
  ParsedExposition,
  "series" | "values" | "timestamps" | "present" | "samples"
>;

export interface ColumnsBuilder {
  /** The slot of a series: the one it has, or a new one. */
  slotOf(name: SeriesName): number;
  /** Stores a sample; false where the slot has one already. */
  write(slot: number, value: number, timestamp: number): boolean;
  readonly isFull: boolean;
  finish(): Columns;
}

/** Begins with the series of the page before; the same list comes out where nothing about them changed. */
export function createColumns(
  before: readonly ParsedSeries[],
  metadata: Metadata,
  maximumSamples: number,
): ColumnsBuilder {
  const names = createNames();
  let series = before;
  let changed: ParsedSeries[] | null = null;
  let slots: Map<string, number> | null = null;
  let values = new Float64Array(Math.max(64, before.length));
  let timestamps = new Float64Array(values.length).fill(Number.NaN);
  let present = new Uint8Array((values.length + 7) >> 3);
  let samples = 0;

  function put(slot: number, entry: ParsedSeries): void {
    if (!changed) series = changed = [...before];
    changed[slot] = entry;
  }

  function grow(): void {
    const length = values.length * 2;
    const from = values.length;
    values = enlarge(values, new Float64Array(length));
    timestamps = enlarge(timestamps, new Float64Array(length)).fill(Number.NaN, from);
    present = enlarge(present, new Uint8Array((length + 7) >> 3));
  }

  return {
    get isFull() {
      return samples >= maximumSamples;
    },
    slotOf(name) {
      slots ??= new Map(series.map((entry, slot) => [names.identityOf(entry), slot]));
      const identity = names.identityOf(name);
      const known = slots.get(identity);
      if (known !== undefined) return known;
      const slot = series.length;
      if (slot >= values.length) grow();
      put(slot, describe(names.intern(name), metadata));
      slots.set(identity, slot);
      return slot;
    },
    write(slot, value, timestamp) {
      if (isPresent(present, slot)) return false;
      const entry = series[slot];
      if (entry && !isOf(entry, metadata.familyOf(entry.name)))
        put(slot, describe(entry, metadata));
      setPresent(present, slot);
      values[slot] = value;
      timestamps[slot] = timestamp;
      samples += 1;
      return true;
    },
    finish: () => ({
      series,
      values: values.subarray(0, series.length),
      timestamps: timestamps.subarray(0, series.length),
      present: present.subarray(0, (series.length + 7) >> 3),
      samples,
    }),
  };
}

function enlarge<Column extends Float64Array | Uint8Array>(from: Column, to: Column): Column {
  to.set(from);
  return to;
}

function describe({ name, labels, labelValues }: SeriesName, metadata: Metadata): ParsedSeries {
  const family = metadata.familyOf(name);
  const { type, help, unit } = family;
  const kind = sampleKind(family, name);
  return { name, labels, labelValues, kind, family: family.name, type, help, unit };
}

function isOf(series: ParsedSeries, { name, type, help, unit }: Family): boolean {
  return (
    series.family === name && series.type === type && series.help === help && series.unit === unit
  );
}

interface Names {
  /** Equal strings and lists of a page become one object: a large page has few different ones. */
  intern(name: SeriesName): SeriesName;
  /** Two series are one when their names and label pairs are, in whatever order. */
  identityOf(name: SeriesName): string;
}

interface Shape {
  readonly labels: readonly string[];
  readonly sorted: string;
  /** The places of the labels in sorted order. */
  readonly order: readonly number[];
}

function createNames(): Names {
  const strings = new Map<string, string>();
  const shapes = new Map<string, Shape>();
  const one = (text: string): string => {
    const known = strings.get(text);
    if (known === undefined) strings.set(text, text);
    return known ?? text;
  };
  function shapeOf(labels: readonly string[]): Shape {
    const key = labels.join(",");
    let shape = shapes.get(key);
    if (!shape) {
      const sorted = [...labels].sort();
      const order = sorted.map((label) => labels.indexOf(label));
      shapes.set(key, (shape = { labels, sorted: sorted.join(","), order }));
    }
    return shape;
  }
  return {
    intern: ({ name, labels, labelValues }) => ({
      name: one(name),
      labels: shapeOf(labels).labels,
      labelValues: labelValues.map(one),
    }),
    identityOf({ name, labels, labelValues }) {
      const shape = shapeOf(labels);
      let identity = `${name}{${shape.sorted}`;
      for (const index of shape.order) identity += `\u0000${labelValues[index] ?? ""}`;
      return identity;
    },
  };
}
