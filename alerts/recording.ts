/** Roll-ups of the fleet, and what failed of the collector's objectives, that Prometheus keeps beside the raw series: cheap to ask for over months. */
import { stringify } from "yaml";
import { attribution, fleet, gpu, gpuErrors } from "../core/catalog/index.ts";
import {
  add,
  aggregate,
  divide,
  increase,
  rate,
  value,
  type Aggregate,
  type Expression,
} from "./expression.ts";
import { burnWindows } from "./burn-rate.ts";
import { stale, undelivered } from "./objectives.ts";
import { renderExpression } from "./promql.ts";
import { renderDuration } from "../core/kit/duration.ts";
import type { Metric } from "../core/catalog/metric.ts";

export interface RecordingRule {
  /** `level:metric:operation`, as Prometheus' guide has it. */
  readonly record: string;
  readonly expression: Expression;
}

const hour = 3_600_000;
const fiveMinutes = 300_000;
/** What a level's series are told apart by. */
const levels = {
  cluster: ["cluster"],
  node: ["cluster", "node", "instance"],
  model: ["cluster", "modelName"],
} as const;
type Level = keyof typeof levels;

function summed(level: Level, how: Aggregate, metric: Metric): RecordingRule {
  return {
    record: `${level}:${metric.name}:${how}`,
    expression: aggregate(how, levels[level], value(metric)),
  };
}

function used(level: Level): RecordingRule {
  const sum = (metric: Metric): Expression => aggregate("sum", levels[level], value(metric));
  return {
    record: `${level}:${gpu.memoryUsed.name}:ratio`,
    expression: divide(sum(gpu.memoryUsed), add(sum(gpu.memoryUsed), sum(gpu.memoryFree))),
  };
}

export const recordingRules: readonly RecordingRule[] = [
  ...(["cluster", "node", "model"] as const).flatMap((level) => [
    summed(level, "avg", gpu.utilization),
    summed(level, "avg", gpu.tensorActive),
    summed(level, "sum", gpu.powerUsage),
    summed(level, "max", gpu.temperature),
    used(level),
  ]),
  summed("cluster", "avg", fleet.nodeUp),
  summed("cluster", "sum", fleet.gpusExpected),
  summed("cluster", "sum", fleet.gpusPresent),
  summed("cluster", "sum", gpuErrors.lost),
  summed("cluster", "sum", attribution.allocatable),
  {
    record: `cluster_model:${gpu.info.name}:count`,
    expression: aggregate("count", ["cluster", "model"], value(gpu.info)),
  },
  {
    record: `cluster_reason:${gpuErrors.throttleActive.name}:sum`,
    expression: aggregate("sum", ["cluster", "reason"], value(gpuErrors.throttleActive)),
  },
  {
    record: `cluster_action:${gpuErrors.xidEvents.name}:increase1h`,
    expression: aggregate("sum", ["cluster", "action"], increase(value(gpuErrors.xidEvents), hour)),
  },
  {
    record: `cluster:${gpuErrors.eccSingleBitVolatile.name}:rate5m`,
    expression: aggregate(
      "sum",
      ["cluster"],
      rate(value(gpuErrors.eccSingleBitVolatile), fiveMinutes),
    ),
  },
];

/** The share that failed, over every window that a rule on its burn rate has. */
export const objectiveRules: readonly RecordingRule[] = burnWindows.flatMap((window) =>
  Object.entries({ alert_delivery: undelivered, telemetry_freshness: stale }).map(
    ([objective, failing]) => ({
      record: `instance:${objective}_errors:ratio_rate${renderDuration(window)}`,
      expression: failing(window),
    }),
  ),
);

/** A rule file of its own, so that whoever has no need of it leaves it out. */
export function renderRecordingFile(): string {
  const group = (name: string, rules: readonly RecordingRule[]) => ({
    name: `warpwatch-${name}`,
    interval: "30s",
    rules: rules.map(({ record, expression }) => ({ record, expr: renderExpression(expression) })),
  });
  const groups = [group("recording", recordingRules), group("objectives", objectiveRules)];
  return `# Generated from alerts/recording.ts by \`npm run generate\`; edit that.\n${stringify({ groups }, { lineWidth: 0 })}`;
}
