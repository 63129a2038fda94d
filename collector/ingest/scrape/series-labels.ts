/** The labels of a page's series: the target's beside its own, and metric relabelling. Worked out once per list of series. */
import type { ParsedExposition, ParsedSeries } from "../../../core/wire/parsed.ts";
import { createLabelSet, relabel, type LabelSet } from "./relabel.ts";
import type { Target } from "./target.ts";

export type LabelledSeries = Pick<
  ParsedSeries,
  "name" | "labels" | "labelValues" | "kind" | "help"
> & {
  /** The labels that the page gives it; left out: its own. */
  readonly parsed?: Pick<ParsedSeries, "labels" | "labelValues">;
};

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
  let named: Named = { parsed: [], labelled: [], keys: [] };
  let known: LabelledPage = { series: [], slots: null, refused: "", duplicates: 0 };
  return {
    label(page) {
      if (page.layoutVersion !== layoutVersion) {
        layoutVersion = page.layoutVersion;
        named = name(page.series, named);
        known = labelPage(named, target);
      }
      return known;
    },
  };
}

/** Slot by slot what a page's series are called. */
interface Named {
  readonly parsed: readonly ParsedSeries[];
  /** null: it is dropped. */
  readonly labelled: readonly (LabelledSeries | null)[];
  /** What tells a series from the others after relabelling; none where there is no rule, since a page's own are all different. */
  readonly keys: readonly string[];
}

/** A series that has the slot it had is called what it was: one that comes costs no more than itself. */
function nameWith(target: Target): (page: readonly ParsedSeries[], before: Named) => Named {
  const rules = target.job.metricRelabel ?? [];
  const merge = mergeWith(target);
  const nameOne = (parsed: ParsedSeries): LabelledSeries | null =>
    rules.length === 0 ? merge(parsed) : relabelSeries(merge(parsed), target);
  return (page, before) => {
    const isKnown = (slot: number): boolean => before.parsed[slot] === page[slot];
    const labelled = page.map((parsed, slot) =>
      isKnown(slot) ? (before.labelled[slot] ?? null) : nameOne(parsed),
    );
    const keys =
      rules.length === 0
        ? []
        : labelled.map((one, slot) => (isKnown(slot) ? (before.keys[slot] ?? "") : keyOf(one)));
    return { parsed: page, labelled, keys };
  };
}

function keyOf(series: LabelledSeries | null): string {
  return series === null ? "" : JSON.stringify([series.name, series.labels, series.labelValues]);
}

function labelPage({ labelled, keys }: Named, target: Target): LabelledPage {
  const series: LabelledSeries[] = [];
  const slots: number[] = [];
  const seen = new Set<string>();
  let duplicates = 0;
  for (const [slot, one] of labelled.entries()) {
    if (one === null) continue;
    const refused = complaintAbout(one, target);
    if (refused !== "") return { series: [], slots: null, refused, duplicates: 0 };
    const key = keys[slot];
    if (key !== undefined && seen.has(key)) {
      duplicates += 1;
      continue;
    }
    if (key !== undefined) seen.add(key);
    series.push(one);
    slots.push(slot);
  }
  const whole = slots.length === labelled.length;
  return { series, slots: whole ? null : Int32Array.from(slots), refused: "", duplicates };
}

/**
 * Adds the target's labels to a series'. Where both have one the target's counts and the page's is kept under another name;
 * with `honor_labels` the page's counts.
 */
function mergeWith(target: Target): (parsed: ParsedSeries) => LabelledSeries {
  const honored = target.job.honorLabels === true;
  const taken = new Set(["job", "instance", ...target.labels.map(([name]) => name)]);
  const mergeNames = mergeNamesWith(target, honored, taken);
  return (parsed) => {
    const isPlain =
      target.labels.length === 0 && (honored || !parsed.labels.some((name) => taken.has(name)));
    if (isPlain) return parsed;
    const { name, kind, help, labelValues } = parsed;
    const added = honored
      ? target.labels.filter(([label]) => !parsed.labels.includes(label))
      : target.labels;
    return {
      parsed,
      name,
      kind,
      help,
      labels: mergeNames(parsed.labels),
      labelValues: [...labelValues, ...added.map(([, value]) => value)],
    };
  };
}

/** Series of the same labels share one list of names. */
function mergeNamesWith(
  target: Target,
  honored: boolean,
  taken: ReadonlySet<string>,
): (names: readonly string[]) => readonly string[] {
  const known = new WeakMap<readonly string[], readonly string[]>();
  return (names) => {
    const before = known.get(names);
    if (before !== undefined) return before;
    const own = new Set(names);
    const added = target.labels.filter(([name]) => !honored || !own.has(name));
    const kept = names.map((name) => {
      if (honored || !taken.has(name)) return name;
      let other = `exported_${name}`;
      while (own.has(other) || taken.has(other)) other = `exported_${other}`;
      return other;
    });
    const merged = [...kept, ...added.map(([name]) => name)];
    known.set(names, merged);
    return merged;
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
    parsed: series.parsed ?? series,
    name,
    kind: series.kind,
    help: series.help,
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
