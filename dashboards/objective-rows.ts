/** The collector board's part about its two objectives: what failed of them lately, and what of the month's allowance is used. */
import { burns } from "../alerts/burn-rate.ts";
import { divide, type Expression } from "../alerts/expression.ts";
import {
  deliveryAllowance,
  deliveryBurn,
  deliveryBurnSlow,
  freshnessAllowance,
  freshnessBurn,
  freshnessBurnSlow,
  stale,
  undelivered,
} from "../alerts/objectives.ts";
import type { Rule } from "../alerts/rule.ts";
import { renderDuration } from "../core/kit/duration.ts";
import { figure, lines, type Panel, type Row } from "./board.ts";

interface Objective {
  readonly name: string;
  readonly what: string;
  /** The share that failed over a window. */
  readonly failing: (windowMilliseconds: number) => Expression;
  readonly allowance: number;
  readonly rules: readonly Rule[];
}

const month = 30 * 86_400_000;
/** Those of the two rules that the collector judges itself. */
const windows = [burns.fast, burns.slow].flatMap(({ shortMilliseconds, longMilliseconds }) => [
  shortMilliseconds,
  longMilliseconds,
]);

const objectives: readonly Objective[] = [
  {
    name: "delivery",
    what: "Share of notifications that were not accepted within 30 s of the sample; attempts in vain count. One in a thousand may.",
    failing: undelivered,
    allowance: deliveryAllowance,
    rules: [deliveryBurn, deliveryBurnSlow],
  },
  {
    name: "freshness",
    what: "Share of looks at a node that found its samples older than twice their period. Five in a thousand may.",
    failing: stale,
    allowance: freshnessAllowance,
    rules: [freshnessBurn, freshnessBurnSlow],
  },
];

function shareOf({ name, what, failing, rules }: Objective): Panel {
  return lines(
    `What failed of ${name}`,
    "percentunit",
    `${what} A page or ticket follows where a short and a long window are both past the line.`,
    windows.map((window) => ({
      expression: failing(window),
      legend: `{{instance}} ${renderDuration(window)}`,
      over: "own",
    })),
    { rules, still: true },
  );
}

function usedOf({ name, failing, allowance }: Objective): Panel {
  return figure(
    `Allowance used: ${name}`,
    "percentunit",
    "Of what may fail in thirty days, the share that did. Above 100 % the objective was missed.",
    [
      {
        expression: divide(failing(month), allowance),
        legend: "{{instance}}",
        over: "own",
      },
    ],
    { warning: 0.5, critical: 1, still: true },
  );
}

export const objectiveRows: readonly Row[] = [
  {
    title: "Whether the promises hold",
    panels: objectives.flatMap((objective) => [shareOf(objective), usedOf(objective)]),
  },
];
