/** Rules for the collector itself: what it drops, and whether people are told. */
import { collector, findings, history, notify } from "../core/catalog/index.ts";
import {
  add,
  aggregate,
  both,
  compare,
  divide,
  increase,
  over,
  placeLabels,
  rate,
  value,
  type Condition,
} from "./expression.ts";
import { defineRule } from "./rule.ts";

const minute = 60_000;
const fiveMinutes = 5 * minute;
const hour = 60 * minute;

export const telemetryDropped = defineRule({
  name: "TelemetryDropped",
  condition: compare(
    aggregate("sum", placeLabels, increase(value(history.framesDropped), fiveMinutes)),
    ">",
    0,
  ),
  forMilliseconds: fiveMinutes,
  severity: "critical",
  component: "collector",
  summary: "history at {{ node }} lacks {{ value }} frames of the last five minutes",
  description:
    "The journal is full or can't be written. Rules and notifications go on; what is dropped is gone from history.",
  source:
    "No tolerance: every drop is counted, as Vector's and OpenTelemetry's buffers do. Five minutes let a restart of the disk pass.",
});

export const samplesRefused = defineRule({
  name: "CollectorSamplesRefused",
  condition: compare(increase(value(collector.samplesRefused), 10 * minute), ">", 0),
  forMilliseconds: 15 * minute,
  severity: "warning",
  component: "collector",
  summary: "the collector at {{ node }} refuses samples: {{ reason }}",
  description:
    "A bound at the door is hit: too many series, too long a label, or times in the future. The rest goes in.",
  source:
    "Prometheus' own alerts for label and sample limits; a quarter of an hour lets a burst pass.",
});

export const targetFilesUnusable = defineRule({
  name: "TargetFilesUnusable",
  condition: compare(increase(value(collector.discoveryErrors), 15 * minute), ">", 0),
  forMilliseconds: minute,
  severity: "warning",
  component: "collector",
  summary: "a target file of the collector at {{ node }} can't be used",
  description:
    "The file was changed and is malformed. The targets known before stay; new ones aren't scraped.",
  source:
    "Prometheus' own PrometheusBadConfig: a process that runs on an old list and looks healthy.",
});

export const ruleFails = defineRule({
  name: "RuleEvaluationFailing",
  condition: compare(increase(value(collector.evaluationFailures), fiveMinutes), ">", 0),
  forMilliseconds: 15 * minute,
  severity: "critical",
  component: "collector",
  summary: "the collector at {{ node }} can't evaluate {{ rule }}",
  description: "Alerts of this rule keep the state that they had; new ones don't fire.",
  source: "Prometheus' own PrometheusRuleFailures: a rule that doesn't run never pages.",
});

export const alertsNotDurable = defineRule({
  name: "AlertsNotDurable",
  condition: compare(increase(value(collector.commitFailures), fiveMinutes), ">", 0),
  forMilliseconds: 2 * minute,
  severity: "critical",
  component: "delivery",
  summary: "the collector at {{ node }} can't write its alerts to disk",
  description:
    "They are held in memory and told later or by another way; a restart now would lose what changed.",
  source: "No tolerance: every change is made durable before anybody is told.",
});

export const snapshotFails = defineRule({
  name: "DetectorSnapshotFailing",
  condition: compare(increase(value(findings.snapshotFailures), hour), ">", 0),
  forMilliseconds: hour,
  severity: "warning",
  component: "collector",
  summary: "the collector at {{ node }} can't keep what {{ detector }} has learned",
  description:
    "The detector goes on with what it has; after a restart it learns anew and is blind for days.",
  source:
    "A model that isn't kept rots unseen. An hour and another one let a full disk be cleaned.",
});

export const notificationsWait = defineRule({
  name: "NotificationsWaiting",
  condition: compare(over("min", value(notify.outboxDepth), fiveMinutes), ">", 0),
  forMilliseconds: fiveMinutes,
  severity: "critical",
  component: "delivery",
  summary: "{{ value }} notifications for {{ notifier }} wait at {{ node }}",
  description:
    "The outbox has not been empty for ten minutes: the receiver doesn't take what it is sent.",
  source:
    "Our choice: a receiver in order takes a notification within a second, and one that limits rates within minutes.",
});

export const notificationsLost = defineRule({
  name: "NotificationsLost",
  condition: compare(increase(value(notify.outboxDropped), 10 * minute), ">", 0),
  severity: "critical",
  component: "delivery",
  summary: "the collector at {{ node }} let notifications go: {{ reason }}",
  description:
    "The outbox was full, or a notifier was taken out of the configuration while some waited for it.",
  source: "No tolerance, as Prometheus' PrometheusNotificationQueueRunningFull has none.",
});

/** Attempts that had to be made again are more than this share of all. */
function failing(window: number, share: number): Condition {
  const retries = aggregate("sum", placeLabels, rate(value(notify.notificationRetries), window));
  const done = aggregate("sum", placeLabels, rate(value(notify.notifications), window));
  return compare(divide(retries, add(retries, done)), ">", share);
}

const workbook = "Google's SRE workbook, for an objective of 99.9 % of attempts accepted at once";

export const deliveryBurn = defineRule({
  name: "AlertDeliveryBurnFast",
  condition: both(failing(hour, 0.0144), failing(fiveMinutes, 0.0072)),
  forMilliseconds: 2 * minute,
  severity: "critical",
  component: "delivery",
  summary: "{{ value | percent }} of the attempts to notify from {{ node }} fail",
  description:
    "Over the last hour and still now. Sent by the second channel, since the first may be the one that fails.",
  source: `${workbook}: 14.4 times the allowance over an hour, and half of that still in the last five minutes, uses 2 % of a month's.`,
});

export const deliveryBurnSlow = defineRule({
  name: "AlertDeliveryBurnSlow",
  condition: both(failing(6 * hour, 0.006), failing(hour / 2, 0.003)),
  forMilliseconds: 15 * minute,
  severity: "warning",
  component: "delivery",
  onByDefault: false,
  summary: "{{ value | percent }} of the attempts to notify from {{ node }} fail",
  description:
    "Over the last six hours and still now: slow, and enough to use up a month's allowance in five days.",
  source: `${workbook}: 6 times the allowance over six hours, and half of that still in the last thirty minutes, uses 5 % of a month's. Off, since NotificationsWaiting comes first.`,
});
