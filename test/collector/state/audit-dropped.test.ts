import { expect, it, onTestFinished } from "vitest";
import type { Alert } from "../../../collector/state/alert.ts";
import { createDroppedEntries } from "../../../collector/state/audit-dropped.ts";
import { openState } from "../../../collector/state/open.ts";
import { createFakeClock } from "../../kit/fake-clock.ts";
import { makeFolder } from "../../kit/folder.ts";
import { makeAlert } from "../../kit/alerts.ts";

const start = Date.UTC(2026, 10, 22);

function open() {
  const clock = createFakeClock(start);
  const state = openState({ folder: makeFolder(), notifiers: [], clock });
  onTestFinished(() => state.close());
  const entries = createDroppedEntries(clock, state.audit);
  state.alerts.planBy((_, dropped) => entries.note(dropped));
  /** Comes, and is over before it fires. */
  const flap = (count: number, rule = "GpuHot", from = 0): void => {
    const alerts: Alert[] = Array.from({ length: count }, (_, index) => ({
      ...makeAlert({ rule, state: "pending" }),
      fingerprint: `${rule} ${from + index}`,
    }));
    state.alerts.commit({ changed: alerts, dropped: [], notify: [] });
    const dropped = alerts.map(({ fingerprint }) => fingerprint);
    state.alerts.commit({ changed: [], dropped, notify: [] });
  };
  const listed = (): string[] =>
    state.audit
      .list({ sinceMilliseconds: 0, kind: "alert", before: 0, limit: 1000 })
      .map(({ subject, details }) => {
        const { state: becomes, alerts, rules } = details;
        return `${subject} ${JSON.stringify([becomes, alerts, rules].filter(Boolean))}`;
      });
  return { clock, state, entries, flap, listed };
}

it("keeps a pending alert that was over before it fired, with its rule, place and beginning", () => {
  const { state, flap, listed } = open();
  flap(1);
  expect(listed()).toEqual(['GpuHot 0 ["dropped"]']);
  const [entry] = state.audit.list({ sinceMilliseconds: 0, kind: "", before: 0, limit: 1 });
  expect(entry?.details).toEqual({
    state: "dropped",
    rule: "GpuHot",
    node: "node-07",
    severity: "critical",
    since: "2026-11-18T11:06:40.000Z",
    value: 93,
  });
});

it("has no entry for one that is dropped by a step that is undone, nor for one that isn't known", () => {
  const { state, flap, listed } = open();
  expect(() =>
    state.transaction(() => {
      flap(1);
      throw new Error("the disk is full");
    }),
  ).toThrow("the disk is full");
  state.alerts.commit({ changed: [], dropped: ["never kept"], notify: [] });
  expect(listed()).toEqual([]);
});

it("lets no flapping rule fill the log: past a hundred in an hour they are one entry, then counted anew", async () => {
  const { clock, state, entries, flap, listed } = open();
  flap(90);
  flap(30, "NodeLost");
  flap(5, "GpuHot", 90);
  expect(listed()).toHaveLength(100);
  await clock.advance(3_600_000);
  flap(1, "NodeLost", 30);
  expect(listed().slice(0, 2)).toEqual([
    'NodeLost 30 ["dropped"]',
    'pending alerts ["dropped",25,"NodeLost 20, GpuHot 5"]',
  ]);
  flap(104, "GpuHot", 95);
  entries.flush();
  expect(listed()[0]).toBe('pending alerts ["dropped",5,"GpuHot 5"]');
  expect(listed()).toHaveLength(202);
  entries.flush();
  expect(listed()).toHaveLength(202);
  expect((await state.audit.verify()).ok).toBe(true);
});
