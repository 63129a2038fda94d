/**
 * Which series of which origins come by remote-write or OTLP, each under a number. An origin is what a Prometheus calls a target: one
 * `job` and `instance`. Its list of series grows as they come and is cut back when they stay away.
 */
import type { Device } from "../../../core/catalog/device.ts";
import { openMetric, type Metric, type MetricKind } from "../../../core/catalog/metric.ts";
import type { Group, Schema, Series } from "../../../core/wire/frame.ts";
import type { FamilyMetadata, WireLabel } from "../../../core/wire/write-request.ts";
import { gpuOf } from "../device.ts";

/** What stands in the place of a number for a series that isn't taken. */
export const refusedSeries = { invalid: -1, series: -2, label_length: -3, origins: -4 } as const;

export type SeriesRefusal = keyof typeof refusedSeries;

export interface RegistryLimits {
  readonly origins: number;
  readonly seriesPerOrigin: number;
  readonly labelValueLength: number;
  /** Of all origins together. */
  readonly series: number;
}

/** An origin with the column that its next frame is made of: what has no bit in `present` means nothing. */
export interface RemoteOrigin {
  readonly key: string;
  readonly schema: Schema;
  values: Float64Array;
  words: Int32Array;
  present: Uint8Array;
  /** The moment whose samples the column holds until they are sent; 0 when it holds none. */
  heldMilliseconds: number;
  sequence: number;
}

/** What is known of each series, by its number; the arrays are others once a series is new or one was let go. */
export interface SeriesColumns {
  /** The same number for the same origin, to tell runs of samples apart. */
  readonly origins: Int32Array;
  readonly slots: Int32Array;
  /** Unix milliseconds of the newest sample that was taken. */
  readonly newest: Float64Array;
  /** Its value, as the two halves of its bits. */
  readonly newestWords: Int32Array;
  /** In which sweep's time the series came last: who takes a sample writes `turn` here. */
  readonly seen: Int32Array;
}

export interface Registry {
  readonly size: number;
  /** Rises when series got other numbers: those remembered elsewhere are then void. */
  readonly epoch: number;
  /** The number of a series, a new one where it wasn't known; below 0 when it is refused. */
  numberOf(labels: readonly WireLabel[] | null, metadata: FamilyMetadata | null): number;
  /** Brings schema and column up to date with the series that came since. What the column holds stays. */
  originOf(number: number): RemoteOrigin;
  readonly columns: SeriesColumns;
  /** How many sweeps there were. */
  readonly turn: number;
  /** Lets go of the series that didn't come during the last `sweeps` sweeps. */
  sweep(): void;
  /** Calls before series get other places: what the columns hold must be sent by then. */
  beforeRebuild(callback: () => void): void;
}

/** By what way the series come. */
export interface RegistrySource {
  /** What a series without `job` or `instance` (a recording rule's) goes under. */
  readonly withoutTarget: string;
  /** That a target sends says that its node is there; a job that runs on a node doesn't vouch for it. */
  readonly isOfNode: boolean;
}

interface OriginDraft extends RemoteOrigin {
  schema: Schema;
  /** The node that every one of its series names; null once two differ. */
  node: string | null;
  readonly index: number;
  readonly job: string;
  readonly instance: string;
  series: Series[];
  numbers: Map<string, number>;
  readonly devices: Map<string, Device>;
  /** Series came or went since the schema was made. */
  isStale: boolean;
}

const remoteWrite: RegistrySource = { withoutTarget: "remote_write", isOfNode: true };
const firstSeries = 1024;
/** With one a minute: an hour. */
const sweeps = 60;
const rising = /_(total|count|sum|bucket)$/;

export function createRegistry(
  limits: RegistryLimits,
  boot: string,
  source: RegistrySource = remoteWrite,
): Registry {
  const { withoutTarget, isOfNode } = source;
  let origins: OriginDraft[] = [];
  let byKey = new Map<string, OriginDraft>();
  let metrics = new Map<string, Metric>();
  let texts = new Map<string, string>();
  let columns = makeColumns(firstSeries);
  let size = 0;
  let epoch = 0;
  let sweepCount = 0;
  /** Where an origin begins to count its frames: history takes a number that it knows for a repeat. */
  let firstSequence = 0;
  const rebuilds: (() => void)[] = [];

  function numberOf(labels: readonly WireLabel[] | null, metadata: FamilyMetadata | null): number {
    const find = (name: string): string => labels?.find((one) => one.name === name)?.value ?? "";
    const name = find("__name__");
    if (labels === null || name === "") return refusedSeries.invalid;
    if (labels.some(({ value }) => value.length > limits.labelValueLength))
      return refusedSeries.label_length;
    const origin = originFor(find("job") || withoutTarget, find("instance") || withoutTarget);
    if (origin === null) return refusedSeries.origins;
    const others = labels.filter((one) => !namedElsewhere.has(one.name));
    const key = [name, ...others.flatMap((one) => [one.name, one.value])].join("\u0000");
    const known = origin.numbers.get(key);
    if (known !== undefined) return known;
    if (origin.numbers.size >= limits.seriesPerOrigin || size >= limits.series)
      return refusedSeries.series;
    noteNode(origin, find("node"));
    const values = others.map(({ value }) => intern(value));
    const metric = metricOf(name, others, metadata);
    const node = isOfNode ? nodeOf(origin, source) : find("node");
    const device = gpuOf(find, node, origin.devices);
    const slot = origin.series.push({ metric, values, device }) - 1;
    const number = add(origin, slot, 0);
    origin.isStale = true;
    origin.numbers.set(key, number);
    return number;
  }

  function originFor(job: string, instance: string): OriginDraft | null {
    const key = `${job}/${instance}`;
    const known = byKey.get(key);
    if (known) return known;
    if (byKey.size >= limits.origins) return null;
    const made = makeOrigin(key, job, instance, origins.length, boot, firstSequence);
    origins.push(made);
    byKey.set(key, made);
    return made;
  }

  function add(origin: OriginDraft, slot: number, newest: number): number {
    if (size === columns.slots.length) columns = widen(columns);
    columns.origins[size] = origin.index;
    columns.slots[size] = slot;
    columns.newest[size] = newest;
    columns.seen[size] = sweepCount;
    size += 1;
    return size - 1;
  }

  /** Sent with the series in 2.0; by 1.0 every minute, so that it isn't waited for. */
  function metricOf(
    name: string,
    labels: readonly WireLabel[],
    metadata: FamilyMetadata | null,
  ): Metric {
    const names = labels.map((one) => one.name);
    const kind = kindOf(name, metadata);
    const help = metadata?.help ?? "";
    const key = [name, kind, help, ...names].join("\u0000");
    const known = metrics.get(key) ?? openMetric(name, kind, help, names);
    metrics.set(key, known);
    return known;
  }

  /** Label values are alike over many series: one text serves all. */
  function intern(text: string): string {
    const known = texts.get(text);
    if (known !== undefined) return known;
    texts.set(text, text);
    return text;
  }

  function rebuild(keep: (number: number) => boolean): void {
    for (const call of rebuilds) call();
    const before = { columns, origins };
    columns = makeColumns(Math.max(firstSeries, columns.slots.length));
    size = 0;
    epoch += 1;
    metrics = new Map();
    texts = new Map();
    byKey = new Map();
    origins = [];
    for (const origin of before.origins) {
      const { series, numbers } = origin;
      const kept: OriginDraft = {
        ...origin,
        ...makeColumn(0),
        index: origins.length,
        series: [],
        numbers: new Map(),
        devices: new Map(),
        isStale: true,
      };
      for (const [key, number] of numbers) {
        if (!keep(number)) continue;
        const slot = kept.series.push(series[before.columns.slots[number]!]!) - 1;
        const moved = add(kept, slot, before.columns.newest[number]!);
        columns.newestWords[moved * 2] = before.columns.newestWords[number * 2]!;
        columns.newestWords[moved * 2 + 1] = before.columns.newestWords[number * 2 + 1]!;
        columns.seen[moved] = before.columns.seen[number]!;
        kept.numbers.set(key, moved);
      }
      if (kept.series.length === 0) {
        firstSequence = Math.max(firstSequence, kept.sequence);
        continue;
      }
      origins.push(kept);
      byKey.set(kept.key, kept);
    }
  }

  return {
    get size() {
      return size;
    },
    get epoch() {
      return epoch;
    },
    get columns() {
      return columns;
    },
    get turn() {
      return sweepCount;
    },
    numberOf,
    originOf(number) {
      const origin = origins[columns.origins[number]!]!;
      if (origin.isStale) refresh(origin, boot, source);
      return origin;
    },
    sweep() {
      sweepCount += 1;
      const oldest = sweepCount - sweeps;
      const isKept = (number: number): boolean => columns.seen[number]! >= oldest;
      let isWhole = true;
      for (let number = 0; number < size && isWhole; number += 1) isWhole = isKept(number);
      if (isWhole) return;
      const { seen } = columns;
      rebuild((number) => seen[number]! >= oldest);
    },
    beforeRebuild: (callback) => void rebuilds.push(callback),
  };
}

/** These are the origin's; the name is the metric's. */
const namedElsewhere: ReadonlySet<string> = new Set(["__name__", "job", "instance"]);

function makeOrigin(
  key: string,
  job: string,
  instance: string,
  index: number,
  boot: string,
  sequence: number,
): OriginDraft {
  const origin = { node: "", job, instance, boot };
  const schema: Schema = { origin, version: 0, groups: [], series: [] };
  const lists = { series: [], numbers: new Map(), devices: new Map() };
  const rest = { node: "", heldMilliseconds: 0, sequence, isStale: true };
  return { key, job, instance, index, schema, ...makeColumn(0), ...lists, ...rest };
}

function noteNode(origin: OriginDraft, node: string): void {
  if (origin.series.length === 0) origin.node = node;
  else if (origin.node !== node) origin.node = null;
}

/** The `node` label where all series agree, so that one who reports on many nodes isn't any of them; else the host. */
function nodeOf(
  { node, instance }: OriginDraft,
  { isOfNode, withoutTarget }: RegistrySource,
): string {
  if (!isOfNode) return "";
  if (node !== null && node !== "") return node;
  if (instance === withoutTarget) return "";
  return instance.replace(/^\[(.*)\](:\d+)?$/, "$1").replace(/^([^:]*):\d+$/, "$1");
}

function refresh(draft: OriginDraft, boot: string, source: RegistrySource): void {
  const { job, instance } = draft;
  const length = draft.series.length;
  const groups: Group[] = [{ source: source.withoutTarget, first: 0, length }];
  draft.schema = {
    origin: { node: nodeOf(draft, source), job, instance, boot },
    version: draft.schema.version + 1,
    groups,
    series: draft.series.slice(),
  };
  const { words, present } = draft;
  Object.assign(draft, makeColumn(length));
  // Series are only added, so each stays in its place.
  draft.words.set(words);
  draft.present.set(present);
  draft.isStale = false;
}

function makeColumn(length: number): Pick<RemoteOrigin, "values" | "words" | "present"> {
  const values = new Float64Array(length);
  return {
    values,
    words: new Int32Array(values.buffer),
    present: new Uint8Array((length + 7) >> 3),
  };
}

/** What a sample is by itself, as in a scraped page: a histogram's buckets, sum and count only rise. */
function kindOf(name: string, metadata: FamilyMetadata | null): MetricKind {
  const type = metadata?.type ?? "unknown";
  if (type === "counter") return "counter";
  if (type === "info") return "info";
  const mayRise = type === "histogram" || type === "summary" || type === "unknown";
  return mayRise && rising.test(name) ? "counter" : "gauge";
}

function makeColumns(length: number): SeriesColumns {
  return {
    origins: new Int32Array(length),
    slots: new Int32Array(length),
    newest: new Float64Array(length),
    newestWords: new Int32Array(length * 2),
    seen: new Int32Array(length),
  };
}

function widen(former: SeriesColumns): SeriesColumns {
  const wider = makeColumns(former.slots.length * 2);
  wider.origins.set(former.origins);
  wider.slots.set(former.slots);
  wider.newest.set(former.newest);
  wider.newestWords.set(former.newestWords);
  wider.seen.set(former.seen);
  return wider;
}
