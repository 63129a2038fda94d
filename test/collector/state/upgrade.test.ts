import { expect, onTestFinished, test } from "vitest";
import { encodeAlert } from "../../../collector/state/alert-codec.ts";
import { openState } from "../../../collector/state/open.ts";
import { createSystemClock } from "../../../core/kit/clock.ts";
import { makeAlert, resolved } from "../../kit/alerts.ts";
import { makeFolder } from "../../kit/folder.ts";
import { pager } from "../../kit/incident-scene.ts";
import { makeOlderState } from "../../kit/older-state.ts";
import { startPlanner } from "../../kit/planning.ts";

test("a state file in which every alert was told by itself is taken on: rows, threads and incidents that are open", async () => {
  const folder = makeFolder();
  const told = makeAlert();
  const waiting = makeAlert({ labels: { ...told.labels, gpu: "4" } });
  const older = makeOlderState(folder, 2);
  const keep = older.prepare("INSERT INTO alert VALUES (?, 'firing', 0, ?)");
  for (const alert of [told, waiting]) keep.run(alert.fingerprint, encodeAlert(alert));
  older
    .prepare(
      "INSERT INTO outbox (notifier, fingerprint, action, body, committed_at) VALUES (?, ?, ?, ?, 1)",
    )
    .run("pager", waiting.fingerprint, "trigger", encodeAlert(waiting));
  older
    .prepare("INSERT INTO reference (notifier, fingerprint, reference) VALUES (?, ?, ?)")
    .run("pager", told.fingerprint, "thread");
  older.close();

  const clock = createSystemClock();
  const state = openState({ folder, notifiers: [pager], clock });
  onTestFinished(() => state.close());
  const planner = startPlanner(state, [pager], clock);
  const over = [told, waiting].map((alert) => resolved(alert, Date.now()));
  expect(
    planner
      .incidents()
      .map(({ key }) => key)
      .toSorted(),
  ).toEqual([told.fingerprint, waiting.fingerprint].toSorted());
  state.alerts.commit({ changed: over, dropped: [], notify: over });
  const rows = state.outbox
    .after("pager", 0)
    .flatMap(({ sequence }) => state.outbox.read(sequence) ?? []);
  expect(rows.map(({ action, key, reference }) => [action, key, reference])).toEqual([
    ["trigger", waiting.fingerprint, ""],
    ["resolve", told.fingerprint, "thread"],
    ["resolve", waiting.fingerprint, ""],
  ]);
  expect(planner.incidents()).toEqual([]);
});
