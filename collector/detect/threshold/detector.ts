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
import { alertLabels, bindRules, type Binding, type BoundRule } from "./binding.ts";
import { spreadFiring } from "./condition.ts";
import { isTrue, isUnknown } from "./memory.ts";
import type { ProgramRule } from "./program.ts";
import { createPrograms } from "./programs.ts";
import { lookAt, rulesBehind, runSteps } from "./run.ts";

export interface ThresholdOptions {
  readonly rules: readonly Rule[];
  readonly book: AlertBook;
  readonly log: Log;
  readonly metrics: SelfMetrics;
}

export function createThresholdDetector(options: ThresholdOptions): Detector {
  const { rules, book, log } = options;
  const programs = createPrograms();
  const bindings = new Map<string, Binding>();
  const failures = options.metrics.counter(collector.evaluationFailures);
  for (const rule of rules) failures.increase({ rule: rule.name }, 0);
  const merged = options.metrics.counter(collector.windowSamplesDropped);

  function bind(state: OriginState): Binding {
    const known = bindings.get(state.key);
    if (known?.schema === state.schema) return known;
    const binding = bindRules(rules, programs, book, state, known ?? null);
    if (known) programs.release(known.program);
    bindings.set(state.key, binding);
    return binding;
  }

  function fail(rule: string, key: string, thrown: unknown): void {
    failures.increase({ rule });
    log.error(`rule ${rule} failed on ${key}: ${describeError(thrown)}`);
  }

  function run({ program, memory, rules: bound }: Binding, state: OriginState): void {
    const failed = new Set<number>();
    runSteps(program, memory, state, (step, thrown) => {
      for (const rule of rulesBehind(program, step)) {
        if (!failed.has(rule)) fail(program.rules[rule]!.rule.name, state.key, thrown);
        failed.add(rule);
      }
    });
    for (const rule of failed) {
      bound[rule]!.isWaiting = true;
      memory.due[program.steps.length + rule] = 0;
    }
    const { counters } = memory;
    if (counters.merged > 0) merged.increase({}, counters.merged);
    counters.merged = 0;
  }

  return {
    name: "threshold",
    step(state) {
      const binding = bind(state);
      const { program, memory } = binding;
      lookAt(program, memory, state);
      run(binding, state);
      const { due } = memory;
      for (let rule = 0, at = program.steps.length; at < due.length; rule += 1, at += 1) {
        if (due[at] === 0) continue;
        try {
          due[at] = judge(binding, rule, state, book) ? 1 : 0;
        } catch (thrown) {
          memory.isShaken = true;
          binding.rules[rule]!.isWaiting = true;
          fail(program.rules[rule]!.rule.name, state.key, thrown);
        }
      }
    },
    silent(key) {
      for (const { tracked, orphans } of bindings.get(key)?.rules ?? []) {
        for (const one of tracked?.values() ?? []) book.holdUnknown(one);
        for (const orphan of orphans) book.holdUnknown(orphan.tracked);
      }
    },
    forget(key) {
      const known = bindings.get(key);
      if (known) programs.release(known.program);
      bindings.delete(key);
    },
  };
}

/** What is judged: one rule of a binding. */
interface Case {
  readonly binding: Binding;
  readonly own: ProgramRule;
  readonly bound: BoundRule;
  readonly book: AlertBook;
}

/** True when the rule has to be judged with the next frame even if none of its samples changes. */
function judge(binding: Binding, rule: number, state: OriginState, book: AlertBook): boolean {
  const bound = binding.rules[rule]!;
  const own = binding.program.rules[rule]!;
  const { orphans } = bound;
  const one = { binding, own, bound, book };
  if (isHeld(bound)) forgetEnded(one);
  judgeRows(one, state);
  const time = state.timeMilliseconds;
  for (const orphan of orphans)
    if (!isTracked(orphan.tracked, book)) continue;
    else if (orphan.hasEnded(state)) book.release(orphan.tracked, orphan.tracked.alert.value, time);
    else book.holdUnknown(orphan.tracked);
  return bound.isWaiting || isHeld(bound) || orphans.length > 0;
}

function isHeld({ tracked }: BoundRule): boolean {
  return tracked !== null && tracked.size > 0;
}

function judgeRows(one: Case, state: OriginState): void {
  const { binding, own, bound, book } = one;
  const { truth, values } = binding.memory;
  const time = state.timeMilliseconds;
  bound.isWaiting = false;
  const { tracked } = bound;
  for (let row = 0; row < own.length; row += 1) {
    const is = truth[own.truth + row];
    const alert = tracked?.get(row);
    if (!alert) {
      if (is === isTrue) open(one, row, state);
      continue;
    }
    if (is === isUnknown) book.holdUnknown(alert);
    else if (is === isTrue) book.hold(alert, values[own.values + row]!, time);
    else if (book.release(alert, values[own.values + row]!, time)) tracked?.delete(row);
    noteFiring(one, row);
  }
}

function noteFiring({ binding, own, bound }: Case, row: number): void {
  const { memory } = binding;
  const fires = bound.tracked?.get(row)?.alert.state === "firing" ? 1 : 0;
  const place = own.firing + row;
  if (memory.firing[place] === fires) return;
  memory.firing[place] = fires;
  spreadFiring(own.onFiring, memory);
  for (const step of own.onFiring.steps) memory.due[step] = 1;
}

/** Alerts that ended elsewhere (a planned removal) leave their rows. */
function forgetEnded(one: Case): void {
  const { bound, book } = one;
  for (const [row, alert] of bound.tracked ?? []) {
    if (isTracked(alert, book)) continue;
    bound.tracked?.delete(row);
    bound.isWaiting = true;
    noteFiring(one, row);
  }
}

function isTracked(
  { alert }: { readonly alert: { rule: string; fingerprint: string } },
  book: AlertBook,
) {
  return book.ofRule(alert.rule).has(alert.fingerprint);
}

/** An alert that another origin holds is left to it: two that report the same series don't take turns. */
function open(one: Case, row: number, state: OriginState): void {
  const { binding, own, bound, book } = one;
  const { rule } = own;
  // Until it is open, also when that fails: it is tried again with the next frame.
  bound.isWaiting = true;
  const labels = alertLabels(rule, own.labels(binding.schema, row), state);
  const fingerprint = fingerprintOf(rule.name, labels);
  if (book.ofRule(rule.name).has(fingerprint)) return;
  const value = binding.memory.values[own.values + row]!;
  const timeMilliseconds = state.timeMilliseconds;
  bound.tracked ??= new Map();
  bound.tracked.set(
    row,
    book.begin({ rule, fingerprint, labels, owner: state.key, value, timeMilliseconds }),
  );
  noteFiring(one, row);
}
