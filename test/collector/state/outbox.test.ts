import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import type { Alert } from "../../../collector/state/alert.ts";
import { tellingOf } from "../../../collector/state/notification.ts";
import { openState, type State } from "../../../collector/state/open.ts";
import { createSystemClock } from "../../../core/kit/clock.ts";
import { makeNumberedAlert, resolved } from "../../kit/alerts.ts";
import { makeFolder } from "../../kit/folder.ts";

const notifiersOf = new WeakMap<State, readonly string[]>();

function open(folder: string, names: readonly string[], outboxCapacity = 4): State {
  const state = openState({
    folder,
    notifiers: names.map((name) => ({ name })),
    clock: createSystemClock(),
    outboxCapacity,
  });
  notifiersOf.set(state, names);
  onTestFinished(() => {
    try {
      state.close();
    } catch {
      // The test closed it.
    }
  });
  return state;
}

/** Every notifier is told of each alert by itself. */
function notify(state: State, ...alerts: Alert[]): void {
  state.transaction(() =>
    state.outbox.add(
      (notifiersOf.get(state) ?? []).flatMap((notifier) =>
        alerts.map((alert) => ({ notifier, telling: tellingOf(alert) })),
      ),
    ),
  );
  state.outbox.announce();
}

function waiting(state: State, notifier = "pager"): string[] {
  return state.outbox.after(notifier, 0).map((key) => {
    const found = state.outbox.read(key.sequence);
    return `${found?.action} ${found?.alert.labels["gpu"]}`;
  });
}

const one = makeNumberedAlert(1);
const two = makeNumberedAlert(2);
const three = makeNumberedAlert(3);

test("when full, lets go of the trigger of a pair first and keeps its resolve", () => {
  const state = open(makeFolder(), ["pager"]);
  notify(state, one);
  notify(state, two);
  notify(state, resolved(two));
  notify(state, three);
  notify(state, makeNumberedAlert(4));
  expect(waiting(state)).toEqual(["trigger 1", "resolve 2", "trigger 3", "trigger 4"]);
  expect(state.outbox.dropped).toEqual({ superseded: 1, outbox_full: 0, notifier_removed: 0 });
});

test("then the oldest resolves, then the oldest triggers", () => {
  const state = open(makeFolder(), ["pager"]);
  notify(state, one, resolved(two), three, makeNumberedAlert(4));
  notify(state, makeNumberedAlert(5));
  expect(waiting(state)).toEqual(["trigger 1", "trigger 3", "trigger 4", "trigger 5"]);
  notify(state, makeNumberedAlert(6));
  expect(waiting(state)).toEqual(["trigger 3", "trigger 4", "trigger 5", "trigger 6"]);
  expect(state.outbox.dropped.outbox_full).toBe(2);
});

test("counts each notifier's rows on their own", async () => {
  const state = open(makeFolder(), ["pager", "hook"]);
  notify(state, one, two, three);
  await Promise.all(state.outbox.after("hook", 0).map((key) => state.outbox.settle(key.sequence)));
  notify(state, makeNumberedAlert(4), makeNumberedAlert(5));
  expect(state.outbox.depth("pager")).toBe(4);
  expect(waiting(state, "hook")).toEqual(["trigger 4", "trigger 5"]);
});

test("a settled row is gone after a reopening, and its sequence is never given again", async () => {
  const folder = makeFolder();
  const first = open(folder, ["pager"]);
  notify(first, one);
  const before = first.outbox.after("pager", 0)[0]?.sequence ?? 0;
  await first.outbox.settle(before);
  first.close();
  const second = open(folder, ["pager"]);
  expect(waiting(second)).toEqual([]);
  notify(second, two);
  expect(second.outbox.after("pager", 0)[0]?.sequence).toBeGreaterThan(before);
});

test("keeps what was refused for good among the dead letters, with the reason", () => {
  const state = open(makeFolder(), ["pager"]);
  notify(state, one);
  state.outbox.bury(state.outbox.after("pager", 0)[0]?.sequence ?? 0, "400 invalid routing key");
  expect(waiting(state)).toEqual([]);
  expect(state.outbox.deadLetters()).toMatchObject([
    { notifier: "pager", reason: "400 invalid routing key", notification: { alert: one } },
  ]);
});

test("drops and counts what waits for a notifier that is no longer configured", () => {
  const folder = makeFolder();
  const first = open(folder, ["pager", "hook"]);
  notify(first, one, two);
  first.close();
  const second = open(folder, ["pager"]);
  expect(second.outbox.dropped.notifier_removed).toBe(2);
  expect(waiting(second)).toEqual(["trigger 1", "trigger 2"]);
});

test("what a receiver called an alert goes with its later notifications until it is resolved", async () => {
  const folder = makeFolder();
  const first = open(folder, ["chat", "pager"]);
  const referenceOf = (state: State, notifier: string): string | undefined =>
    state.outbox.read(state.outbox.after(notifier, 0)[0]?.sequence ?? 0)?.reference;
  const settleFirst = (state: State, reference?: string): Promise<void> =>
    state.outbox.settle(state.outbox.after("chat", 0)[0]?.sequence ?? 0, reference);
  notify(first, one);
  await settleFirst(first, "thread-1");
  first.close();
  const second = open(folder, ["chat", "pager"]);
  notify(second, resolved(one));
  notify(second, one);
  expect(referenceOf(second, "chat")).toBe("thread-1");
  expect(referenceOf(second, "pager")).toBe("");
  await settleFirst(second);
  expect(referenceOf(second, "chat")).toBe("");
});

test("a resolve that is buried ends the reference too", async () => {
  const state = open(makeFolder(), ["chat"]);
  const next = (): number => state.outbox.after("chat", 0)[0]?.sequence ?? 0;
  notify(state, one);
  await state.outbox.settle(next(), "thread-1");
  notify(state, resolved(one));
  state.outbox.bury(next(), "refused");
  notify(state, one);
  expect(state.outbox.read(next())?.reference).toBe("");
});

test.each([
  ["body", "replace(body, '\"memberCount\":1', '\"memberCount\":3')"],
  ["body", "substr(body, 1, 40)"],
  ["action", "'resolve'"],
  ["committed_at", "committed_at - 1e9"],
  ["key", "replace(key, substr(key, 1, 1), 'z')"],
])(
  "a row whose %s was damaged on disk becomes a dead letter, and the next is read",
  (column, damaged) => {
    const folder = makeFolder();
    const first = open(folder, ["pager"]);
    notify(first, one, two);
    first.close();
    const sqlite = new DatabaseSync(join(folder, "state.db"));
    sqlite.exec(`UPDATE outbox SET ${column} = ${damaged} WHERE sequence = 1`);
    sqlite.close();
    const second = open(folder, ["pager"]);
    expect(second.outbox.read(1)).toBeNull();
    expect(second.outbox.read(1)).toBeNull();
    expect(waiting(second)).toEqual(["trigger 2"]);
    expect(second.takeDamage()).toEqual([
      expect.stringContaining("is with the dead letters: look the incident up"),
    ]);
    expect(second.outbox.deadLetters()).toMatchObject([
      { notifier: "pager", reason: "it was damaged on disk" },
    ]);
    const query = { sinceMilliseconds: 0, kind: "notification", before: 0, limit: 10 };
    expect(second.audit.list(query)).toMatchObject([
      { details: { notifier: "pager", outcome: "buried: it was damaged on disk", sequence: 1 } },
    ]);
  },
);

test("a row from before notifications had checksums of their own is still read", () => {
  const folder = makeFolder();
  const first = open(folder, ["pager"]);
  notify(first, one);
  first.close();
  const sqlite = new DatabaseSync(join(folder, "state.db"));
  sqlite.exec("UPDATE outbox SET body = substr(body, 1, length(body) - 10)");
  sqlite.close();
  const second = open(folder, ["pager"]);
  expect(waiting(second)).toEqual(["trigger 1"]);
  expect(second.takeDamage()).toEqual([]);
});
