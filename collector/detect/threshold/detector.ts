/** The threshold detector: evaluates the rules on every frame of every origin and moves their alerts. */
import { collector } from "../../../core/catalog/index.ts";
import { describeError } from "../../../core/kit/errors.ts";
import type { Log } from "../../../core/kit/log.ts";
import type { SelfMetrics } from "../../../core/kit/self-metrics.ts";
import type { Schema } from "../../../core/wire/frame.ts";
import type { Rule } from "../../../alerts/rule.ts";
import type { OriginState } from "../../origin.ts";
import { fingerprintOf } from "../../state/alert.ts";
import type { AlertBook } from "../alert-book.ts";
import type { Detector } from "../detector.ts";
import { alertLabels, bindRules, type BoundRule } from "./binding.ts";
import { isTrue, isUnknown } from "./condition.ts";
import type { WindowStore } from "./vector.ts";
import { createSampleWindow, type SampleWindow } from "./sample-window.ts";
import { createCounterWindow, type CounterWindow } from "./window.ts";

export interface ThresholdOptions {
  readonly rules: readonly Rule[];
  readonly book: AlertBook;
  readonly log: Log;
  readonly metrics: SelfMetrics;
}

interface Binding {
  schema: Schema;
  rules: readonly BoundRule[];
  windows: Windows;
}

interface Windows {
  readonly counters: Map<string, CounterWindow>;
  readonly samples: Map<string, SampleWindow>;
}

export function createThresholdDetector(options: ThresholdOptions): Detector {
  const { rules, book, log } = options;
  const bindings = new Map<string, Binding>();
  const failures = options.metrics.counter(collector.evaluationFailures);
  for (const rule of rules) failures.increase({ rule: rule.name }, 0);
  const merged = options.metrics.counter(collector.windowSamplesDropped);

  function bind(state: OriginState): Binding {
    const known = bindings.get(state.key);
    if (known?.schema === state.schema) return known;
    const windows: Windows = { counters: new Map(), samples: new Map() };
    const store = keepWindows(known?.windows ?? windows, windows, () => merged.increase({}));
    const binding = {
      schema: state.schema,
      rules: bindRules(rules, book, state, store),
      windows,
    };
    bindings.set(state.key, binding);
    return binding;
  }

  return {
    name: "threshold",
    step(state) {
      for (const bound of bind(state).rules)
        try {
          evaluate(bound, state, book);
        } catch (thrown) {
          failures.increase({ rule: bound.rule.name });
          log.error(`rule ${bound.rule.name} failed on ${state.key}: ${describeError(thrown)}`);
        }
    },
    silent(key) {
      for (const { tracked, orphans } of bindings.get(key)?.rules ?? []) {
        for (const one of tracked) if (one) book.holdUnknown(one);
        for (const orphan of orphans) book.holdUnknown(orphan.tracked);
      }
    },
    forget: (key) => void bindings.delete(key),
  };
}

function evaluate(bound: BoundRule, state: OriginState, book: AlertBook): void {
  const { condition, tracked, firing } = bound;
  const time = state.timeMilliseconds;
  forgetEnded(bound, book);
  condition.evaluate(state, firing);
  for (let row = 0; row < condition.truth.length; row++) {
    const truth = condition.truth[row];
    const alert = tracked[row];
    const value = condition.values[row] ?? 0;
    if (!alert) {
      if (truth === isTrue) tracked[row] = open(bound, row, value, state, book);
    } else if (truth === isUnknown) book.holdUnknown(alert);
    else if (truth === isTrue) book.hold(alert, value, time);
    else if (book.release(alert, value, time)) tracked[row] = undefined;
    firing[row] = tracked[row]?.alert.state === "firing" ? 1 : 0;
  }
  for (const orphan of bound.orphans)
    if (!isTracked(orphan.tracked, book)) continue;
    else if (orphan.hasEnded(state)) book.release(orphan.tracked, orphan.tracked.alert.value, time);
    else book.holdUnknown(orphan.tracked);
}

/** Alerts that ended elsewhere (a planned removal) leave their rows. */
function forgetEnded({ tracked, firing }: BoundRule, book: AlertBook): void {
  for (let row = 0; row < tracked.length; row++) {
    const alert = tracked[row];
    if (!alert || isTracked(alert, book)) continue;
    tracked[row] = undefined;
    firing[row] = 0;
  }
}

function isTracked(
  { alert }: { readonly alert: { rule: string; fingerprint: string } },
  book: AlertBook,
) {
  return book.ofRule(alert.rule).has(alert.fingerprint);
}

/** An alert that another origin holds is left to it: two that report the same series don't take turns. */
function open(
  { rule, condition }: BoundRule,
  row: number,
  value: number,
  state: OriginState,
  book: AlertBook,
) {
  const labels = alertLabels(rule, condition.rows[row] ?? {}, state);
  const fingerprint = fingerprintOf(rule.name, labels);
  if (book.ofRule(rule.name).has(fingerprint)) return undefined;
  const timeMilliseconds = state.timeMilliseconds;
  return book.begin({ rule, fingerprint, labels, owner: state.key, value, timeMilliseconds });
}

/** Windows of series that are still there go on; those that no rule asks for any more are let go. */
function keepWindows(former: Windows, kept: Windows, onMerged: () => void): WindowStore {
  return {
    counter: (series, length) =>
      keep(former.counters, kept.counters, `${length} ${series}`, () =>
        createCounterWindow(length, onMerged),
      ),
    samples: (series, length) =>
      keep(former.samples, kept.samples, `${length} ${series}`, () => createSampleWindow(length)),
  };
}

function keep<Value>(
  former: ReadonlyMap<string, Value>,
  kept: Map<string, Value>,
  key: string,
  create: () => Value,
): Value {
  const value = kept.get(key) ?? former.get(key) ?? create();
  kept.set(key, value);
  return value;
}
