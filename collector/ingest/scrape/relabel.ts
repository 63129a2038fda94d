/** Relabelling, step by step as Prometheus does it (prometheus.io/docs, relabel_config). */
import { createHash } from "node:crypto";

export const relabelActions = [
  "replace",
  "keep",
  "drop",
  "keepequal",
  "dropequal",
  "hashmod",
  "labelmap",
  "labeldrop",
  "labelkeep",
  "lowercase",
  "uppercase",
] as const;

export interface RelabelRule {
  readonly action: (typeof relabelActions)[number];
  readonly sourceLabels: readonly string[];
  readonly separator: string;
  /** Matches the whole text. */
  readonly regex: RegExp;
  readonly modulus: number;
  readonly targetLabel: string;
  readonly replacement: string;
}

/** Labels while they are worked on. An empty value is none. */
export interface LabelSet {
  get(name: string): string;
  set(name: string, value: string): void;
  delete(name: string): void;
  /** As they are now: those that were not changed by name, then the others in the order of their change. */
  entries(): (readonly [name: string, value: string])[];
}

export const labelNamePattern = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

export function createLabelSet(initial: Iterable<readonly [string, string]>): LabelSet {
  const given = [...initial].filter(([, value]) => value !== "");
  const labels = new Map(given.toSorted(([one], [other]) => (one < other ? -1 : 1)));
  const changed = new Set<string>();
  const remove = (name: string): void => {
    labels.delete(name);
    changed.delete(name);
  };
  return {
    get: (name) => labels.get(name) ?? "",
    set(name, value) {
      if (value === "") {
        remove(name);
        return;
      }
      if (!changed.has(name)) labels.delete(name);
      changed.add(name);
      labels.set(name, value);
    },
    delete: remove,
    entries: () => [...labels],
  };
}

/** Changes the labels by each rule in turn; false when one drops what they belong to. */
export function relabel(labels: LabelSet, rules: readonly RelabelRule[]): boolean {
  return rules.every((rule) => apply(labels, rule));
}

/** What an action does with the labels and the joined values of its source labels; false drops all. */
type Action = (labels: LabelSet, rule: RelabelRule, value: string) => boolean;

const actions: Readonly<Record<RelabelRule["action"], Action>> = {
  keep: (_, { regex }, value) => regex.test(value),
  drop: (_, { regex }, value) => !regex.test(value),
  keepequal: (labels, { targetLabel }, value) => labels.get(targetLabel) === value,
  dropequal: (labels, { targetLabel }, value) => labels.get(targetLabel) !== value,
  replace,
  hashmod: (labels, { targetLabel, modulus }, value) =>
    assign(labels, targetLabel, remainder(value, modulus)),
  lowercase: (labels, { targetLabel }, value) => assign(labels, targetLabel, value.toLowerCase()),
  uppercase: (labels, { targetLabel }, value) => assign(labels, targetLabel, value.toUpperCase()),
  labelmap(labels, { regex, replacement }) {
    for (const [name, value] of labels.entries()) {
      const match = regex.exec(name);
      if (match) labels.set(expand(replacement, match), value);
    }
    return true;
  },
  labeldrop: (labels, { regex }) => deleteWhere(labels, (name) => regex.test(name)),
  labelkeep: (labels, { regex }) => deleteWhere(labels, (name) => !regex.test(name)),
};

function apply(labels: LabelSet, rule: RelabelRule): boolean {
  const value = rule.sourceLabels.map((name) => labels.get(name)).join(rule.separator);
  return actions[rule.action](labels, rule, value);
}

function replace(labels: LabelSet, rule: RelabelRule, value: string): true {
  const match = rule.regex.exec(value);
  const target = match === null ? "" : expand(rule.targetLabel, match);
  if (match !== null && labelNamePattern.test(target))
    labels.set(target, expand(rule.replacement, match));
  return true;
}

function assign(labels: LabelSet, name: string, value: string): true {
  labels.set(name, value);
  return true;
}

function deleteWhere(labels: LabelSet, isUnwanted: (name: string) => boolean): true {
  for (const [name] of labels.entries()) if (isUnwanted(name)) labels.delete(name);
  return true;
}

/** `$1`, `${1}`, `$name` and `$$`, as Go's regexp.Expand reads them: a name is as long as it can be. */
function expand(template: string, match: RegExpExecArray): string {
  if (!template.includes("$")) return template;
  return template.replaceAll(
    /\$(?:\$|([\p{L}\p{Nd}_]+)|\{([\p{L}\p{Nd}_]+)\})/gu,
    (_, plain: string | undefined, braced: string | undefined) => {
      const name = plain ?? braced;
      if (name === undefined) return "$";
      if (/^(0|[1-9]\d{0,7})$/.test(name)) return match[Number(name)] ?? "";
      return match.groups?.[name] ?? "";
    },
  );
}

/** The last eight bytes of the MD5 sum: what Prometheus has always taken, so that shards fall alike. */
function remainder(value: string, modulus: number): string {
  const sum = createHash("md5").update(value).digest();
  return String(sum.readBigUInt64BE(8) % BigInt(modulus));
}
