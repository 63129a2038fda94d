/** Two objectives of the collector's own, with rules on how fast their allowance is used up: people are told, and samples are fresh. */
import { histogramParts } from "../core/catalog/metric.ts";
import { fleet, notify } from "../core/catalog/index.ts";
import { burning, burns } from "./burn-rate.ts";
import {
  add,
  aggregate,
  divide,
  multiply,
  placeLabels,
  rate,
  value,
  type Expression,
  type Selection,
} from "./expression.ts";
import { defineRule } from "./rule.ts";

const minute = 60_000;

/** Of a thousand notifications and attempts one may fail or come late. */
export const deliveryAllowance = 0.001;
/** Of a thousand looks at a node five may find it stale. */
export const freshnessAllowance = 0.005;

const latency = histogramParts(notify.notificationLatency);
/** OpenMetrics writes the bound with its point. */
const inTime = { le: { matches: /30|30\.0/ } };

function perSecond(of: Selection, window: number): Expression {
  return aggregate("sum", placeLabels, rate(of, window));
}

/** The share of notifications that were not accepted within 30 s, attempts that failed among them: they count while nothing gets through. */
export function undelivered(window: number): Expression {
  const accepted = perSecond(value(latency.bucket, inTime), window);
  const late = add(
    perSecond(value(latency.count), window),
    add(
      perSecond(value(notify.notificationRetries), window),
      perSecond(value(notify.notifications, { outcome: { matches: /refused|expired/ } }), window),
    ),
  );
  return add(multiply(divide(accepted, late), -1), 1);
}

/** The share of looks at a node that found its samples older than twice their period. */
export function stale(window: number): Expression {
  return divide(
    perSecond(value(fleet.nodeChecks, { outcome: "stale" }), window),
    perSecond(value(fleet.nodeChecks), window),
  );
}

const workbook = "Google's SRE workbook, chapter 5";
const delivered =
  "for an objective of 99.9 % of notifications accepted within 30 s of the sample; an attempt that failed counts against it";
const seen = "for an objective of 99.5 % of nodes with samples no older than twice their period";
const longerThanKept =
  "it looks back for days, which no window of the collector holds; there the pairs over an hour and over six hours judge the same objective.";
const failingSummary =
  "{{ value | percent }} of what {{ node }} had to tell came late or not at all";
const staleSummary = "{{ value | percent }} of the time a node's samples were stale";

export const deliveryBurn = defineRule({
  name: "AlertDeliveryBurnFast",
  condition: burning(undelivered, deliveryAllowance, burns.fast),
  forMilliseconds: 2 * minute,
  severity: "critical",
  component: "delivery",
  summary: failingSummary,
  description:
    "Over the last hour and still now. Sent by the second channel, since the first may be the one that fails.",
  source: `${workbook}, ${delivered}: 14.4 times the allowance over an hour and the last five minutes uses 2 % of a month's.`,
});

export const deliveryBurnSlow = defineRule({
  name: "AlertDeliveryBurnSlow",
  condition: burning(undelivered, deliveryAllowance, burns.slow),
  forMilliseconds: 15 * minute,
  severity: "warning",
  component: "delivery",
  summary: failingSummary,
  description:
    "Over the last six hours and still now: slow, and enough to use up a month's allowance in five days.",
  source: `${workbook}, ${delivered}: 6 times the allowance over six hours and the last thirty minutes uses 5 % of a month's. A ticket, since what fails at once pages by itself.`,
});

export const deliveryBurnDay = defineRule({
  name: "AlertDeliveryBurnDay",
  condition: burning(undelivered, deliveryAllowance, burns.day),
  forMilliseconds: 60 * minute,
  severity: "warning",
  component: "delivery",
  prometheusOnly: longerThanKept,
  summary: failingSummary,
  description: "Over the last day and the last two hours: a month's allowance is gone in ten days.",
  source: `${workbook}, ${delivered}: 3 times the allowance over a day and the last two hours uses 10 % of a month's.`,
});

export const deliveryBurnDays = defineRule({
  name: "AlertDeliveryBurnDays",
  condition: burning(undelivered, deliveryAllowance, burns.days),
  forMilliseconds: 180 * minute,
  severity: "warning",
  component: "delivery",
  prometheusOnly: longerThanKept,
  summary: failingSummary,
  description:
    "Over the last three days and the last six hours: at this rate the month's allowance is used up just at its end.",
  source: `${workbook}, ${delivered}: as much as the allowance over three days and the last six hours uses 10 % of a month's.`,
});

export const freshnessBurn = defineRule({
  name: "TelemetryFreshnessBurn",
  condition: burning(stale, freshnessAllowance, burns.fast),
  forMilliseconds: 5 * minute,
  severity: "warning",
  component: "fleet",
  summary: staleSummary,
  description:
    "Over the last hour and still now: of a thousand looks at a node five may find it stale, and at this rate a month's allowance is gone within two days.",
  source: `${workbook}, ${seen}: 14.4 times the allowance over an hour and the last five minutes. A ticket, since AgentsGoneMany and NodeLost page.`,
});

export const freshnessBurnSlow = defineRule({
  name: "TelemetryFreshnessBurnSlow",
  condition: burning(stale, freshnessAllowance, burns.slow),
  forMilliseconds: 15 * minute,
  severity: "warning",
  component: "fleet",
  summary: staleSummary,
  description: "Over the last six hours and still now: a month's allowance is gone in five days.",
  source: `${workbook}, ${seen}: 6 times the allowance over six hours and the last thirty minutes.`,
});

export const freshnessBurnDay = defineRule({
  name: "TelemetryFreshnessBurnDay",
  condition: burning(stale, freshnessAllowance, burns.day),
  forMilliseconds: 60 * minute,
  severity: "warning",
  component: "fleet",
  prometheusOnly: longerThanKept,
  summary: staleSummary,
  description: "Over the last day and the last two hours: a month's allowance is gone in ten days.",
  source: `${workbook}, ${seen}: 3 times the allowance over a day and the last two hours.`,
});

export const freshnessBurnDays = defineRule({
  name: "TelemetryFreshnessBurnDays",
  condition: burning(stale, freshnessAllowance, burns.days),
  forMilliseconds: 180 * minute,
  severity: "warning",
  component: "fleet",
  prometheusOnly: longerThanKept,
  summary: staleSummary,
  description:
    "Over the last three days and the last six hours: at this rate the month's allowance is used up just at its end.",
  source: `${workbook}, ${seen}: as much as the allowance over three days and the last six hours.`,
});
