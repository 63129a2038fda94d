/** Cases of the rules for agents, the fleet and the collector itself. */
import { collector, findings, fleet, history, notify, self } from "../../../core/catalog/index.ts";
import { counter, gauge, rising, type Levels, type MakeCase } from "./case.ts";

const flag = { fires: 1, below: 0, clears: 0 };

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

/** One attempt a second; the value is the share of them that is made again. */
function deliveryCase(rule: string, levels: Levels): MakeCase {
  return () => {
    const [retries, done] = [rising(), rising()];
    return {
      rule,
      scene: (share, second) => [
        {
          metric: notify.notificationRetries,
          labels: { notifier: "pager", reason: "timeout" },
          value: retries(share, second),
        },
        {
          metric: notify.notifications,
          labels: { notifier: "pager", outcome: "accepted" },
          value: done(1 - share, second),
        },
      ],
      ...levels,
    };
  };
}

export const ownCases: readonly MakeCase[] = [
  gauge("AgentSourceDown", self.sourceUp, { source: "nvml" }, { fires: 0, below: 1, clears: 1 }),
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
  gauge("AgentSeriesLeftOut", self.sourceRefusedSeries, { source: "slabinfo" }, flag),
  // Eight are up: with two at 0.45 the mean is 0.89; at 0.51 it is 0.902.
  nodesCase("AgentsGoneMany", { fires: 0.45, below: 0.51, holds: 0.7, clears: 0.8 }),
  // 0.928 is two nodes at 0.64.
  nodesCase("TelemetryFreshnessBurn", { fires: 0.6, below: 0.65, clears: 1 }),
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
];
