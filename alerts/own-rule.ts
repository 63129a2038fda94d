/** Rules of a user's own, over any metric: the same kinds of conditions as ours have. */
import { openMetric } from "../core/catalog/metric.ts";
import {
  age,
  compare,
  divide,
  increase,
  lacks,
  over,
  peerDifference,
  peerRatio,
  placeLabels,
  rate,
  value,
  type Comparison,
  type Condition,
  type Expression,
  type Selection,
  type Summary,
} from "./expression.ts";
import { checkClear } from "./override.ts";
import type { Rule } from "./rule.ts";

/** What of the samples is judged: the newest, what a window makes of them, or how long ago the time is that they hold. */
export type Measure =
  | { readonly kind: "value" | "age" }
  | { readonly kind: "rate" | "increase" | Summary; readonly windowMilliseconds: number };

export interface OwnSeries {
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface OwnRule
  extends
    OwnSeries,
    Pick<
      Rule,
      | "forMilliseconds"
      | "keepFiringForMilliseconds"
      | "severity"
      | "team"
      | "component"
      | "summary"
      | "description"
      | "runbookUrl"
      | "dashboardUrl"
    > {
  readonly alert: string;
  readonly measure: Measure;
  /** Divided by this, measured in the same way; the sides meet where the labels of `on` are equal, all of them when left out. */
  readonly ratioTo?: (OwnSeries & { readonly on?: readonly string[] | undefined }) | undefined;
  /** Held against the median of its peers: those of the same target with the same values of `by`. */
  readonly peers?:
    | { readonly by: readonly string[]; readonly as: "difference" | "ratio" }
    | undefined;
  /** Holds where the metric is there and this one isn't. */
  readonly absent?: (OwnSeries & { readonly on: readonly string[] }) | undefined;
  readonly op: Comparison;
  readonly threshold: number;
  readonly clear?: number | undefined;
}

/** Throws a RangeError when `clear` is on the wrong side of the threshold. */
export function makeOwnRule(own: OwnRule): Rule {
  const judged = compare(judgedBy(own), own.op, own.threshold, own.clear);
  checkClear(judged);
  return Object.freeze({
    name: own.alert,
    condition: withAbsence(judged, own),
    forMilliseconds: own.forMilliseconds,
    keepFiringForMilliseconds: own.keepFiringForMilliseconds,
    severity: own.severity,
    team: own.team,
    component: own.component,
    summary: own.summary,
    description: own.description,
    runbookUrl: own.runbookUrl,
    dashboardUrl: own.dashboardUrl,
    onByDefault: true,
    source: "the user's configuration",
  });
}

function judgedBy({ measure, ratioTo, peers, ...own }: OwnRule): Expression {
  const measured = measuredBy(select(own), measure);
  const judged =
    ratioTo === undefined
      ? measured
      : divide(measured, measuredBy(select(ratioTo), measure), ratioTo.on);
  if (peers === undefined) return judged;
  const by = [...new Set([...placeLabels, ...peers.by])];
  return peers.as === "ratio" ? peerRatio(judged, by) : peerDifference(judged, by);
}

function select({ metric, labels }: OwnSeries): Selection {
  return { ...value(openMetric(metric, "gauge", "", [])), match: labels };
}

function measuredBy(of: Selection, measure: Measure): Expression {
  switch (measure.kind) {
    case "value":
      return of;
    case "age":
      return age(of);
    case "rate":
      return rate(of, measure.windowMilliseconds);
    case "increase":
      return increase(of, measure.windowMilliseconds);
    default:
      return over(measure.kind, of, measure.windowMilliseconds);
  }
}

function withAbsence(judged: Condition, { absent }: OwnRule): Condition {
  return absent === undefined ? judged : lacks(judged, select(absent), absent.on);
}
