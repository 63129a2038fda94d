/** The shape of a rule: a condition with `for`, who it concerns and what to do; evaluated here, rendered for Prometheus. */
import type { LabelName } from "../core/catalog/labels.ts";
import type { Metric } from "../core/catalog/metric.ts";
import { metricsOf, type Condition } from "./expression.ts";

/** `critical` pages a person now, `warning` opens a ticket, `info` goes into a digest. */
export type Severity = "critical" | "warning" | "info";

/**
 * A series has ended (a filesystem was unmounted, an agent that remembered an event was started anew) when its origin
 * no longer has it and still reports this metric with the same values of `on`. Its condition then counts as false.
 */
interface EndOfSeries {
  readonly stillReported: Metric;
  readonly on: readonly string[];
}

/** What no condition can say: Prometheus keeps it as a series of its own, which the condition then reads. */
export interface RecordedSeries {
  /** `level:metric:operation`, as Prometheus' guide has it. */
  readonly record: string;
  readonly promql: string;
}

export interface Rule {
  /** The alert's name, in PascalCase; its runbook is `alerts/runbooks/<name>.md`. */
  readonly name: string;
  readonly condition: Condition;
  /** The condition has to hold this long without a break before the alert fires. */
  readonly forMilliseconds: number;
  /** The alert goes on firing this long after its condition stopped holding. */
  readonly keepFiringForMilliseconds: number;
  readonly severity: Severity;
  readonly team: string;
  /** What kind of part it is about: `gpu`, `disk`, `network`. */
  readonly component: string;
  /** `{{ label }}` stands for a label's value, `{{ value }}`, `{{ value | percent }}` or `{{ value | duration }}` (of seconds) for the number that broke the rule. */
  readonly summary: string;
  readonly description: string;
  readonly runbookUrl: string;
  /** The board that shows it, as a path of Grafana; may hold `{{ label }}`. Empty for none. */
  readonly dashboardUrl: string;
  /** Judged unless the configuration says otherwise. */
  readonly onByDefault: boolean;
  /** Why only Prometheus can judge it: the collector judges one origin at a time. */
  readonly prometheusOnly?: string;
  /** What Prometheus records just before it judges the rule. */
  readonly recorded?: readonly RecordedSeries[];
  /** How to tell a series that ended for good from one that went missing; without it such an alert is held as unknown. */
  readonly ended?: EndOfSeries;
  /** Its data come and go with what runs (a server that is scaled in), so that no alert tells when they are missing. */
  readonly comesAndGoes?: true;
  /** Where the threshold comes from. */
  readonly source: string;
}

type Optional =
  | "forMilliseconds"
  | "keepFiringForMilliseconds"
  | "team"
  | "runbookUrl"
  | "dashboardUrl"
  | "onByDefault";

const runbookBase = "https://github.com/warpwatch/warpwatch/blob/main/alerts/runbooks";
const fleetBoard = "warpwatch-fleet";
/** The board of what isn't about one node. */
const boards: Readonly<Record<string, string>> = {
  agent: "warpwatch-agent",
  collector: "warpwatch-collector",
  delivery: "warpwatch-collector",
  detector: fleetBoard,
  fleet: fleetBoard,
  // A server's own target is no node that the node's board could show.
  inference: "warpwatch-gpus",
};
const ownNode = "node" satisfies LabelName;

function dashboardOf(component: string, condition: Condition): string {
  const board = boards[component];
  if (board !== undefined) return `/d/${board}`;
  // What the collector tells of a node comes from the collector's own target.
  if (metricsOf(condition).some(({ labels }) => labels.includes(ownNode)))
    return `/d/${fleetBoard}`;
  return "/d/warpwatch-node?var-instance={{ instance }}";
}

/** Declares a rule; the addresses of its runbook and board follow from its name and component. */
export function defineRule(
  rule: Omit<Rule, Optional> & Partial<Omit<Rule, "runbookUrl" | "dashboardUrl">>,
): Rule {
  return Object.freeze({
    forMilliseconds: 0,
    keepFiringForMilliseconds: 0,
    team: "infrastructure",
    onByDefault: true,
    ...rule,
    runbookUrl: `${runbookBase}/${rule.name}.md`,
    dashboardUrl: dashboardOf(rule.component, rule.condition),
  });
}
