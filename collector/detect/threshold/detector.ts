/** The threshold detector: evaluates the rules on every frame of every origin and moves their alerts. */
import { collector } from "../../../core/catalog/index.ts";
import { describeError } from "../../../core/kit/errors.ts";
import type { Log } from "../../../core/kit/log.ts";
import type { SelfMetrics } from "../../../core/kit/self-metrics.ts";
import type { Rule } from "../../../alerts/rule.ts";
import type { OriginState } from "../../origin.ts";
import { fingerprintOf } from "../../state/alert.ts";
import type { AlertBook } from "../alert-book.ts";
import type { Detector } from "../detector.ts";
import { alertLabels, bindRules, type BoundRule, type BoundRules } from "./binding.ts";
import { isTrue, isUnknown } from "./condition.ts";
import { moved, restless } from "./motion.ts";

export interface ThresholdOptions {
  readonly rules: readonly Rule[];
  readonly book: AlertBook;
  readonly log: Log;
  readonly metrics: SelfMetrics;
}

export function createThresholdDetector(options: ThresholdOptions): Detector {
  const { rules, book, log } = options;
  const bindings = new Map<string, BoundRules>();
  const failures = options.metrics.counter(collector.evaluationFailures);
  for (const rule of rules) failures.increase({ rule: rule.name }, 0);
  const merged = options.metrics.counter(collector.windowSamplesDropped);

  function bind(state: OriginState): BoundRules {
    const known = bindings.get(state.key);
    if (known?.schema === state.schema) return known;
    const binding = bindRules(rules, book, state, known?.windows ?? null, (samples) =>
      merged.increase({}, samples),
    );
    bindings.set(state.key, binding);
    return binding;
  }

  return {
    name: "threshold",
    step(state) {
      const { rules, windows, watch } = bind(state);
      watch.look(state, windows.advance(state));
      for (let index = 0; index < watch.due.length; index += 1) {
        if (watch.due[index] === 0) continue;
        const bound = rules[index]!;
        try {
          watch.keepDue(index, evaluate(bound, state, book));
        } catch (thrown) {
          watch.keepDue(index, true);
          windows.shake();
          bound.isWaiting = true;
          failures.increase({ rule: bound.rule.name });
          log.error(`rule ${bound.rule.name} failed on ${state.key}: ${describeError(thrown)}`);
        }
      }
    },
    silent(key) {
      for (const { tracked, orphans } of bindings.get(key)?.rules ?? []) {
        for (const one of tracked.values()) book.holdUnknown(one);
        for (const orphan of orphans) book.holdUnknown(orphan.tracked);
      }
    },
    forget: (key) => void bindings.delete(key),
  };
}

/** True when the rule has to be judged with the next frame even if none of its samples changes. */
function evaluate(bound: BoundRule, state: OriginState, book: AlertBook): boolean {
  const { condition, tracked, firing, orphans } = bound;
  if (tracked.size > 0) forgetEnded(bound, book);
  const motion = condition.evaluate(state, firing, bound.firingMoved);
  bound.firingMoved = false;
  if ((motion & moved) !== 0 || bound.isWaiting || tracked.size > 0) judgeRows(bound, state, book);
  const time = state.timeMilliseconds;
  for (const orphan of orphans)
    if (!isTracked(orphan.tracked, book)) continue;
    else if (orphan.hasEnded(state)) book.release(orphan.tracked, orphan.tracked.alert.value, time);
    else book.holdUnknown(orphan.tracked);
  const awaits = bound.isWaiting || bound.firingMoved || tracked.size > 0 || orphans.length > 0;
  return awaits || (motion & restless) !== 0;
}

function judgeRows(bound: BoundRule, state: OriginState, book: AlertBook): void {
  const { condition, tracked } = bound;
  const { truth, values, length } = condition;
  const time = state.timeMilliseconds;
  bound.isWaiting = false;
  for (let row = 0; row < length; row += 1) {
    const alert = tracked.size === 0 ? undefined : tracked.get(row);
    if (!alert) {
      if (truth[row] === isTrue) open(bound, row, state, book);
      continue;
    }
    if (truth[row] === isUnknown) book.holdUnknown(alert);
    else if (truth[row] === isTrue) book.hold(alert, values[row]!, time);
    else if (book.release(alert, values[row]!, time)) tracked.delete(row);
    noteFiring(bound, row);
  }
}

function noteFiring(bound: BoundRule, row: number): void {
  const fires = bound.tracked.get(row)?.alert.state === "firing" ? 1 : 0;
  if (bound.firing[row] === fires) return;
  bound.firing[row] = fires;
  bound.firingMoved = true;
}

/** Alerts that ended elsewhere (a planned removal) leave their rows. */
function forgetEnded(bound: BoundRule, book: AlertBook): void {
  for (const [row, alert] of bound.tracked) {
    if (isTracked(alert, book)) continue;
    bound.tracked.delete(row);
    bound.isWaiting = true;
    noteFiring(bound, row);
  }
}

function isTracked(
  { alert }: { readonly alert: { rule: string; fingerprint: string } },
  book: AlertBook,
) {
  return book.ofRule(alert.rule).has(alert.fingerprint);
}

/** An alert that another origin holds is left to it: two that report the same series don't take turns. */
function open(bound: BoundRule, row: number, state: OriginState, book: AlertBook): void {
  const { rule, condition, tracked } = bound;
  // Until it is open, also when that fails: it is tried again with the next frame.
  bound.isWaiting = true;
  const labels = alertLabels(rule, condition.labels(row), state);
  const fingerprint = fingerprintOf(rule.name, labels);
  if (book.ofRule(rule.name).has(fingerprint)) return;
  const value = condition.values[row]!;
  const timeMilliseconds = state.timeMilliseconds;
  tracked.set(
    row,
    book.begin({ rule, fingerprint, labels, owner: state.key, value, timeMilliseconds }),
  );
  noteFiring(bound, row);
}
