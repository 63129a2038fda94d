/** The shape of a catalogue entry: one Metric is the only place where a name we author is spelled. */
import type { LabelName } from "./labels.ts";

/** `info` is a gauge that is always 1 and carries facts in its labels. */
export type MetricKind = "counter" | "gauge" | "info" | "histogram";

/** `none` counts things or is a state; the other units are what the number is in, spelled as the name spells them. */
export type Unit =
  | "none"
  | "seconds"
  | "milliseconds"
  | "nanoseconds"
  | "bytes"
  | "mebibytes"
  | "kibibytes"
  | "ratio"
  | "percent"
  | "celsius"
  | "watts"
  | "joules"
  | "millijoules"
  | "hertz"
  | "megahertz"
  | "bytes_per_second";

/** How often the sampler refreshes it (periods in agent/sampler): 1 s, 15 s, per read budget, 1 h. */
export type SamplingClass = "fast" | "steady" | "slow-kernel" | "inventory";

/** Whose name it is: ours, one we keep so that people's dashboards go on working, or one met at run time. */
export type Authority =
  | "warpwatch"
  | "node_exporter"
  | "dcgm-exporter"
  | "device-metrics-exporter"
  | "open";

export interface Metric<Label extends string = string> {
  readonly name: string;
  readonly openTelemetryName: string;
  readonly kind: MetricKind;
  readonly unit: Unit;
  readonly help: string;
  readonly labels: readonly Label[];
  readonly sampling: SamplingClass;
  readonly authority: Authority;
  /** Upper bounds in the metric's unit, for histograms only. */
  readonly buckets: readonly number[];
  /** Exported because the original exporter does; no rule, dashboard or detector of ours reads it. */
  readonly compatibilityOnly: boolean;
}

/** Exactly the metric's labels, no more and no fewer: a wrong, missing or extra label doesn't compile. */
export type LabelValues<Label extends string> = { readonly [K in Label]: string };

interface Definition<Label extends LabelName> {
  readonly name: string;
  readonly kind: MetricKind;
  readonly unit?: Unit;
  readonly help: string;
  readonly labels?: readonly Label[];
  readonly sampling?: SamplingClass;
  /** The OpenTelemetry semantic-convention name, where there is one; derived from `name` otherwise. */
  readonly openTelemetryName?: string;
  readonly buckets?: readonly number[];
  readonly compatibilityOnly?: boolean;
}

/** Declares a metric of the catalogue. Its authority follows from the prefix of its name. */
export function defineMetric<const Label extends LabelName = never>(
  definition: Definition<Label>,
): Metric<Label> {
  const unit = definition.unit ?? "none";
  return Object.freeze({
    name: definition.name,
    openTelemetryName:
      definition.openTelemetryName ?? deriveOpenTelemetryName(definition.name, unit),
    kind: definition.kind,
    unit,
    help: definition.help,
    labels: Object.freeze(definition.labels ?? []),
    sampling: definition.sampling ?? "fast",
    authority: authorityOf(definition.name),
    buckets: Object.freeze(definition.buckets ?? []),
    compatibilityOnly: definition.compatibilityOnly ?? false,
  });
}

/** A family is one entry for an open-ended key space (meminfo keys, vmstat keys): the key becomes part of the name. */
export interface MetricFamily<Label extends string = string> {
  /** The name with `{key}` where the key goes. */
  readonly pattern: string;
  readonly help: string;
  readonly sampling: SamplingClass;
  readonly compatibilityOnly: boolean;
  /** The metric for one key; the same object every time for the same key and form. */
  metric(key: string, form?: FamilyForm): Metric<Label>;
}

/** What the key decides: its kind and unit, and what follows the key in the name. */
export interface FamilyForm {
  readonly kind?: MetricKind;
  readonly unit?: Unit;
  readonly suffix?: string;
}

/** Declares a family. `help` may hold `{key}`. At most `maximumKeys` names are ever made from it. */
export function defineFamily<const Label extends LabelName = never>(
  definition: Omit<Definition<Label>, "name"> & {
    readonly pattern: string;
    readonly maximumKeys?: number;
  },
): MetricFamily<Label> {
  const known = new Map<string, Metric<Label>>();
  const maximumKeys = definition.maximumKeys ?? 1000;
  return {
    pattern: definition.pattern,
    help: definition.help,
    sampling: definition.sampling ?? "fast",
    compatibilityOnly: definition.compatibilityOnly ?? false,
    metric(key, form = {}) {
      const name = definition.pattern.replace("{key}", key) + (form.suffix ?? "");
      const existing = known.get(name);
      if (existing) return existing;
      if (known.size >= maximumKeys)
        throw new RangeError(`family ${definition.pattern} has its ${maximumKeys} names already`);
      const made = defineMetric<Label>({
        ...definition,
        name,
        help: definition.help.replace("{key}", key),
        kind: form.kind ?? definition.kind,
        unit: form.unit ?? definition.unit ?? "none",
      });
      known.set(name, made);
      return made;
    },
  };
}

/** A histogram goes through frames as plain series: one for each bucket, whose bound is in `le`, then sum and count. */
export interface HistogramParts<Label extends string> {
  readonly bucket: Metric<Label | "le">;
  readonly sum: Metric<Label>;
  readonly count: Metric<Label>;
}

/** They keep the kind, by which the exposition puts them under the one family again. */
export function histogramParts<Label extends string>(metric: Metric<Label>): HistogramParts<Label> {
  const part = { ...metric, buckets: [] };
  return {
    bucket: {
      ...part,
      name: `${metric.name}_bucket`,
      labels: [...metric.labels, "le"],
    },
    sum: { ...part, name: `${metric.name}_sum` },
    count: { ...part, name: `${metric.name}_count`, unit: "none" },
  };
}

/** The name of the family that a series belongs to: its own, or for a part of a histogram the histogram's. */
export function familyName({ name, kind }: Metric): string {
  return kind === "histogram" ? name.replace(/_(bucket|sum|count)$/, "") : name;
}

/** A metric met at run time (a scraped target, a textfile): bounded by whoever registers it, unknown to the catalogue. */
export function openMetric(
  name: string,
  kind: MetricKind,
  help: string,
  labels: readonly string[] = [],
): Metric {
  return {
    name,
    openTelemetryName: name,
    kind,
    unit: "none",
    help,
    labels,
    sampling: "fast",
    authority: "open",
    buckets: [],
    compatibilityOnly: false,
  };
}

function authorityOf(name: string): Authority {
  if (name.startsWith("node_")) return "node_exporter";
  if (name.startsWith("DCGM_")) return "dcgm-exporter";
  if (/^(gpu|pcie)_/.test(name)) return "device-metrics-exporter";
  return "warpwatch";
}

/** OpenTelemetry names hold neither the unit nor `_total`: `warpwatch_source_duration_seconds` is `warpwatch.source.duration`. */
function deriveOpenTelemetryName(name: string, unit: Unit): string {
  const bare = name.replace(/_(total|info)$/, "").replace(new RegExp(`_${unit}$`), "");
  const [namespace = "", subject = "", ...rest] = bare.toLowerCase().split("_");
  return [namespace, subject, rest.join("_")].filter((part) => part !== "").join(".");
}
