/** What HELP, TYPE and UNIT lines say of families, and which family a sample belongs to. Truth: Prometheus text format 0.0.4, OpenMetrics 1.0.0. */
import type { MetricKind } from "../catalog/metric.ts";
import type { ExpositionFormat } from "./exposition-plan.ts";
import { unescape } from "./parse-series.ts";

const familyTypes = [
  "counter",
  "gauge",
  "histogram",
  "gaugehistogram",
  "summary",
  "info",
  "stateset",
  "unknown",
] as const;

export type FamilyType = (typeof familyTypes)[number];

export interface Family {
  readonly name: string;
  readonly type: FamilyType;
  readonly help: string;
  readonly unit: string;
}

export interface Metadata {
  /** Reads a line that begins with `#`; returns what is wrong with it, or null. `# EOF` isn't its business. */
  readLine(line: string): string | null;
  /** The family of a sample; one is made for a name that no line announced. */
  familyOf(sampleName: string): Family;
}

type Entry = { -readonly [Key in keyof Family]: Family[Key] } & {
  typed: boolean;
  helped: boolean;
  sampled: boolean;
};

const suffixes: Readonly<Record<FamilyType, readonly string[]>> = {
  counter: ["_total", "_created"],
  gauge: [],
  histogram: ["_bucket", "_sum", "_count", "_created"],
  gaugehistogram: ["_bucket", "_gsum", "_gcount"],
  summary: ["_sum", "_count", "_created"],
  info: ["_info"],
  stateset: [],
  unknown: [],
};

const metricName = /^[A-Za-z_:][A-Za-z0-9_:]*$/;

/** The state of one page. */
export function createMetadata(format: ExpositionFormat): Metadata {
  const families = new Map<string, Entry>();
  let last: { readonly sampleName: string; readonly family: Entry } | null = null;

  function entryOf(name: string): Entry {
    let entry = families.get(name);
    if (!entry) {
      entry = {
        name,
        type: "unknown",
        help: "",
        unit: "",
        typed: false,
        helped: false,
        sampled: false,
      };
      families.set(name, entry);
    }
    return entry;
  }

  function find(sampleName: string): Entry {
    const exact = families.get(sampleName);
    if (exact?.typed === true) return exact;
    const cut = sampleName.lastIndexOf("_");
    const base = cut > 0 ? families.get(sampleName.slice(0, cut)) : undefined;
    if (base && suffixes[base.type].includes(sampleName.slice(cut))) return base;
    return exact ?? entryOf(sampleName);
  }

  return {
    readLine(line) {
      const match = /^#[ \t]+(HELP|TYPE|UNIT)(?:[ \t]+([^ \t]+)(?:[ \t](.*))?)?$/s.exec(line);
      if (!match)
        return format === "openmetrics"
          ? "OpenMetrics has no comments but HELP, TYPE and UNIT"
          : null;
      const [, keyword, name = "", text = ""] = match;
      if (keyword === "UNIT" && format === "text") return null;
      if (!metricName.test(name))
        return `${keyword} isn't followed by a metric name but by ${JSON.stringify(name)}`;
      const entry = entryOf(name);
      if (keyword === "TYPE") return readType(entry, text.trim());
      if (keyword === "UNIT") return readUnit(entry, text.trim());
      if (entry.helped) return `${name} has a HELP already`;
      entry.helped = true;
      entry.help = unescape(text.trimStart());
      return null;
    },
    familyOf(sampleName) {
      if (last?.sampleName === sampleName) return last.family;
      const family = find(sampleName);
      family.sampled = true;
      last = { sampleName, family };
      return family;
    },
  };
}

/** What the sample is by itself: a histogram's buckets, sum and count only rise, a summary's quantiles don't. */
export function sampleKind(family: Family, sampleName: string): MetricKind {
  const suffix = sampleName.slice(family.name.length);
  if (suffix === "_created") return "gauge";
  if (family.type === "counter") return "counter";
  if (family.type === "info") return "info";
  const rises = family.type === "histogram" || family.type === "summary";
  return rises && suffix !== "" ? "counter" : "gauge";
}

function readType(entry: Entry, text: string): string | null {
  const type = text === "untyped" ? "unknown" : familyTypes.find((known) => known === text);
  if (type === undefined) return `${JSON.stringify(text)} isn't a type that ${entry.name} can have`;
  if (entry.typed) return `${entry.name} has a TYPE already`;
  if (entry.sampled) return `the TYPE of ${entry.name} comes after its samples`;
  entry.typed = true;
  entry.type = type;
  return null;
}

function readUnit(entry: Entry, unit: string): string | null {
  if (unit !== "" && !entry.name.endsWith(`_${unit}`))
    return `${entry.name} doesn't end in its UNIT ${JSON.stringify(unit)}`;
  entry.unit = unit;
  return null;
}
