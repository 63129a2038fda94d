/**
 * The schema as bytes. All numbers are varints, all texts indexes into the table that comes first.
 *
 *     schema  = texts origin version devices metrics groups series
 *     texts   = count { length UTF-8 }
 *     origin  = node job instance boot
 *     devices = count { kind id node name model cluster region rack chassis slot }
 *     metrics = count { name openTelemetryName kind unit help sampling authority compatibilityOnly labels buckets }
 *     labels  = count { label }
 *     buckets = count { float64 little-endian }
 *     groups  = count { source first length }
 *     series  = count { metric-index device-index-plus-one { value } }       one value per label of the metric
 */
import type { Device, DeviceKind } from "../catalog/device.ts";
import type { Authority, Metric, MetricKind, SamplingClass, Unit } from "../catalog/metric.ts";
import { createByteWriter, malformed, type ByteReader } from "./bytes.ts";
import type { Group, Schema, Series } from "./frame.ts";

export interface SchemaLimits {
  readonly series: number;
  readonly groups: number;
  readonly metrics: number;
  readonly devices: number;
  readonly labels: number;
  readonly buckets: number;
  readonly texts: number;
  readonly textBytes: number;
}

/** Objects rather than lists, so that a word that is added to the type has to be added here. */
const deviceKinds: Record<DeviceKind, true> = {
  node: true,
  gpu: true,
  mig: true,
  nvlink: true,
  nic: true,
  drive: true,
  fan: true,
  filesystem: true,
};
const metricKinds: Record<MetricKind, true> = {
  counter: true,
  gauge: true,
  info: true,
  histogram: true,
};
const units: Record<Unit, true> = {
  none: true,
  seconds: true,
  milliseconds: true,
  nanoseconds: true,
  bytes: true,
  mebibytes: true,
  kibibytes: true,
  ratio: true,
  percent: true,
  celsius: true,
  watts: true,
  joules: true,
  millijoules: true,
  hertz: true,
  megahertz: true,
  bytes_per_second: true,
};
const samplings: Record<SamplingClass, true> = {
  fast: true,
  steady: true,
  "slow-kernel": true,
  inventory: true,
};
const authorities: Record<Authority, true> = {
  warpwatch: true,
  node_exporter: true,
  "dcgm-exporter": true,
  "device-metrics-exporter": true,
  open: true,
};

export function encodeSchema(schema: Schema): Buffer {
  const texts = new Map<string, number>();
  const text = (value: string): number => indexOf(texts, value);
  const devices = new Map<Device, number>();
  const metrics = new Map<Metric, number>();
  const fields: number[] = [];
  for (const { metric, device, values } of schema.series) {
    fields.push(indexOf(metrics, metric), device ? indexOf(devices, device) + 1 : 0);
    for (let label = 0; label < metric.labels.length; label += 1)
      fields.push(text(values[label] ?? ""));
  }
  const rest = createByteWriter();
  const { node, job, instance, boot } = schema.origin;
  for (const part of [node, job, instance, boot]) rest.varint(text(part));
  rest.varint(schema.version);
  rest.varint(devices.size);
  for (const { kind, id, node, name, model, place } of devices.keys()) {
    const { cluster, region, rack, chassis, slot } = place;
    for (const part of [kind, id, node, name, model, cluster, region, rack, chassis, slot])
      rest.varint(text(part));
  }
  rest.varint(metrics.size);
  for (const metric of metrics.keys()) {
    const { name, openTelemetryName, kind, unit, help, sampling, authority } = metric;
    for (const part of [name, openTelemetryName, kind, unit, help, sampling, authority])
      rest.varint(text(part));
    rest.byte(metric.compatibilityOnly ? 1 : 0);
    rest.varint(metric.labels.length);
    for (const label of metric.labels) rest.varint(text(label));
    rest.varint(metric.buckets.length);
    for (const bound of metric.buckets) rest.float(bound);
  }
  rest.varint(schema.groups.length);
  for (const group of schema.groups) {
    rest.varint(text(group.source));
    rest.varint(group.first);
    rest.varint(group.length);
  }
  rest.varint(schema.series.length);
  for (const field of fields) rest.varint(field);
  const table = createByteWriter();
  table.varint(texts.size);
  for (const entry of texts.keys()) table.string(entry);
  return Buffer.concat([table.finish(), rest.finish()]);
}

function indexOf<Key>(places: Map<Key, number>, key: Key): number {
  const known = places.get(key);
  if (known !== undefined) return known;
  places.set(key, places.size);
  return places.size - 1;
}

export function decodeSchema(reader: ByteReader, limits: SchemaLimits): Schema {
  const texts = list(reader.count("texts", limits.texts), () => reader.string(limits.textBytes));
  const text = (): string => texts[reader.index("text", texts.length)] ?? "";
  const origin = { node: text(), job: text(), instance: text(), boot: text() };
  const version = reader.varint();
  const devices = list(reader.count("devices", limits.devices), () => readDevice(text));
  const metrics = list(reader.count("metrics", limits.metrics), () =>
    readMetric(reader, text, limits),
  );
  const groups = list(reader.count("groups", limits.groups), (): Group => ({
    source: text(),
    first: reader.varint(),
    length: reader.varint(),
  }));
  const series = list(reader.count("series", limits.series), (): Series => {
    const metric = metrics[reader.index("metric", metrics.length)];
    const device = devices[reader.index("device", devices.length + 1) - 1] ?? null;
    if (!metric) throw malformed("a series has no metric");
    return { metric, device, values: metric.labels.map(text) };
  });
  for (const { first, length } of groups)
    if (first + length > series.length)
      throw malformed("a group of the schema reaches beyond its series");
  return { origin, version, groups, series };
}

function readDevice(text: () => string): Device {
  return {
    kind: oneOf(deviceKinds, text(), "kind of device"),
    id: text(),
    node: text(),
    name: text(),
    model: text(),
    place: { cluster: text(), region: text(), rack: text(), chassis: text(), slot: text() },
  };
}

function readMetric(reader: ByteReader, text: () => string, limits: SchemaLimits): Metric {
  return {
    name: text(),
    openTelemetryName: text(),
    kind: oneOf(metricKinds, text(), "kind of metric"),
    unit: oneOf(units, text(), "unit"),
    help: text(),
    sampling: oneOf(samplings, text(), "sampling class"),
    authority: oneOf(authorities, text(), "authority"),
    compatibilityOnly: reader.byte() === 1,
    labels: list(reader.count("labels", limits.labels), text),
    buckets: list(reader.count("buckets", limits.buckets), () => reader.float()),
  };
}

function list<Item>(count: number, read: () => Item): Item[] {
  return Array.from({ length: count }, () => read());
}

function oneOf<Word extends string>(known: Record<Word, true>, word: string, what: string): Word {
  if (!Object.hasOwn(known, word)) throw malformed(`${JSON.stringify(word)} isn't a ${what}`);
  return word as Word;
}
