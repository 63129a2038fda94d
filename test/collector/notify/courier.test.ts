import { expect, onTestFinished, test } from "vitest";
import { backoffMilliseconds } from "../../../core/kit/backoff.ts";
import { startDispatcher } from "../../../collector/notify/dispatcher.ts";
import type { Notifier, Receipt } from "../../../collector/notify/notifier.ts";
import type { Alert } from "../../../collector/state/alert.ts";
import type { Notification } from "../../../collector/state/notification.ts";
import type { Outbox } from "../../../collector/state/outbox.ts";
import { openState, type State } from "../../../collector/state/open.ts";
import { createLog } from "../../../core/kit/log.ts";
import { createSelfMetrics, type SelfMetrics } from "../../../core/kit/self-metrics.ts";
import { makeNumberedAlert, resolved } from "../../kit/alerts.ts";
import { createFakeClock, type FakeClock } from "../../kit/fake-clock.ts";
import { makeFolder } from "../../kit/folder.ts";
import { destination, startPlanner } from "../../kit/planning.ts";

const accepted: Receipt = { outcome: "accepted" };
const failed: Receipt = {
  outcome: "retry",
  reason: "server_error",
  sentence: "no",
  retryAfterMilliseconds: 0,
};

interface Scene {
  readonly clock: FakeClock;
  readonly state: State;
  readonly metrics: SelfMetrics;
  readonly sent: string[];
  readonly notify: (...alerts: Alert[]) => void;
}

/** A dispatcher on a fake clock over a receiver that answers as the test says. */
function start(
  answer: (notification: Notification) => Receipt | Promise<Receipt>,
  change: (outbox: Outbox) => Partial<Outbox> = () => ({}),
): Scene {
  const clock = createFakeClock(makeNumberedAlert(1).firedAtMilliseconds);
  const sent: string[] = [];
  const notifier: Notifier = {
    ...destination("pager"),
    timeoutMilliseconds: 10_000,
    async send(notification) {
      sent.push(`${notification.action} ${notification.alert.labels["gpu"]}`);
      return answer(notification);
    },
  };
  const state = openState({ folder: makeFolder(), notifiers: [notifier], clock });
  const metrics = createSelfMetrics({ clock, processMetrics: false });
  const log = createLog({ clock, write: () => undefined });
  const env = { clock, randomId: () => "ffffffff-0000" };
  const { alerts } = state;
  const outbox = { ...state.outbox, ...change(state.outbox) };
  const notifiers = [notifier];
  const planner = startPlanner(state, notifiers, clock);
  const dispatcher = startDispatcher({ notifiers, outbox, alerts, planner, env, log, metrics });
  onTestFinished(async () => {
    await dispatcher.close();
    state.close();
  });
  return {
    clock,
    state,
    metrics,
    sent,
    notify: (...changed) => alerts.commit({ changed, dropped: [], notify: changed }),
  };
}

test("starts sending within the commit, without waiting for a timer", () => {
  const { sent, notify } = start(() => accepted);
  notify(makeNumberedAlert(1));
  expect(sent).toEqual(["trigger 1"]);
});

test("doubles its waits up to 30 s", async () => {
  const times: number[] = [];
  const { clock, notify } = start(() => {
    times.push(clock.monotonic());
    return failed;
  });
  notify(makeNumberedAlert(1));
  await clock.advance(120_000);
  const waits = times.slice(1).map((time, index) => Math.round(time - (times[index] ?? 0)));
  expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
});

test("jitters each wait between its half and its whole", () => {
  expect(backoffMilliseconds(1, "00000000-")).toBe(125);
  expect(Math.round(backoffMilliseconds(1, "ffffffff-"))).toBe(250);
  expect(backoffMilliseconds(500, "80000000-")).toBe(22_500);
});

test("a lane that waits keeps its own order and holds up no other", async () => {
  let firstTry = true;
  const { clock, sent, notify } = start(({ alert }) => {
    if (alert.labels["gpu"] !== "1" || !firstTry) return accepted;
    firstTry = false;
    return failed;
  });
  notify(makeNumberedAlert(1), makeNumberedAlert(2));
  notify(resolved(makeNumberedAlert(1)));
  notify(resolved(makeNumberedAlert(2)));
  await clock.advance(100);
  expect(sent).toEqual(["trigger 1", "trigger 2", "resolve 2"]);
  await clock.advance(400);
  expect(sent.slice(3)).toEqual(["trigger 1", "resolve 1"]);
});

test("has at most eight requests under way", async () => {
  let underWay = 0;
  let most = 0;
  const scene = start(async () => {
    underWay += 1;
    most = Math.max(most, underWay);
    await new Promise((resolve) => scene.clock.after(50, () => resolve(null)));
    underWay -= 1;
    return accepted;
  });
  scene.notify(...Array.from({ length: 30 }, (_, number) => makeNumberedAlert(number)));
  await scene.clock.advance(500);
  expect(most).toBe(8);
  expect(scene.state.outbox.depth("pager")).toBe(0);
});

test("gives a notification up after a day and keeps it among the dead letters", async () => {
  const { clock, state, metrics, notify } = start(() => failed);
  notify(makeNumberedAlert(1));
  await clock.advance(3_600_000);
  clock.setWallClock(clock.now() + 24 * 3_600_000);
  await clock.advance(31_000);
  expect(state.outbox.depth("pager")).toBe(0);
  expect(state.outbox.deadLetters()).toHaveLength(1);
  expect(await metrics.render("text")).toContain(
    'warpwatch_notifications_total{notifier="pager",outcome="expired"} 1',
  );
});

test("a notifier that throws is tried again", async () => {
  let tries = 0;
  const { clock, state, notify } = start(() => {
    tries += 1;
    if (tries === 1) throw new Error("the key file is gone");
    return accepted;
  });
  notify(makeNumberedAlert(1));
  await clock.advance(1000);
  expect(tries).toBe(2);
  expect(state.outbox.depth("pager")).toBe(0);
});

test("a state file that can't be read fails no commit, and what was committed goes out a second later", async () => {
  let reads = 0;
  const { clock, sent, notify } = start(
    () => accepted,
    (outbox) => ({
      after(notifier, sequence) {
        reads += 1;
        if (reads === 2) throw new Error("the disk is away");
        return outbox.after(notifier, sequence);
      },
    }),
  );
  expect(() => notify(makeNumberedAlert(1))).not.toThrow();
  expect(sent).toEqual([]);
  await clock.advance(1000);
  expect(sent).toEqual(["trigger 1"]);
});

test("a row that was accepted isn't sent again because the state file can't say so", async () => {
  let settles = 0;
  const { clock, sent, state, notify } = start(
    () => accepted,
    (outbox) => ({
      settle(sequence) {
        settles += 1;
        return settles < 3
          ? Promise.reject(new Error("the disk is full"))
          : outbox.settle(sequence);
      },
    }),
  );
  notify(makeNumberedAlert(1));
  await clock.advance(2000);
  expect(sent).toEqual(["trigger 1"]);
  expect(state.outbox.depth("pager")).toBe(0);
});

test("skips what the bound took out of the outbox meanwhile", async () => {
  const { clock, state, sent, notify } = start(() => failed);
  notify(makeNumberedAlert(1));
  await clock.advance(10);
  const [key] = state.outbox.after("pager", 0);
  await Promise.all([state.outbox.settle(key?.sequence ?? 0), clock.advance(10)]);
  await clock.advance(60_000);
  expect(sent).toEqual(["trigger 1"]);
});

test("shows depth, latency and outcome", async () => {
  const { clock, metrics, notify } = start(() => accepted);
  clock.setWallClock(clock.now() + 700);
  notify(makeNumberedAlert(1));
  await clock.advance(2000);
  const page = await metrics.render("text");
  expect(page).toContain('warpwatch_outbox_notifications{notifier="pager"} 0');
  expect(page).toContain(
    'warpwatch_notification_latency_seconds_bucket{notifier="pager",le="1.0"} 1',
  );
  expect(page).toContain(
    'warpwatch_notification_latency_seconds_bucket{notifier="pager",le="0.5"} 0',
  );
  expect(page).toContain('warpwatch_notifications_total{notifier="pager",outcome="accepted"} 1');
  expect(page).toContain('warpwatch_notifications_total{notifier="pager",outcome="refused"} 0');
});

test("a notification that was damaged on disk is put aside once, and what is behind it is sent", async () => {
  const scene = start(
    () => accepted,
    (outbox) => ({
      read(sequence) {
        if (sequence === 1) outbox.bury(sequence, "it was damaged on disk");
        return outbox.read(sequence);
      },
    }),
  );
  scene.notify(makeNumberedAlert(1));
  scene.notify(resolved(makeNumberedAlert(1)), makeNumberedAlert(2));
  await scene.clock.advance(1000);
  expect(scene.sent.toSorted()).toEqual(["resolve 1", "trigger 2"]);
  expect(scene.state.outbox.depth("pager")).toBe(0);
  expect(scene.state.outbox.deadLetterCount()).toBe(1);
});
