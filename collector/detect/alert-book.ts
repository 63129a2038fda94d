/**
 * The alerts that are pending or firing. What changes within one evaluation is gathered into one step,
 * which is made durable before anybody hears of it; a step that could not be written is tried again with the next.
 */
import { collector } from "../../core/catalog/index.ts";
import type { Clock } from "../../core/kit/clock.ts";
import { describeError } from "../../core/kit/errors.ts";
import type { Log } from "../../core/kit/log.ts";
import type { SelfMetrics } from "../../core/kit/self-metrics.ts";
import type { Rule } from "../../alerts/rule.ts";
import type { Alert, AlertStep, AlertStore } from "../state/alert.ts";
import {
  beginAlert,
  ended,
  hold,
  holdUnknown,
  release,
  type Tracked,
  type Transition,
} from "./lifecycle.ts";

export interface AlertBook {
  /** The alerts of a rule, by fingerprint. */
  ofRule(rule: string): ReadonlyMap<string, Tracked>;
  all(): Iterable<Tracked>;
  begin(opening: Opening): Tracked;
  hold(tracked: Tracked, value: number, timeMilliseconds: number): void;
  /** True when the alert is over. */
  release(tracked: Tracked, value: number, timeMilliseconds: number): boolean;
  holdUnknown(tracked: Tracked): void;
  /** Ends an alert whatever its rule says: its device was removed on purpose, or its rule was taken away. */
  end(alert: Alert, timeMilliseconds: number): void;
  /** Makes durable what changed since the last call. */
  commit(): void;
  refreshMetrics(): void;
}

interface Opening {
  readonly rule: Rule;
  readonly fingerprint: string;
  readonly labels: Alert["labels"];
  readonly owner: string;
  readonly value: number;
  readonly timeMilliseconds: number;
}

export interface AlertBookOptions {
  readonly rules: readonly Rule[];
  readonly store: AlertStore;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: SelfMetrics;
  /** Where a node stands, in words; empty where nobody knows. Labels don't change when a node is moved, annotations may. */
  readonly placeOf?: (node: string) => string;
}

/** Alerts to be told of that wait for a disk that can't be written. */
const maximumUnsavedNotifications = 10_000;

export function createAlertBook(options: AlertBookOptions): AlertBook {
  const { clock, log } = options;
  const counters = createCounters(options.metrics);
  const byRule = new Map<string, Map<string, Tracked>>(
    options.rules.map((rule) => [rule.name, new Map<string, Tracked>()]),
  );
  let changed = new Map<string, Alert>();
  let dropped = new Set<string>();
  let notify: Alert[] = [];

  function apply(alert: Alert, transition: Transition): void {
    if (transition === "none") return;
    counters.transition(alert.rule, transition === "fired" ? "firing" : transition);
    if (transition !== "fired") byRule.get(alert.rule)?.delete(alert.fingerprint);
    if (transition === "dropped") {
      changed.delete(alert.fingerprint);
      dropped.add(alert.fingerprint);
      return;
    }
    change(alert);
    if (notify.length < maximumUnsavedNotifications) notify.push(alert);
    else log.error("a notification was lost: alerts can't be made durable", { rule: alert.rule });
  }

  /** When people are told of it, they are told where it is. */
  function tellPlace(tracked: Tracked, transition: Transition): void {
    const { alert } = tracked;
    if (transition === "none" || transition === "dropped") return;
    const place = options.placeOf?.(alert.labels["node"] ?? "") ?? "";
    if (place === "") return;
    tracked.alert = { ...alert, annotations: { ...alert.annotations, place } };
  }

  function change(alert: Alert): void {
    dropped.delete(alert.fingerprint);
    changed.set(alert.fingerprint, alert);
  }

  function commit(): void {
    if (changed.size === 0 && dropped.size === 0) return;
    const step: AlertStep = { changed: [...changed.values()], dropped: [...dropped], notify };
    const started = clock.monotonic();
    try {
      options.store.commit(step);
    } catch (thrown) {
      counters.commitFailed();
      log.error(`alerts can't be made durable: ${describeError(thrown)}`);
      return;
    }
    counters.committed((clock.monotonic() - started) / 1000);
    for (const alert of step.notify) {
      const since = Math.max(alert.firedAtMilliseconds, alert.resolvedAtMilliseconds);
      counters.detected((clock.now() - since) / 1000);
    }
    changed = new Map();
    dropped = new Set();
    notify = [];
  }

  const book: AlertBook = {
    ofRule: (rule) => byRule.get(rule) ?? new Map<string, Tracked>(),
    *all() {
      for (const alerts of byRule.values()) yield* alerts.values();
    },
    begin({ rule, fingerprint, labels, owner, value, timeMilliseconds }) {
      const alert = beginAlert(rule, fingerprint, labels, value, timeMilliseconds);
      const tracked: Tracked = { alert, rule, owner, falseSinceMilliseconds: 0 };
      byRule.get(rule.name)?.set(fingerprint, tracked);
      if (rule.forMilliseconds > 0) counters.transition(rule.name, "pending");
      change(alert);
      const transition = hold(tracked, value, timeMilliseconds);
      tellPlace(tracked, transition);
      apply(tracked.alert, transition);
      return tracked;
    },
    hold(tracked, value, time) {
      const transition = hold(tracked, value, time);
      tellPlace(tracked, transition);
      apply(tracked.alert, transition);
    },
    release(tracked, value, time) {
      const transition = release(tracked, value, time);
      tellPlace(tracked, transition);
      apply(tracked.alert, transition);
      return transition !== "none";
    },
    holdUnknown,
    end(alert, time) {
      if (alert.state === "pending") apply(alert, "dropped");
      else apply(ended(alert, time), "resolved");
    },
    refreshMetrics() {
      for (const [rule, alerts] of byRule) counters.show(rule, alerts.values());
    },
    commit,
  };
  restore(book, byRule, options);
  return book;
}

/** After a restart every alert is unknown until its series are back; one whose rule has gone or changed its labels ends. */
function restore(
  book: AlertBook,
  byRule: ReadonlyMap<string, Map<string, Tracked>>,
  { rules, store, clock }: AlertBookOptions,
): void {
  const known = new Map(rules.map((rule) => [rule.name, rule]));
  for (const alert of store.load()) {
    const rule = known.get(alert.rule);
    if (rule && carriesLabelsOf(rule, alert))
      byRule.get(alert.rule)?.set(alert.fingerprint, {
        alert: { ...alert, unknown: true },
        rule,
        owner: null,
        falseSinceMilliseconds: 0,
      });
    else book.end(alert, clock.now());
  }
  book.commit();
}

function carriesLabelsOf(rule: Rule, { labels }: Alert): boolean {
  return (
    labels["severity"] === rule.severity &&
    labels["team"] === rule.team &&
    labels["component"] === rule.component
  );
}

function createCounters(metrics: SelfMetrics) {
  const transitions = metrics.counter(collector.alertTransitions);
  const commitSeconds = metrics.histogram(collector.commitSeconds);
  const detectionSeconds = metrics.histogram(collector.detectionSeconds);
  const commitFailures = metrics.counter(collector.commitFailures);
  const alerts = metrics.gauge(collector.alerts);
  return {
    transition: (rule: string, state: string) => transitions.increase({ rule, state }),
    committed: (seconds: number) => commitSeconds.observe({}, seconds),
    detected: (seconds: number) => detectionSeconds.observe({}, Math.max(0, seconds)),
    commitFailed: () => commitFailures.increase({}),
    show(rule: string, tracked: Iterable<Tracked>): void {
      const counts = { pending: 0, firing: 0, unknown: 0 };
      for (const { alert } of tracked)
        if (alert.unknown) counts.unknown += 1;
        else if (alert.state !== "resolved") counts[alert.state] += 1;
      for (const [state, count] of Object.entries(counts)) alerts.set({ rule, state }, count);
    },
  };
}
