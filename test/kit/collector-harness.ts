/**
 * A collector cut down to what a crash can hurt: one scraped target, one rule, state, outbox and notifiers, all of them the
 * product's own parts. Started as a process, with its settings as JSON in the first argument.
 */
import { setTimeout as delay } from "node:timers/promises";
import { compare, value } from "../../alerts/expression.ts";
import { defineRule } from "../../alerts/rule.ts";
import { createAlertBook } from "../../collector/detect/alert-book.ts";
import { createEngine } from "../../collector/detect/engine.ts";
import { createThresholdDetector } from "../../collector/detect/threshold/detector.ts";
import { createIngest, defaultIngestLimits, type Ingest } from "../../collector/ingest/door.ts";
import { createNotifiers, notifiersSchema } from "../../collector/notify/config.ts";
import { startDispatcher } from "../../collector/notify/dispatcher.ts";
import type { Notifier } from "../../collector/notify/notifier.ts";
import type { AlertStore } from "../../collector/state/alert.ts";
import type { Outbox } from "../../collector/state/outbox.ts";
import { openState } from "../../collector/state/open.ts";
import { openMetric } from "../../core/catalog/metric.ts";
import { every } from "../../core/kit/clock.ts";
import { createEnv } from "../../core/kit/env.ts";
import { createLog } from "../../core/kit/log.ts";
import { createSelfMetrics } from "../../core/kit/self-metrics.ts";
import { setPresent } from "../../core/wire/frame.ts";
import { startPlanner } from "./planning.ts";

export interface HarnessSettings {
  /** Answers `{"time":<Unix milliseconds>,"levels":[<number>,…]}`, a level per GPU. */
  readonly target: string;
  readonly folder: string;
  readonly notifiers: readonly object[];
  readonly forMilliseconds: number;
  readonly periodMilliseconds: number;
  /**
   * It kills itself with SIGKILL at this many-th step from now: before or after a commit, within its transaction, before or
   * after a request, before or after a settlement. 0 for never. A kill from outside rarely falls between two of them.
   */
  readonly lastStep: number;
}

/** The rule fires where the level is above this. */
export const harnessThreshold = 50;

const level = openMetric("torture_level", "gauge", "What the test moves.", ["gpu"]);

async function main(settings: HarnessSettings): Promise<void> {
  const env = createEnv();
  const { clock } = env;
  const log = createLog({ clock });
  const metrics = createSelfMetrics({ clock, processMetrics: false });
  const step = createFate(settings.lastStep);
  const notifiers = createNotifiers(notifiersSchema.parse(settings.notifiers), {
    clock,
    consoleUrl: "",
  }).map((notifier) => withFate(notifier, step));
  const state = openState({ folder: settings.folder, notifiers, clock });
  const alerts: AlertStore = {
    load: () => state.alerts.load(),
    commit(changes) {
      if (changes.notify.length > 0) step();
      state.alerts.commit(changes);
      if (changes.notify.length > 0) step();
    },
  };
  const outbox: Outbox = {
    ...state.outbox,
    dropped: state.outbox.dropped,
    async settle(sequence, reference) {
      step();
      await state.outbox.settle(sequence, reference);
      step();
    },
  };
  const planner = startPlanner(state, notifiers, clock, { log, metrics });
  const dispatcher = startDispatcher({ notifiers, outbox, alerts, planner, env, log, metrics });
  const rules = [
    defineRule({
      name: "Torture",
      condition: compare(value(level), ">", harnessThreshold),
      forMilliseconds: settings.forMilliseconds,
      severity: "critical",
      component: "gpu",
      summary: "level {{ value }} on GPU {{ gpu }}",
      description: "The test moved it.",
      source: "the crash test",
    }),
  ];
  const book = createAlertBook({
    rules,
    store: alerts,
    clock,
    log,
    metrics,
  });
  const detectors = [createThresholdDetector({ rules, book, log, metrics })];
  const engine = createEngine({ clock, metrics, book, detectors });
  const ingest = createIngest({ clock, log, metrics, limits: defaultIngestLimits });
  ingest.listen(engine);
  const tick = every(clock, 1000, () => engine.tick(ingest.origins()));

  const stop = new AbortController();
  process.once("SIGTERM", () => stop.abort());
  const boot = env.randomId();
  for (let sequence = 1; !stop.signal.aborted; sequence += 1) {
    await scrapeOnce(settings.target, ingest, boot, sequence);
    await delay(settings.periodMilliseconds);
  }
  tick.cancel();
  await dispatcher.close();
  state.close();
}

/** Counts steps, and is the end of the process at the last. */
function createFate(lastStep: number): () => void {
  let steps = 0;
  return () => {
    steps += 1;
    if (steps === lastStep) process.kill(process.pid, "SIGKILL");
  };
}

/** `accepts` is asked within the transaction, between the alerts and their notifications. */
function withFate(notifier: Notifier, step: () => void): Notifier {
  return {
    ...notifier,
    accepts(alert) {
      step();
      return notifier.accepts(alert);
    },
    async send(notification, signal) {
      step();
      const receipt = await notifier.send(notification, signal);
      step();
      return receipt;
    },
  };
}

/** One scrape; when it returns, what it changed is durable. */
async function scrapeOnce(
  target: string,
  ingest: Ingest,
  boot: string,
  sequence: number,
): Promise<void> {
  const response = await fetch(target);
  const page = (await response.json()) as { time: number; levels: number[] };
  const present = new Uint8Array(Math.ceil(page.levels.length / 8));
  page.levels.forEach((_, slot) => setPresent(present, slot));
  ingest.accept({
    schema: {
      origin: { node: "torture", job: "torture", instance: "target", boot },
      version: 1,
      groups: [{ source: "torture", first: 0, length: page.levels.length }],
      series: page.levels.map((_, gpu) => ({ metric: level, values: [String(gpu)], device: null })),
    },
    sequence,
    timestamps: Float64Array.of(page.time),
    values: Float64Array.from(page.levels),
    present,
    complete: true,
  });
}

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? "{}"));
