/** Rules for the collector itself: what it drops, and whether people are told. */
import { collector, findings, foreign, history, notify, storage } from "../core/catalog/index.ts";
import type { Metric } from "../core/catalog/metric.ts";
import {
  age,
  aggregate,
  both,
  compare,
  divide,
  increase,
  over,
  placeLabels,
  rate,
  value,
  type Expression,
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

export const remoteStoreDropped = defineRule({
  name: "RemoteStoreSamplesDropped",
  condition: compare(increase(value(collector.remoteStoreSamplesDropped), 10 * minute), ">", 0),
  severity: "critical",
  component: "collector",
  summary: "the store {{ store }} will never get {{ value }} samples from {{ node }}: {{ reason }}",
  description:
    "The buffer on disk was full or can't be written, or the store refused them. What is judged here isn't touched; the store has a gap.",
  source:
    "No tolerance: every drop is counted, as Prometheus' PrometheusRemoteStorageFailures has it.",
});

export const remoteStoreBehind = defineRule({
  name: "RemoteStoreBehind",
  condition: both(
    compare(age(value(collector.remoteStoreAccepted)), ">", 900),
    compare(value(collector.remoteStoreBufferBytes), ">", 0),
  ),
  forMilliseconds: fiveMinutes,
  severity: "warning",
  component: "collector",
  summary: "the store {{ store }} has accepted nothing from {{ node }} for {{ value | duration }}",
  description:
    "Samples wait on disk. When the buffer is full they are dropped, and RemoteStoreSamplesDropped pages.",
  source:
    "Prometheus' own PrometheusRemoteWriteBehind warns after a quarter of an hour, too: a restart of the store is over by then.",
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

export const partFails = defineRule({
  name: "CollectorPartFailing",
  condition: compare(increase(value(collector.subscriberErrors), fiveMinutes), ">", 0),
  forMilliseconds: 15 * minute,
  severity: "critical",
  component: "collector",
  summary: "the collector at {{ node }} fails on {{ value }} frames in five minutes",
  description:
    "Rules, detectors or history missed what those frames held: it was not judged, or not kept. The log names the part.",
  source:
    "No tolerance, as Prometheus' mixin has none for evaluations that were missed (PrometheusMissingRuleEvaluations); a quarter of an hour lets a single odd frame pass.",
});

export const prometheusMisses = defineRule({
  name: "PrometheusMissingRuleEvaluations",
  condition: compare(increase(value(foreign.prometheusIterationsMissed), fiveMinutes), ">", 0),
  forMilliseconds: 15 * minute,
  severity: "critical",
  component: "collector",
  summary: "Prometheus on {{ node }} left {{ value }} evaluations of {{ rule_group }} out",
  description:
    "In five minutes. The group takes longer than its interval: its alerts come late or not at all.",
  source:
    "Prometheus' own mixin, under the same name. A page here, since a rule that doesn't run never pages.",
});

export const prometheusRuleFails = defineRule({
  name: "PrometheusRuleFailures",
  condition: compare(increase(value(foreign.prometheusRuleFailures), fiveMinutes), ">", 0),
  forMilliseconds: 15 * minute,
  severity: "critical",
  component: "collector",
  summary: "Prometheus on {{ node }} failed {{ value }} times on rules of {{ rule_group }}",
  description:
    "In five minutes. An alert whose rule fails ends as if all were well, and doesn't fire again.",
  source:
    "Prometheus' own mixin, under the same name: mostly two series where a rule takes one, so that it can't be evaluated at all.",
});

export const prometheusDrops = defineRule({
  name: "PrometheusNotificationsDropped",
  condition: compare(increase(value(foreign.prometheusNotificationsDropped), fiveMinutes), ">", 0),
  forMilliseconds: fiveMinutes,
  severity: "critical",
  component: "delivery",
  summary: "Prometheus on {{ node }} dropped {{ value }} alerts that no Alertmanager took",
  description:
    "In five minutes. Nobody hears of them, unless the collector tells them itself. Sent by the second channel as well.",
  source:
    "No tolerance: Prometheus repeats alerts, so that those that were dropped for five minutes are ones nobody was told of.",
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

export const stateDiskFull = defineRule({
  name: "StateDiskFull",
  condition: compare(value(storage.stateDiskFull), ">", 0),
  // A disk at its edge is full again and again.
  keepFiringForMilliseconds: fiveMinutes,
  severity: "critical",
  component: "delivery",
  summary: "the disk of the collector at {{ node }} is full",
  description:
    "History has stopped, and alerts are written where a reserve was, or kept in memory. What is told goes on; a restart now may lose it.",
  source: "No tolerance: the reserve is for hours, and history has a gap from now on.",
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

const perIntegration = [...placeLabels, "integration"];

function attempts(of: Metric): Expression {
  return aggregate("sum", perIntegration, rate(value(of), fiveMinutes));
}

export const alertmanagerFails = defineRule({
  name: "AlertmanagerFailedToSendAlerts",
  condition: compare(
    divide(attempts(foreign.alertmanagerFailed), attempts(foreign.alertmanagerSent)),
    ">",
    0.01,
  ),
  forMilliseconds: fiveMinutes,
  keepFiringForMilliseconds: fiveMinutes,
  severity: "critical",
  component: "delivery",
  summary:
    "Alertmanager on {{ node }} fails to send {{ value | percent }} of its notifications by {{ integration }}",
  description:
    "Over five minutes. Sent by the second channel as well, since the first may be the one that fails.",
  source:
    "Alertmanager's own mixin, which has the same name and the same hundredth; a page here, since nobody hears of what isn't sent.",
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
