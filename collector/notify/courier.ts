/**
 * A courier carries one notifier's outbox to its receiver: at least once, per incident strictly in order, incidents beside each
 * other, failed attempts again after a wait. A row leaves the outbox only after the receiver accepted or refused it.
 */
import { backoffMilliseconds } from "../../core/kit/backoff.ts";
import { sleep, type Clock } from "../../core/kit/clock.ts";
import { describeError } from "../../core/kit/errors.ts";
import type { Log } from "../../core/kit/log.ts";
import { withSpan } from "../../core/kit/tracing.ts";
import type { Notification } from "../state/notification.ts";
import type { Outbox } from "../state/outbox.ts";
import { createLanes, type Lane, type Lanes } from "./lanes.ts";
import type { NotifyMeter } from "./meter.ts";
import type { Accepted, Notifier, Receipt, Retry } from "./notifier.ts";

export interface CourierOptions {
  readonly notifier: Notifier;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly randomId: () => string;
  readonly log: Log;
  readonly meter: NotifyMeter;
}

export interface Courier extends CourierOptions {
  readonly lanes: Lanes;
  /** Aborted when nothing more is to be started. */
  readonly stopping: AbortController;
  /** Aborted when what is under way has to end. */
  readonly closing: AbortController;
  /** Requests, and what is done with their answers. */
  readonly underWay: Set<Promise<void>>;
  requests: number;
  lastSequence: number;
  /** On the steady clock: the receiver asked us to send nothing before. */
  pausedUntil: number;
  resuming: boolean;
}

/** Requests under way at once; a receiver's rate limit, not its speed, is what counts. */
const maximumConcurrent = 8;
/** After a day an undelivered page is history: it goes to the dead letters, where it can be seen. */
const maximumAgeMilliseconds = 24 * 3_600_000;

export function createCourier(options: CourierOptions): Courier {
  return {
    ...options,
    lanes: createLanes(),
    stopping: new AbortController(),
    closing: new AbortController(),
    underWay: new Set(),
    requests: 0,
    lastSequence: 0,
    pausedUntil: 0,
    resuming: false,
  };
}

/** Takes up new rows of the outbox. */
export function wake(courier: Courier): void {
  if (courier.stopping.signal.aborted) return;
  const { outbox, notifier, lanes } = courier;
  for (const { sequence, key } of outbox.after(notifier.name, courier.lastSequence)) {
    courier.lastSequence = sequence;
    lanes.add(key, sequence);
  }
  pump(courier);
}

/** Serves lanes until there is no work, no room, or the receiver asked us to wait. */
export function pump(courier: Courier): void {
  const { stopping, lanes } = courier;
  while (courier.requests < maximumConcurrent && !isPaused(courier)) {
    const lane = stopping.signal.aborted ? null : lanes.take();
    if (lane === null) return;
    track(courier, serve(courier, lane));
  }
}

/** Whether the receiver asked us to wait; if so, sees to it that work goes on afterwards. */
export function isPaused(courier: Courier): boolean {
  const { clock, stopping } = courier;
  const remaining = courier.pausedUntil - clock.monotonic();
  if (remaining <= 0) return false;
  if (courier.resuming) return true;
  courier.resuming = true;
  void sleep(clock, remaining, stopping.signal).then(() => {
    courier.resuming = false;
    pump(courier);
  });
  return true;
}

/** Counts the work as under way; when it ends there is room for more. */
export function track(courier: Courier, work: Promise<void>): void {
  const tracked = work.finally(() => {
    courier.underWay.delete(tracked);
    pump(courier);
  });
  courier.underWay.add(tracked);
}

/** Runs one request under the notifier's time-out; whatever it throws becomes a retry. */
export async function withDeadline(
  { clock, notifier, closing }: Courier,
  work: (signal: AbortSignal) => Promise<Receipt>,
): Promise<Receipt> {
  const deadline = new AbortController();
  const timer = clock.after(notifier.timeoutMilliseconds, () => deadline.abort());
  try {
    return await work(AbortSignal.any([deadline.signal, closing.signal]));
  } catch (thrown) {
    return internalFailure(thrown);
  } finally {
    timer.cancel();
  }
}

/** Starts nothing more, lets what is under way end for `graceMilliseconds`, then breaks it off. */
export async function closeCourier(courier: Courier, graceMilliseconds: number): Promise<void> {
  courier.stopping.abort();
  const timer = courier.clock.after(graceMilliseconds, () => courier.closing.abort());
  await Promise.allSettled(courier.underWay);
  timer.cancel();
}

/** One attempt for the first row of the lane. Never throws. */
async function serve(courier: Courier, lane: Lane): Promise<void> {
  const { outbox } = courier;
  try {
    const found = outbox.read(lane.queue[0] ?? 0);
    if (found === null) {
      advance(courier, lane);
      return;
    }
    const receipt = lane.accepted ?? (await send(courier, found));
    if (receipt.outcome === "accepted") await settle(courier, lane, found, receipt);
    else if (receipt.outcome === "retry" && !isExpired(courier, found))
      retryLater(courier, lane, receipt);
    else bury(courier, lane, found, receipt);
  } catch (thrown) {
    retryLater(courier, lane, internalFailure(thrown));
  }
}

function send(courier: Courier, found: Notification): Promise<Receipt> {
  const { notifier } = courier;
  return withSpan("warpwatch.notify", async (note) => {
    courier.requests += 1;
    const receipt = await withDeadline(courier, (signal) => notifier.send(found, signal));
    courier.requests -= 1;
    note?.({
      "warpwatch.notifier": notifier.name,
      "warpwatch.rule": found.alert.rule,
      "warpwatch.outcome": receipt.outcome,
    });
    return receipt;
  });
}

async function settle(
  courier: Courier,
  lane: Lane,
  found: Notification,
  receipt: Accepted,
): Promise<void> {
  const { outbox, notifier, meter, clock } = courier;
  const { eventAtMilliseconds } = found;
  if (!lane.accepted && eventAtMilliseconds > 0)
    meter.accepted(notifier.name, (clock.now() - eventAtMilliseconds) / 1000);
  // From here on only the state file can fail, and that must not send it again.
  lane.accepted = receipt;
  const settled = outbox.settle(found.sequence, receipt.reference);
  // There is room for another while a slow disk takes this down.
  pump(courier);
  await settled;
  meter.left(notifier.name, "accepted");
  advance(courier, lane);
}

function bury(
  courier: Courier,
  lane: Lane,
  found: Notification,
  receipt: Exclude<Receipt, { outcome: "accepted" }>,
): void {
  const { outbox, notifier, meter, log } = courier;
  outbox.bury(found.sequence, receipt.sentence);
  meter.left(notifier.name, receipt.outcome === "refused" ? "refused" : "expired");
  log.error("a notification can't be delivered and was put with the dead letters", {
    source: notifier.name,
    alert: found.alert.rule,
    action: found.action,
    reason: receipt.sentence,
  });
  advance(courier, lane);
}

function advance(courier: Courier, lane: Lane): void {
  lane.queue.shift();
  lane.failures = 0;
  lane.accepted = null;
  courier.lanes.giveBack(lane);
}

/** The lane stays taken while it waits, so nothing in it overtakes the row that failed. */
function retryLater(courier: Courier, lane: Lane, receipt: Retry): void {
  const { notifier, meter, log, clock, stopping } = courier;
  if (stopping.signal.aborted) return;
  lane.failures += 1;
  meter.retried(notifier.name, receipt.reason);
  log.warn("a notification wasn't accepted; it will be tried again", {
    source: notifier.name,
    reason: receipt.sentence,
    attempt: lane.failures,
  });
  const asked = receipt.retryAfterMilliseconds;
  // A receiver's rate limit counts all that we send it, so everything waits.
  courier.pausedUntil = Math.max(courier.pausedUntil, clock.monotonic() + asked);
  const wait = Math.max(backoffMilliseconds(lane.failures, courier.randomId()), asked);
  void sleep(clock, wait, stopping.signal).then(() => {
    courier.lanes.giveBack(lane);
    pump(courier);
  });
}

function isExpired({ clock }: Courier, found: Notification): boolean {
  return clock.now() - found.committedAtMilliseconds > maximumAgeMilliseconds;
}

function internalFailure(thrown: unknown): Retry {
  return {
    outcome: "retry",
    reason: "internal",
    sentence: describeError(thrown),
    retryAfterMilliseconds: 0,
  };
}
