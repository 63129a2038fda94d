/** The labels of a page's series: the target's beside its own, and metric relabelling. Worked out once per list of series. */
import type { ParsedExposition, ParsedSeries } from "../../../core/wire/parsed.ts";
import { createLabelSet, relabel, type LabelSet } from "./relabel.ts";
import type { Target } from "./target.ts";

export interface LabelledSeries {
  readonly parsed: ParsedSeries;
  readonly name: string;
  readonly labels: readonly string[];
  readonly labelValues: readonly string[];
}

export interface LabelledPage {
  readonly series: readonly LabelledSeries[];
  /** Where each series stands on the page; null: the page's series in its order. */
  readonly slots: Int32Array | null;
  /** One sentence where labels are over the job's limits: the page counts as none then. */
  readonly refused: string;
  /** Series that relabelling made equal to others: the first counts. */
  readonly duplicates: number;
}

export interface Labeller {
  /** The same object until the page's list of series changes. */
  label(page: ParsedExposition): LabelledPage;
}

export function createLabeller(target: Target): Labeller {
  const name = nameWith(target);
  let layoutVersion = -1;
  let known: LabelledPage = { series: [], slots: null, refused: "", duplicates: 0 };
  return {
    label(page) {
      if (page.layoutVersion !== layoutVersion) {
        layoutVersion = page.layoutVersion;
        known = labelPage(page.series, target, name);
      }
      return known;
    },
  };
}

/** What a series is called, and what tells it from the others after relabelling; null: it is dropped. */
interface Named {
  readonly labelled: LabelledSeries;
  readonly key: string;
}

/** Remembers each series as long as the page has it: one that comes costs no more than itself. */
function nameWith(target: Target): (parsed: ParsedSeries) => Named | null {
  const rules = target.job.metricRelabel ?? [];
  const merge = mergeWith(target);
  const known = new WeakMap<ParsedSeries, Named | null>();
  return (parsed) => {
    const before = known.get(parsed);
    if (before !== undefined) return before;
    const plain = merge(parsed);
    const labelled = rules.length === 0 ? plain : relabelSeries(plain, target);
    const { name, labels, labelValues } = labelled ?? plain;
    const key = rules.length === 0 ? "" : JSON.stringify([name, labels, labelValues]);
    const named = labelled && { labelled, key };
    known.set(parsed, named);
    return named;
  };
}

function labelPage(
  page: readonly ParsedSeries[],
  target: Target,
  name: (parsed: ParsedSeries) => Named | null,
): LabelledPage {
  const series: LabelledSeries[] = [];
  const slots: number[] = [];
  const seen = new Set<string>();
  let duplicates = 0;
  for (const [slot, parsed] of page.entries()) {
    const named = name(parsed);
    if (named === null) continue;
    const refused = complaintAbout(named.labelled, target);
    if (refused !== "") return { series: [], slots: null, refused, duplicates: 0 };
    // Without relabelling the page's own series are all different.
    if (named.key !== "" && seen.has(named.key)) {
      duplicates += 1;
      continue;
    }
    seen.add(named.key);
    series.push(named.labelled);
    slots.push(slot);
  }
  const whole = slots.length === page.length;
  return { series, slots: whole ? null : Int32Array.from(slots), refused: "", duplicates };
}

/**
 * Adds the target's labels to a series'. Where both have one the target's counts and the page's is kept under another name;
 * with `honor_labels` the page's counts.
 */
function mergeWith(target: Target): (parsed: ParsedSeries) => LabelledSeries {
  const honored = target.job.honorLabels === true;
  const taken = new Set(["job", "instance", ...target.labels.map(([name]) => name)]);
  return (parsed) => {
    const own = new Set(parsed.labels);
    const added = target.labels.filter(([name]) => !honored || !own.has(name));
    const names = parsed.labels.map((name) => {
      if (honored || !taken.has(name)) return name;
      let other = `exported_${name}`;
      while (own.has(other) || taken.has(other)) other = `exported_${other}`;
      return other;
    });
    return {
      parsed,
      name: parsed.name,
      labels: [...names, ...added.map(([name]) => name)],
      labelValues: [...parsed.labelValues, ...added.map(([, value]) => value)],
    };
  };
}

/** The rules see `job`, `instance` and `node` as they see the others; what they leave as it was stays the target's. */
function relabelSeries(series: LabelledSeries, target: Target): LabelledSeries | null {
  const origin: readonly (readonly [string, string])[] = [
    ["job", target.jobName],
    ["instance", target.instance],
    ["node", target.node],
  ];
  const set = createLabelSet([
    ...origin,
    ...series.labels.map((name, index) => [name, series.labelValues[index] ?? ""] as const),
    ["__name__", series.name],
  ]);
  if (!relabel(set, target.job.metricRelabel ?? [])) return null;
  const name = set.get("__name__");
  if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name)) return null;
  const kept = finalLabels(set, origin);
  return {
    parsed: series.parsed,
    name,
    labels: kept.map(([label]) => label),
    labelValues: kept.map(([, value]) => value),
  };
}

function finalLabels(
  set: LabelSet,
  origin: readonly (readonly [string, string])[],
): (readonly [string, string])[] {
  const same = new Map(origin);
  return set
    .entries()
    .filter(([name, value]) => !name.startsWith("__") && same.get(name) !== value)
    .toSorted(([one], [other]) => (one < other ? -1 : 1));
}

function complaintAbout({ name, labels, labelValues }: LabelledSeries, { job }: Target): string {
  const limits = job.limits;
  if (limits === undefined) return "";
  // The name itself, `job` and `instance` are labels too.
  if (labels.length + 3 > (limits.labels ?? Infinity))
    return `${name} has ${labels.length + 3} labels, and label_limit is ${limits.labels}`;
  const long = labels.find((label) => label.length > (limits.labelNameLength ?? Infinity));
  if (long !== undefined)
    return `${name} has a label whose name is over label_name_length_limit, ${limits.labelNameLength}`;
  const index = labelValues.findIndex(
    (value) => value.length > (limits.labelValueLength ?? Infinity),
  );
  if (index >= 0)
    return `label ${labels[index]} of ${name} is over label_value_length_limit, ${limits.labelValueLength}`;
  return "";
}
