/**
 * The agent's side of the probes: starts each child when it is first asked, gives it one call at a time, and turns away
 * from one whose loop a call holds. Such a child is abandoned and never killed, since a kill in the middle of a driver's
 * call may hang the device; it ends by itself when the call comes back, and until then that call's key isn't asked again.
 */
import type { Timer } from "../../core/kit/clock.ts";
import type { Env } from "../../core/kit/env.ts";
import { describeError, WarpwatchError, type ErrorCode } from "../../core/kit/errors.ts";
import type { Log } from "../../core/kit/log.ts";
import { startChild, type ProbeChild } from "./child.ts";
import type { ProbeReply } from "./message.ts";
import type { Probe, ProbeName, Probes, ProbeValue } from "./probe.ts";

export interface OwnedProbes extends Probes {
  /** Lets go of the children, which end by themselves, and fails what is outstanding. Waits for nothing. */
  readonly close: () => void;
}

export interface ProbeOptions {
  /** For tests: another program than the one that ships. */
  readonly program?: string;
  /** How much longer than its deadline a call may hold the child's loop before the child is abandoned. */
  readonly graceMilliseconds?: number;
}

interface Call {
  readonly id: number;
  readonly call: string;
  readonly key: string;
  readonly argument: ProbeValue;
  readonly askedAt: number;
  readonly deadline: Timer;
  readonly resolve: (value: ProbeValue) => void;
  readonly reject: (error: WarpwatchError) => void;
}

interface Child {
  /** Null while it is being started. */
  process: ProbeChild | null;
  readonly startedAt: number;
  ready: boolean;
  /** Sent, and neither answered nor said to be pending: if anything holds the loop, this does. */
  sent: Call | null;
  readonly pending: Map<number, Call>;
  /** Runs while the child is late: to be ready, or with a call beyond its deadline. */
  lateness: Timer | null;
}

interface State {
  readonly name: ProbeName;
  readonly env: Env;
  readonly log: Log;
  readonly options: ProbeOptions;
  /** What is asked and has not been answered, in whatever child: one per key. */
  readonly calls: Map<string, Call>;
  readonly queue: Call[];
  child: Child | null;
  /** Abandoned and not yet ended. */
  readonly unreaped: Set<Child>;
  starts: number;
  abandoned: number;
  endsInARow: number;
  retryAt: number;
  retry: Timer | null;
  nextId: number;
  closed: boolean;
}

const maximumCalls = 256;
const maximumUnreaped = 8;
const defaultGraceMilliseconds = 1000;
const startMilliseconds = 30_000;
const firstRetryMilliseconds = 500;
const longestRetryMilliseconds = 60_000;
/** A child that lived so long is not one that ends at every start. */
const healthyMilliseconds = 60_000;

export function createProbes(
  env: Env,
  log: Log,
  options: Partial<Record<ProbeName, ProbeOptions>> = {},
): OwnedProbes {
  const gpu = createState("gpu", env, log, options.gpu ?? {});
  const slowKernel = createState("slow-kernel", env, log, options["slow-kernel"] ?? {});
  return {
    gpu: probeOf(gpu),
    slowKernel: probeOf(slowKernel),
    counts(name) {
      const { abandoned, starts } = name === "gpu" ? gpu : slowKernel;
      return { abandoned, restarts: Math.max(0, starts - 1) };
    },
    close() {
      close(gpu);
      close(slowKernel);
    },
  };
}

function createState(name: ProbeName, env: Env, log: Log, options: ProbeOptions): State {
  return {
    name,
    env,
    log,
    options,
    calls: new Map(),
    queue: [],
    child: null,
    unreaped: new Set(),
    starts: 0,
    abandoned: 0,
    endsInARow: 0,
    retryAt: -Infinity,
    retry: null,
    nextId: 1,
    closed: false,
  };
}

function probeOf(state: State): Probe {
  const { clock } = state.env;
  return {
    name: state.name,
    ask: (call, key, argument, timeoutMilliseconds) =>
      new Promise((resolve, reject) => {
        refuse(state, key, timeoutMilliseconds);
        const asked: Call = {
          id: state.nextId,
          call,
          key,
          argument,
          askedAt: clock.monotonic(),
          deadline: clock.after(timeoutMilliseconds, () =>
            overdue(state, asked, timeoutMilliseconds),
          ),
          resolve,
          reject,
        };
        state.nextId += 1;
        state.calls.set(key, asked);
        state.queue.push(asked);
        pump(state);
      }),
    inFlight: () =>
      [...state.calls.values()].map(({ key, askedAt }) => ({
        key,
        seconds: (clock.monotonic() - askedAt) / 1000,
      })),
  };
}

/** Throws for what can't be asked now. */
function refuse(state: State, key: string, timeoutMilliseconds: number): void {
  const { env, calls } = state;
  if (state.closed) throw failed("PROBE_FAILED", state, "is stopped");
  if (calls.has(key)) throw failed("PROBE_BUSY", state, `has not answered for ${key} yet`);
  if (calls.size >= maximumCalls)
    throw failed("PROBE_BUSY", state, `has ${maximumCalls} calls under way`);
  if (state.child === null && state.unreaped.size >= maximumUnreaped)
    throw failed("PROBE_FAILED", state, `hangs in ${maximumUnreaped} processes`);
  const wait = state.retryAt - env.clock.monotonic();
  if (state.child === null && wait > timeoutMilliseconds)
    throw failed("PROBE_FAILED", state, `ended and waits to be started anew`);
}

/** Brings the child to life where there is none, and the next call to it where it has none. */
function pump(state: State): void {
  const { child, queue } = state;
  if (state.closed || queue.length === 0) return;
  if (child === null) {
    startSoon(state);
    return;
  }
  if (!child.ready || child.sent) return;
  const next = queue.shift();
  if (!next) return;
  child.sent = next;
  const { id, call, key, argument } = next;
  try {
    child.process?.send({ id, call, key, argument });
  } catch (thrown) {
    child.sent = null;
    conclude(state, next).reject(failed("PROBE_FAILED", state, describeError(thrown), thrown));
    pump(state);
  }
}

function startSoon(state: State): void {
  const { clock } = state.env;
  if (state.retry !== null) return;
  const wait = state.retryAt - clock.monotonic();
  if (wait <= 0) {
    start(state);
    return;
  }
  state.retry = clock.after(wait, () => {
    state.retry = null;
    if (!state.closed && state.child === null && state.queue.length > 0) start(state);
  });
}

function start(state: State): void {
  if (state.unreaped.size >= maximumUnreaped) {
    failQueue(state, `hangs in ${maximumUnreaped} processes`);
    return;
  }
  const { name, env, log, options } = state;
  const child: Child = {
    process: null,
    startedAt: env.clock.monotonic(),
    ready: false,
    sent: null,
    pending: new Map(),
    lateness: null,
  };
  try {
    child.process = startChild({
      name,
      env,
      log,
      program: options.program ?? null,
      onReply: (reply) => onReply(state, child, reply),
      onEnd: (how) => onEnd(state, child, how),
    });
  } catch (thrown) {
    delayStart(state, child.startedAt);
    failQueue(state, `can't be started: ${describeError(thrown)}`);
    return;
  }
  state.starts += 1;
  state.child = child;
  child.lateness = env.clock.after(startMilliseconds, () => {
    delayStart(state, child.startedAt);
    abandon(state, child, "isn't ready");
  });
}

function onReply(state: State, child: Child, reply: ProbeReply): void {
  if (child !== state.child) return;
  if (reply.kind === "ready") {
    child.ready = true;
    stopLateness(child);
  } else {
    const isSent = child.sent?.id === reply.id;
    const call = isSent ? child.sent : child.pending.get(reply.id);
    if (!call) return;
    if (isSent) {
      child.sent = null;
      stopLateness(child);
    }
    if (reply.kind === "pending") child.pending.set(call.id, call);
    else {
      child.pending.delete(call.id);
      conclude(state, call);
      if (reply.kind === "answer") call.resolve(reply.value);
      else call.reject(failed("PROBE_FAILED", state, `could not do it: ${reply.sentence}`));
    }
  }
  pump(state);
}

/** Its asker waits no longer. If it holds the child's loop, the others get a new child soon. */
function overdue(state: State, call: Call, timeoutMilliseconds: number): void {
  const { child, queue } = state;
  const sentence = `did not answer for ${call.key} within ${timeoutMilliseconds} ms`;
  call.reject(failed("PROBE_TIMEOUT", state, sentence));
  const position = queue.indexOf(call);
  if (position !== -1) {
    queue.splice(position, 1);
    conclude(state, call);
  } else if (child?.sent === call) {
    const { graceMilliseconds = defaultGraceMilliseconds } = state.options;
    child.lateness = state.env.clock.after(graceMilliseconds, () =>
      abandon(state, child, `hangs in ${call.call} of ${call.key}`),
    );
  }
}

/** Nothing more is asked of it or heard from it but its end. What it was in the middle of stays outstanding. */
function abandon(state: State, child: Child, why: string): void {
  state.child = null;
  state.abandoned += 1;
  state.unreaped.add(child);
  state.log.error(`the ${state.name} probe ${why}: it is left to itself`, {
    pid: child.process?.processId ?? 0,
  });
  for (const call of [child.sent, ...child.pending.values()])
    call?.reject(failed("PROBE_FAILED", state, why));
  letGo(child);
  pump(state);
}

function onEnd(state: State, child: Child, how: string): void {
  stopLateness(child);
  for (const call of [child.sent, ...child.pending.values()])
    if (call) conclude(state, call).reject(failed("PROBE_FAILED", state, how));
  if (state.unreaped.delete(child) || state.closed) {
    pump(state);
    return;
  }
  state.child = null;
  state.log.warn(`the ${state.name} probe ${how}`);
  delayStart(state, child.startedAt);
  pump(state);
}

function delayStart(state: State, startedAt: number): void {
  const now = state.env.clock.monotonic();
  if (now - startedAt >= healthyMilliseconds) state.endsInARow = 0;
  const wait = firstRetryMilliseconds * 2 ** Math.min(state.endsInARow, 10);
  state.retryAt = now + Math.min(wait, longestRetryMilliseconds);
  state.endsInARow += 1;
}

function close(state: State): void {
  state.closed = true;
  state.retry?.cancel();
  if (state.child) letGo(state.child);
  for (const call of state.calls.values())
    conclude(state, call).reject(failed("PROBE_FAILED", state, "is stopped"));
  state.queue.length = 0;
}

function letGo(child: Child): void {
  stopLateness(child);
  child.process?.letGo();
}

function failQueue(state: State, how: string): void {
  for (const call of state.queue.splice(0))
    conclude(state, call).reject(failed("PROBE_FAILED", state, how));
}

/** It is outstanding no more: its key may be asked again. */
function conclude(state: State, call: Call): Call {
  call.deadline.cancel();
  state.calls.delete(call.key);
  return call;
}

function stopLateness(child: Child): void {
  child.lateness?.cancel();
  child.lateness = null;
}

function failed(code: ErrorCode, { name }: State, how: string, cause?: unknown): WarpwatchError {
  return new WarpwatchError(code, `the ${name} probe ${how}`, { cause });
}
