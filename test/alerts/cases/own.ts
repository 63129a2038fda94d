/** Cases of the rules for agents, the fleet and the collector itself. */
import {
  collector,
  findings,
  fleet,
  history,
  notify,
  self,
  storage,
} from "../../../core/catalog/index.ts";
import { histogramParts } from "../../../core/catalog/metric.ts";
import { counter, gauge, rising, type Levels, type MakeCase } from "./case.ts";

const flag = { fires: 1, below: 0, clears: 0 };
const latency = histogramParts(notify.notificationLatency);

/** Of ten nodes one reports this share of the time, the others always. */
function nodesCase(rule: string, levels: Levels): MakeCase {
  return () => ({
    rule,
    scene: (share) =>
      Array.from({ length: 10 }, (_, number) => ({
        metric: fleet.nodeUp,
        labels: { node: `node-${number}` },
        value: number < 2 ? share : 1,
      })),
    ...levels,
  });
}

/** Of one notification or attempt a second the value's share is late or fails, half of it each. */
function deliveryCase(rule: string, levels: Levels): MakeCase {
  return () => {
    const [retries, inTime, all] = [rising(), rising(), rising()];
    const notifier = "pager";
    return {
      rule,
      scene: (share, second) => [
        {
          metric: notify.notificationRetries,
          labels: { notifier, reason: "timeout" },
          value: retries(share / 2, second),
        },
        { metric: notify.notifications, labels: { notifier, outcome: "refused" }, value: 0 },
        {
          metric: latency.bucket,
          labels: { notifier, le: "30" },
          value: inTime(1 - share, second),
        },
        { metric: latency.bucket, labels: { notifier, le: "10" }, value: 0 },
        { metric: latency.count, labels: { notifier }, value: all(1 - share / 2, second) },
      ],
      ...levels,
    };
  };
}

/** One look a second; the value is the share that finds a node stale. */
function freshnessCase(rule: string, levels: Levels): MakeCase {
  return () => {
    const [fresh, stale] = [rising(), rising()];
    return {
      rule,
      scene: (share, second) => [
        {
          metric: fleet.nodeChecks,
          labels: { outcome: "fresh" },
          value: fresh(1 - share, second),
        },
        { metric: fleet.nodeChecks, labels: { outcome: "stale" }, value: stale(share, second) },
      ],
      ...levels,
    };
  };
}

export const ownCases: readonly MakeCase[] = [
  gauge("AgentSourceDown", self.sourceUp, { source: "nvml" }, { fires: 0, below: 1, clears: 1 }),
  gauge("AgentDown", collector.targetUp, {}, { fires: 0, below: 1, clears: 1 }, [
    { metric: self.agentInfo, labels: { version: "1", node: "node-1" }, value: 1 },
  ]),
  // Of ten agents two answer this share of the time.
  () => ({
    rule: "AgentsDownMany",
    scene: (share) =>
      Array.from({ length: 10 }, (_, number) => {
        const instance = `node-${number}:9410`;
        return [
          { metric: collector.targetUp, labels: { instance }, value: number < 2 ? share : 1 },
          { metric: self.agentInfo, labels: { instance, version: "1" }, value: 1 },
        ];
      }).flat(),
    fires: 0.4,
    below: 0.51,
    holds: 0.7,
    clears: 0.76,
  }),
  // In five minutes half a frame.
  counter(
    "CollectorPartFailing",
    collector.subscriberErrors,
    {},
    { fires: 0.5 / 300, below: 0, clears: 0 },
  ),
  gauge("CollectorDown", collector.targetUp, {}, { fires: 0, below: 1, clears: 1 }, [
    { metric: collector.evaluations, value: 7 },
  ]),
  counter(
    "AgentEventsDropped",
    self.agentDroppedEvents,
    {},
    {
      fires: 0.5 / 600,
      below: 0,
      clears: 0,
    },
  ),
  gauge("AgentSpooling", self.pushSpooledFrames, {}, { fires: 1, below: 0, clears: 0 }),
  gauge("AgentSeriesLeftOut", self.sourceRefusedSeries, { source: "slabinfo" }, flag),
  // Eight are up: with two at 0.45 the mean is 0.89; at 0.51 it is 0.902.
  nodesCase("AgentsGoneMany", { fires: 0.45, below: 0.51, holds: 0.74, clears: 0.76 }),
  gauge("NodeLost", fleet.nodeUp, { node: "node-9" }, { fires: 0, below: 1, clears: 1 }),
  // Half a frame in the five minutes.
  counter(
    "TelemetryDropped",
    history.framesDropped,
    { reason: "journal_full" },
    {
      fires: 0.5 / 300,
      below: 0,
      clears: 0,
    },
  ),
  counter(
    "CollectorSamplesRefused",
    collector.samplesRefused,
    { reason: "series_limit" },
    {
      fires: 0.5 / 600,
      below: 0,
      clears: 0,
    },
  ),
  counter(
    "TargetFilesUnusable",
    collector.discoveryErrors,
    {},
    {
      fires: 0.5 / 900,
      below: 0,
      clears: 0,
    },
  ),
  counter(
    "RuleEvaluationFailing",
    collector.evaluationFailures,
    { rule: "GpuHot" },
    {
      fires: 0.5 / 300,
      below: 0,
      clears: 0,
    },
  ),
  counter(
    "AlertsNotDurable",
    collector.commitFailures,
    {},
    {
      fires: 0.5 / 300,
      below: 0,
      clears: 0,
    },
  ),
  gauge("StateDiskFull", storage.stateDiskFull, {}, flag),
  counter(
    "DetectorSnapshotFailing",
    findings.snapshotFailures,
    { detector: "anomaly" },
    {
      fires: 0.5 / 3600,
      below: 0,
      clears: 0,
    },
  ),
  gauge("NotificationsWaiting", notify.outboxDepth, { notifier: "pager" }, flag),
  counter(
    "NotificationsLost",
    notify.outboxDropped,
    { reason: "outbox_full" },
    {
      fires: 0.5 / 600,
      below: 0,
      clears: 0,
    },
  ),
  deliveryCase("AlertDeliveryBurnFast", { fires: 0.015, below: 0.014, clears: 0 }),
  deliveryCase("AlertDeliveryBurnSlow", { fires: 0.0065, below: 0.0059, clears: 0 }),
  deliveryCase("AlertDeliveryBurnDay", { fires: 0.0033, below: 0.0029, clears: 0 }),
  deliveryCase("AlertDeliveryBurnDays", { fires: 0.0011, below: 0.000_99, clears: 0 }),
  freshnessCase("TelemetryFreshnessBurn", { fires: 0.075, below: 0.071, clears: 0 }),
  freshnessCase("TelemetryFreshnessBurnSlow", { fires: 0.033, below: 0.0295, clears: 0 }),
  freshnessCase("TelemetryFreshnessBurnDay", { fires: 0.016, below: 0.0149, clears: 0 }),
  freshnessCase("TelemetryFreshnessBurnDays", { fires: 0.0055, below: 0.0049, clears: 0 }),
  counter(
    "AgentFramesDropped",
    self.pushDroppedFrames,
    { reason: "spool_full" },
    { fires: 0.5 / 600, below: 0, clears: 0 },
  ),
  counter(
    "RemoteStoreSamplesDropped",
    collector.remoteStoreSamplesDropped,
    { store: "mimir", reason: "buffer_full" },
    { fires: 0.5 / 600, below: 0, clears: 0 },
  ),
  // The value is in hours from the sample's own time.
  () => ({
    rule: "CertificateExpiring",
    scene: (hours, second, start) => [
      { metric: collector.certificateExpiry, value: start + second + hours * 3600 },
    ],
    fires: 335,
    below: 336,
    clears: 337,
  }),
  // The value is how long ago the store last took something.
  () => ({
    rule: "RemoteStoreBehind",
    scene: (age, second, start) => [
      {
        metric: collector.remoteStoreAccepted,
        labels: { store: "mimir" },
        value: start + second - age,
      },
      { metric: collector.remoteStoreBufferBytes, labels: { store: "mimir" }, value: 5 },
    ],
    fires: 901,
    below: 900,
    clears: 1,
  }),
];
