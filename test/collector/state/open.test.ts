import { chmodSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import type { Destination } from "../../../collector/notify/incident/planning.ts";
import type { AlertStep } from "../../../collector/state/alert.ts";
import { openState, type State } from "../../../collector/state/open.ts";
import { createSystemClock } from "../../../core/kit/clock.ts";
import { WarpwatchError } from "../../../core/kit/errors.ts";
import { makeAlert, makeNumberedAlert, resolved } from "../../kit/alerts.ts";
import { makeFolder } from "../../kit/folder.ts";
import { destination, startPlanner } from "../../kit/planning.ts";

const everything = destination("pager");

function open(folder: string, notifiers: readonly Destination[] = [everything]): State {
  const clock = createSystemClock();
  const state = openState({ folder, notifiers, clock });
  startPlanner(state, notifiers, clock);
  onTestFinished(() => {
    try {
      state.close();
    } catch {
      // The test closed it.
    }
  });
  return state;
}

function step(changes: Partial<AlertStep>): AlertStep {
  return { changed: [], dropped: [], notify: [], ...changes };
}

function refusal(work: () => unknown): WarpwatchError {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof WarpwatchError) return thrown;
    throw thrown;
  }
  throw new Error("nothing was refused");
}

test("keeps alerts and their notifications over a reopening, values that JSON can't hold included", () => {
  const folder = makeFolder();
  const firing = makeAlert({ value: Number.POSITIVE_INFINITY });
  const pending = { ...makeNumberedAlert(5), state: "pending" as const, firedAtMilliseconds: 0 };
  const first = open(folder);
  first.alerts.commit(step({ changed: [firing, pending], notify: [firing] }));
  first.close();
  const second = open(folder);
  expect(second.alerts.load()).toEqual(expect.arrayContaining([firing, pending]));
  const [key] = second.outbox.after("pager", 0);
  expect(second.outbox.read(key?.sequence ?? 0)).toMatchObject({
    action: "trigger",
    alert: firing,
  });
});

test("lists a resolved alert apart and forgets a dropped one", () => {
  const { alerts } = open(makeFolder());
  const alert = makeAlert();
  const other = makeNumberedAlert(5);
  alerts.commit(step({ changed: [alert, other] }));
  const over = resolved(alert, Date.now());
  alerts.commit(step({ changed: [over], notify: [over], dropped: [other.fingerprint] }));
  expect(alerts.load()).toEqual([]);
  expect(alerts.recentlyResolved(10)).toEqual([over]);
});

test("purges resolved alerts after seven days", () => {
  const { alerts } = open(makeFolder());
  const old = resolved(makeNumberedAlert(1), Date.now() - 8 * 86_400_000);
  const recent = resolved(makeNumberedAlert(2), Date.now());
  alerts.commit(step({ changed: [old, recent] }));
  expect(alerts.recentlyResolved(10)).toEqual([recent]);
});

test("writes neither alert nor notification when a step fails half-way", () => {
  const { alerts, outbox } = open(makeFolder(), [
    everything,
    {
      ...destination("broken"),
      accepts: () => {
        throw new Error("no answer");
      },
    },
  ]);
  const alert = makeAlert();
  const refused = refusal(() => alerts.commit(step({ changed: [alert], notify: [alert] })));
  expect(refused.code).toBe("STATE_UNUSABLE");
  expect(alerts.load()).toEqual([]);
  expect(outbox.depth("pager")).toBe(0);
});

test("makes a row per notifier that the alert concerns, and tells listeners after the commit", () => {
  const { alerts, outbox } = open(makeFolder(), [
    everything,
    { ...destination("never"), accepts: () => false },
  ]);
  const depths: number[] = [];
  outbox.onAdded(() => depths.push(outbox.depth("pager")));
  alerts.commit(step({ changed: [makeAlert()], notify: [makeAlert()] }));
  alerts.commit(step({ changed: [makeNumberedAlert(4)] }));
  expect(depths).toEqual([1]);
  expect(outbox.depth("never")).toBe(0);
});

test("refuses a second collector on the same folder and says so", () => {
  const folder = makeFolder();
  open(folder);
  const refused = refusal(() => open(folder));
  expect(refused.code).toBe("STATE_UNUSABLE");
  expect(refused.message).toContain("in use by another collector");
});

test("names the file when it is damaged, foreign or newer", () => {
  const damaged = makeFolder();
  writeFileSync(join(damaged, "state.db"), "this is not a database".repeat(100));
  expect(refusal(() => open(damaged)).message).toMatch(/state\.db can't be used: .*not a database/);

  const foreign = makeFolder();
  const theirs = new DatabaseSync(join(foreign, "state.db"));
  theirs.exec("PRAGMA application_id = 7; CREATE TABLE t (a)");
  theirs.close();
  expect(refusal(() => open(foreign)).message).toContain("belongs to another program");

  const newer = makeFolder();
  open(newer).close();
  const ours = new DatabaseSync(join(newer, "state.db"));
  ours.exec("PRAGMA user_version = 99");
  ours.close();
  expect(refusal(() => open(newer)).message).toContain("newer version (schema 99");
});

test("finds a page that was overwritten", () => {
  const folder = makeFolder();
  const state = open(folder);
  state.alerts.commit(
    step({ changed: Array.from({ length: 200 }, (_, n) => makeNumberedAlert(n)) }),
  );
  state.close();
  const file = join(folder, "state.db");
  const bytes = readFileSync(file);
  bytes.fill(0x5a, 4096 * 4, 4096 * 6);
  writeFileSync(file, bytes);
  const refused = refusal(() => open(folder));
  expect(refused.code).toBe("STATE_UNUSABLE");
  expect(refused.message).not.toContain("\n");
  truncateSync(file, 5000);
  expect(refusal(() => open(folder)).code).toBe("STATE_UNUSABLE");
});

test("keeps its folder and files to their owner", () => {
  const folder = join(makeFolder(), "state");
  const state = open(folder);
  state.keyed.save("a", 1);
  const mode = (path: string): number => statSync(path).mode & 0o777;
  expect(mode(folder)).toBe(0o700);
  expect(mode(join(folder, "state.db"))).toBe(0o600);
  expect(mode(join(folder, "state.db-wal"))).toBe(0o600);
});

test("says which file can't be created", () => {
  const folder = makeFolder();
  writeFileSync(join(folder, "file"), "");
  chmodSync(join(folder, "file"), 0o600);
  expect(refusal(() => open(join(folder, "file"))).message).toContain(
    "file/state.db can't be created",
  );
});

test("keeps values by key", () => {
  const folder = makeFolder();
  const state = open(folder);
  expect(state.keyed.load("fleet")).toBeNull();
  state.keyed.save("fleet", { nodes: ["a"] });
  state.keyed.save("fleet", { nodes: ["a", "b"] });
  state.close();
  const again = open(folder);
  expect(again.keyed.load("fleet")).toEqual({ nodes: ["a", "b"] });
  again.keyed.remove("fleet");
  expect(again.keyed.load("fleet")).toBeNull();
});
