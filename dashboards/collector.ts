/** The board about the collector itself: what comes in, how fast it is judged, and whether everyone was told. */
import { aggregate, increase, rate, value } from "../alerts/expression.ts";
import {
  alertsNotDurable,
  notificationsLost,
  notificationsWait,
  partFails,
  ruleFails,
} from "../alerts/collector.ts";
import * as collector from "../core/catalog/collector.ts";
import * as findings from "../core/catalog/findings.ts";
import * as history from "../core/catalog/history.ts";
import type { Metric } from "../core/catalog/metric.ts";
import * as notify from "../core/catalog/notify.ts";
import * as self from "../core/catalog/self.ts";
import * as storage from "../core/catalog/storage.ts";
import { figure, lines, one, quantile, type Board, type Query, type Row } from "./board.ts";
import { exchangeRows } from "./exchange-rows.ts";
import { mutingRows } from "./muting-rows.ts";
import { objectiveRows } from "./objective-rows.ts";
import { otlpRows } from "./otlp-rows.ts";

/** Grafana puts the panel's own interval in its place. */
const window = 60_000;
const perCollector = "{{instance}}";

function rateOf(metric: Metric, legend: string): Query {
  return { expression: rate(value(metric), window), legend: `${perCollector} ${legend}` };
}

function lostInRange(metric: Metric, legend: string): Query {
  return {
    expression: aggregate("sum", ["instance", "reason"], increase(value(metric), window)),
    legend: `${perCollector} ${legend}`,
    over: "range",
  };
}

function byOutcome(metric: Metric, what: string): Query {
  return {
    expression: aggregate("sum", ["instance", "outcome"], rate(value(metric), window)),
    legend: `${perCollector} ${what} {{outcome}}`,
  };
}

/** Half and nearly all of the observations of a histogram. */
function spread(metric: Metric): readonly Query[] {
  return [0.5, 0.99].map((wanted) => ({
    expression: quantile(metric, wanted),
    legend: `${perCollector} ${wanted * 100} %`,
  }));
}

const ingest: Row = {
  title: "What comes in",
  panels: [
    lines("Frames accepted", "ops", "Frames a second from agents and scraped targets.", [
      rateOf(collector.framesAccepted, "frames"),
    ]),
    lines("Samples accepted", "ops", "Samples a second in those frames.", [
      rateOf(collector.samplesAccepted, "samples"),
    ]),
    lines(
      "Refused at the door, in the time shown",
      "short",
      "Frames refused whole and samples taken out of frames, by reason: each is a bound that was met or a clock that is wrong.",
      [
        lostInRange(collector.framesRefused, "frames: {{reason}}"),
        lostInRange(collector.samplesRefused, "samples: {{reason}}"),
      ],
      { still: true, warning: 1 },
    ),
    lines(
      "Origins and series",
      "short",
      "Agents and targets held, and their series together.",
      [
        { expression: value(collector.origins), legend: `${perCollector} origins` },
        { expression: value(collector.originSeries), legend: `${perCollector} series` },
      ],
      { still: true },
    ),
    lines(
      "Targets by state",
      "short",
      "Targets that the collector scrapes, by how the last scrape went.",
      one(
        aggregate("sum", ["instance", "state"], value(collector.scrapeTargets)),
        `${perCollector} {{state}}`,
      ),
      { still: true },
    ),
    lines(
      "Scrapes by outcome",
      "ops",
      "Scrapes a second: ok, or the code of what went wrong (docs/errors.md).",
      one(
        aggregate("sum", ["instance", "outcome"], rate(value(collector.scrapes), window)),
        `${perCollector} {{outcome}}`,
      ),
    ),
    lines(
      "Lines and target files that could not be used",
      "cps",
      "Lines of scraped pages that break the format, and target files that are wrong; the other lines and the targets known before go on.",
      [
        rateOf(collector.scrapeMalformedLines, "malformed lines"),
        rateOf(collector.discoveryErrors, "target files"),
      ],
      { width: 8, still: true },
    ),
    lines(
      "Frames that a part failed on, in the time shown",
      "short",
      "Frames that rules, detectors or history could not take; the other parts had them all the same.",
      [
        {
          expression: increase(value(collector.subscriberErrors), window),
          legend: perCollector,
          over: "range",
        },
      ],
      { width: 8, still: true, rules: [partFails] },
    ),
    lines(
      "Events received",
      "cps",
      "Events a second that agents reported, by kind.",
      one(
        aggregate("sum", ["instance", "kind"], rate(value(collector.eventsReceived), window)),
        `${perCollector} {{kind}}`,
      ),
      { width: 8, needsFault: { kind: "xid", code: 79 } },
    ),
  ],
};

const judging: Row = {
  title: "How it is judged",
  panels: [
    lines("Evaluations", "ops", "Frames a second that the rules were evaluated on.", [
      rateOf(collector.evaluations, "frames"),
    ]),
    lines(
      "Time to evaluate a frame",
      "s",
      "All rules on one frame: the median, and what 99 in 100 stay under.",
      spread(collector.evaluationSeconds),
    ),
    lines(
      "Evaluations that failed",
      "cps",
      "A rule that fails keeps the state of its alerts; a bug, please report it.",
      one(rate(value(collector.evaluationFailures), window), `${perCollector} {{rule}}`),
      { still: true, rules: [ruleFails] },
    ),
    lines(
      "Time to make an alert durable",
      "s",
      "Writing changed alerts and their notifications to disk: the state folder's drive shows here.",
      spread(collector.commitSeconds),
      { needsFault: { kind: "xid", code: 79 } },
    ),
    lines(
      "From sample to durable notification",
      "s",
      "From the time of the sample that made an alert fire or resolve until its notification can't be lost.",
      spread(collector.detectionSeconds),
      { warning: 2, needsFault: { kind: "xid", code: 79 } },
    ),
    lines(
      "Alerts not made durable, samples merged",
      "cps",
      "Commits that failed (kept in memory and tried again), and samples merged because a window holds a bounded number.",
      [
        rateOf(collector.commitFailures, "failed commits"),
        rateOf(collector.windowSamplesDropped, "merged samples"),
      ],
      { still: true, rules: [alertsNotDurable] },
    ),
  ],
};

const telling: Row = {
  title: "Whether everyone was told",
  panels: [
    lines(
      "Notifications by outcome",
      "cps",
      "Notifications a second that left the outbox: accepted, refused for good, or expired after a day of tries.",
      one(
        aggregate("sum", ["notifier", "outcome"], rate(value(notify.notifications), window)),
        "{{notifier}} {{outcome}}",
      ),
      { needsFault: { kind: "xid", code: 79 } },
    ),
    lines(
      "Time from sample to acceptance",
      "s",
      "99th percentile per notifier, tries and waiting included.",
      one(quantile(notify.notificationLatency, 0.99, ["notifier"]), "{{notifier}}"),
      { warning: 5, needsFault: { kind: "xid", code: 79 } },
    ),
    lines(
      "Waiting in the outbox",
      "short",
      "Notifications that no receiver has taken yet; one that stays is a receiver that is down.",
      one(value(notify.outboxDepth), "{{notifier}}"),
      { still: true, rules: [notificationsWait] },
    ),
    lines(
      "Tries that failed",
      "cps",
      "Attempts that are made again, by reason.",
      one(
        aggregate("sum", ["notifier", "reason"], rate(value(notify.notificationRetries), window)),
        "{{notifier}} {{reason}}",
      ),
      { still: true },
    ),
    lines(
      "Repeats to Alertmanager",
      "cps",
      "Requests that repeat firing alerts so that Alertmanager doesn't let them expire.",
      one(
        aggregate("sum", ["notifier", "outcome"], rate(value(notify.alertRefreshes), window)),
        "{{notifier}} {{outcome}}",
      ),
    ),
    lines(
      "Let go by the outbox, in the time shown",
      "short",
      "Superseded by a later one while full, dropped because it was full, or for a notifier that is no longer configured.",
      [lostInRange(notify.outboxDropped, "{{reason}}")],
      { still: true, rules: [notificationsLost] },
    ),
    figure(
      "Dead letters",
      "short",
      "Notifications that could not be delivered and are kept to be looked at.",
      one(value(notify.deadLetters), ""),
      { critical: 1, still: true, width: 8 },
    ),
    lines(
      "Processor time",
      "percentunit",
      "Share of one processor that the collector uses.",
      one(rate(value(self.processCpuSeconds), window), perCollector),
    ),
    lines(
      "Memory",
      "bytes",
      "Memory of the collector that is in RAM.",
      one(value(self.processResidentMemory), perCollector),
    ),
  ],
};

const keeping: Row = {
  title: "What is kept and learned",
  panels: [
    lines(
      "Frames on disk",
      "ops",
      "Frames a second that are in the journal; only then are they acknowledged.",
      [rateOf(history.framesStored, "frames")],
    ),
    lines(
      "Time to make frames durable",
      "s",
      "One group of frames: the median, and what 99 in 100 stay under. The drive under the state folder shows here.",
      spread(history.commitSeconds),
    ),
    lines("Size of history", "bytes", "The journal, and the Parquet files it becomes every hour.", [
      { expression: value(history.journalBytes), legend: `${perCollector} journal` },
      { expression: value(history.parquetBytes), legend: `${perCollector} Parquet`, still: true },
    ]),
    lines(
      "Frames and bytes that history lacks, in the time shown",
      "short",
      "Frames that were dropped, and bytes that retention removed, by reason.",
      [
        lostInRange(history.framesDropped, "frames: {{reason}}"),
        lostInRange(history.bytesExpired, "bytes: {{reason}}"),
      ],
      { still: true },
    ),
    lines(
      "Compactions, thinning and queries",
      "ops",
      "Batches of the journal that became Parquet files, of old days that were thinned to a row a minute, and queries of history, by outcome.",
      [
        byOutcome(history.compactions, "compactions"),
        byOutcome(history.rollUps, "thinned"),
        byOutcome(history.queries, "queries"),
      ],
      { still: true },
    ),
    lines(
      "Time to answer a query",
      "s",
      "Waiting included: the median, and what 99 in 100 stay under.",
      spread(history.querySeconds),
    ),
    lines(
      "Size of what is kept for years",
      "bytes",
      "Events, and the daily features of devices that failures are learned from.",
      [
        { expression: value(history.eventBytes), legend: `${perCollector} events` },
        { expression: value(history.featureBytes), legend: `${perCollector} features` },
      ],
      { width: 6, still: true },
    ),
    lines(
      "Days whose features were made",
      "ops",
      "By outcome; and features that a day had beyond what is kept of one day.",
      [
        byOutcome(history.featureDays, "days"),
        rateOf(history.featureRowsDropped, "features dropped"),
      ],
      { width: 6, still: true },
    ),
    lines(
      "Damaged, or no longer kept, in the time shown",
      "short",
      "What was damaged on disk and is left out: of history by what it was, and of alerts and the fleet; and events that went by age, or by the size of all.",
      [
        lostInRange(history.damaged, "damaged: {{reason}}"),
        {
          expression: increase(value(storage.stateDamaged), window),
          legend: `${perCollector} damaged: state`,
          over: "range",
        },
        lostInRange(history.eventsExpired, "events: {{reason}}"),
      ],
      { width: 6, still: true },
    ),
    lines(
      "Changes of alerts in memory only",
      "ops",
      "Changes a second of alerts and notifications that the disk couldn't take: a crash now would forget them.",
      [rateOf(storage.stateUnsaved, "changes")],
      { width: 6, still: true, critical: 0.001 },
    ),
    lines(
      "Series that are learned",
      "short",
      "Series that each detector watches, and those it does not because it watches as many as it may.",
      [
        { expression: value(findings.series), legend: `${perCollector} {{detector}}` },
        {
          expression: value(findings.seriesRefused),
          legend: `${perCollector} {{detector}} refused`,
        },
      ],
      { width: 12, still: true },
    ),
    lines(
      "Findings and snapshots that were lost",
      "cps",
      "Findings not opened because as many are open as are kept, and times that what was learned could not be saved or read back.",
      [
        rateOf(findings.dropped, "{{detector}} findings"),
        rateOf(findings.snapshotFailures, "{{detector}} snapshots"),
      ],
      { width: 12, still: true, critical: 1 },
    ),
  ],
};

export const collectorBoard: Board = {
  uid: "warpwatch-collector",
  title: "Warpwatch / Collector",
  description: "What comes in, how fast it is judged, and whether everyone was told.",
  instancesOf: collector.framesAccepted,
  rows: [
    ...objectiveRows,
    ingest,
    ...exchangeRows,
    ...otlpRows,
    judging,
    telling,
    ...mutingRows,
    keeping,
  ],
};
