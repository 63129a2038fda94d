/** Inhibition: an alert that another one explains isn't told. As Alertmanager's `inhibit_rules`, kept up to date step by step. */
import type { Alert } from "../../state/alert.ts";
import { compileMatchers, type Labels, type MatcherSet } from "./matcher.ts";

interface LabelCondition {
  readonly label: string;
  readonly op: "=" | "!=" | "=~" | "!~";
  readonly value: string;
}

/** While an alert that matches `source` fires, those that match `target` and have equal labels aren't told. */
export interface InhibitionPair {
  readonly source: readonly LabelCondition[];
  readonly target: readonly LabelCondition[];
  /** One that both lack counts as equal. */
  readonly equal: readonly string[];
  /** Where the collector's own alerts carry other labels than Prometheus'; `equal` when left out. */
  readonly equalInCollector?: readonly string[];
}

export interface Inhibitions {
  /** Alerts as they are after a step; those that don't fire any more inhibit nothing. */
  observe(changed: readonly Alert[], gone?: readonly string[]): void;
  /** What explains this alert: the source's fingerprint, or null. Depends on what fires, not on how many. */
  find(alert: Alert): string | null;
}

interface Rule {
  readonly source: MatcherSet;
  readonly target: MatcherSet;
  readonly equal: readonly string[];
  /** By the values of the equal labels. */
  readonly firing: Map<string, Firing>;
}

/** Fingerprints of sources that fire; those that are targets of the same rule apart. */
interface Firing {
  readonly sources: Set<string>;
  readonly both: Set<string>;
}

/** What its labels, which never change, make of an alert in one rule. */
interface Place {
  readonly rule: Rule;
  readonly key: string;
  readonly isSource: boolean;
}

const maximumRemembered = 20_000;

export function createInhibitions(pairs: readonly InhibitionPair[]): Inhibitions {
  const rules = pairs.map((pair): Rule => ({
    source: compile(pair.source),
    target: compile(pair.target),
    equal: pair.equalInCollector ?? pair.equal,
    firing: new Map(),
  }));
  /** Fingerprint → where it stands among the sources. */
  const places = new Map<string, (readonly [Rule, string])[]>();

  const remembered = new Map<string, readonly Place[]>();

  function remove(fingerprint: string): void {
    for (const [rule, key] of places.get(fingerprint) ?? []) {
      const firing = rule.firing.get(key);
      if (firing === undefined) continue;
      firing.sources.delete(fingerprint);
      firing.both.delete(fingerprint);
      if (firing.sources.size + firing.both.size === 0) rule.firing.delete(key);
    }
    places.delete(fingerprint);
  }

  function add({ fingerprint, labels }: Alert): void {
    const found: (readonly [Rule, string])[] = [];
    for (const rule of rules) {
      if (!rule.source.matches(labels)) continue;
      const key = keyOf(rule.equal, labels);
      const firing = rule.firing.get(key) ?? { sources: new Set(), both: new Set() };
      rule.firing.set(key, firing);
      (rule.target.matches(labels) ? firing.both : firing.sources).add(fingerprint);
      found.push([rule, key]);
    }
    if (found.length > 0) places.set(fingerprint, found);
  }

  /** Asked of every alert that waits, once a second. */
  function targetsOf({ fingerprint, labels }: Alert): readonly Place[] {
    const known = remembered.get(fingerprint);
    if (known) return known;
    const found = rules
      .filter((rule) => rule.target.matches(labels))
      .map((rule) => ({
        rule,
        key: keyOf(rule.equal, labels),
        isSource: rule.source.matches(labels),
      }));
    if (remembered.size >= maximumRemembered) remembered.clear();
    remembered.set(fingerprint, found);
    return found;
  }

  return {
    observe(changed, gone = []) {
      for (const fingerprint of gone) remove(fingerprint);
      for (const alert of changed) {
        if (alert.state !== "firing") remove(alert.fingerprint);
        else if (!places.has(alert.fingerprint)) add(alert);
      }
    },
    find(alert) {
      for (const { rule, key, isSource } of targetsOf(alert)) {
        const firing = rule.firing.get(key);
        if (firing === undefined) continue;
        const [source] = firing.sources;
        if (source !== undefined) return source;
        // Of alerts that are both, none explains another: all would fall silent.
        const [other] = isSource ? [] : firing.both;
        if (other !== undefined) return other;
      }
      return null;
    },
  };
}

function compile(conditions: readonly LabelCondition[]): MatcherSet {
  return compileMatchers(
    conditions.map(({ label, op, value }) => ({
      name: label,
      value,
      isRegex: op.endsWith("~"),
      isEqual: !op.startsWith("!"),
    })),
  );
}

function keyOf(equal: readonly string[], labels: Labels): string {
  return JSON.stringify(equal.map((name) => labels[name] ?? ""));
}
