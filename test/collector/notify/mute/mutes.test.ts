import { describe, expect, test } from "vitest";
import { createInhibitions } from "../../../../collector/notify/mute/inhibition.ts";
import { createMaintenance } from "../../../../collector/notify/mute/maintenance.ts";
import { maintenanceSchema } from "../../../../collector/notify/mute/maintenance-settings.ts";
import { compileMatchers, parseMatcher } from "../../../../collector/notify/mute/matcher.ts";
import { createMatcherIndex } from "../../../../collector/notify/mute/matcher-index.ts";
import { createMutes, type MutesOptions } from "../../../../collector/notify/mute/mutes.ts";
import { parseConfig } from "../../../../core/kit/config.ts";
import type { Alert } from "../../../../collector/state/alert.ts";
import type { Silence } from "../../../../collector/state/silences.ts";
import { makeAlert, makeNumberedAlert } from "../../../kit/alerts.ts";

const now = Date.parse("2026-11-21T02:00:00Z");
const hour = 3_600_000;

function silence(id: string, matcher: string, start = now, end = now + hour): Silence {
  return {
    id,
    matchers: [parseMatcher(matcher)],
    startsAtMilliseconds: start,
    endsAtMilliseconds: end,
    updatedAtMilliseconds: start,
    createdBy: "ada",
    comment: "fan swap",
  };
}

/** Silences that can be exchanged, as if by the API. */
function silencesOf(given: readonly Silence[]) {
  let index = createMatcherIndex<Silence>();
  let revision = 0;
  const set = (silences: readonly Silence[]): void => {
    index = createMatcherIndex<Silence>();
    for (const one of silences) index.add(one, compileMatchers(one.matchers));
    revision += 1;
  };
  set(given);
  return {
    set,
    matching: (labels: Alert["labels"]) => index.find(labels),
    revision: () => revision,
  };
}

function mutesOf(parts: Partial<MutesOptions>) {
  return createMutes({
    silences: { matching: () => [], revision: () => 0 },
    maintenance: createMaintenance([]),
    inhibitions: createInhibitions([]),
    ...parts,
  });
}

const window = `
- name: patching
  cron: "0 2 * * 6"
  timezone: Europe/Berlin
  duration: 4h
  match: { node: node-07 }
`;

describe("whether people are told", () => {
  test("they are, when nothing speaks against it", () => {
    expect(mutesOf({}).find(makeAlert(), now)).toBeNull();
  });

  test("by a silence, only while it is in force, and as soon as it was changed", () => {
    const first = silencesOf([silence("s1", 'node="node-07"', now + 1000)]);
    const mutes = mutesOf({ silences: first });
    expect(mutes.find(makeAlert(), now)).toBeNull();
    expect(mutes.find(makeAlert(), now + 1000)).toEqual({ kind: "silence", id: "s1" });
    expect(mutes.find(makeAlert(), now + hour)).toBeNull();
    first.set([silence("s2", 'node="node-07"')]);
    expect(mutes.find(makeAlert(), now)).toEqual({ kind: "silence", id: "s2" });
    first.set([]);
    expect(mutes.find(makeAlert(), now)).toBeNull();
  });

  test("by a maintenance window, only what it matches and while it is open", () => {
    const mutes = mutesOf({
      maintenance: createMaintenance(parseConfig(window, "c.yaml", maintenanceSchema)),
    });
    const other = makeAlert({ labels: { ...makeAlert().labels, node: "node-08" } });
    expect(mutes.find(makeAlert(), now)).toEqual({ kind: "maintenance", id: "patching" });
    expect(mutes.find(other, now)).toBeNull();
    expect(mutes.find(makeAlert(), now + 3 * hour)).toBeNull();
  });

  test("people see every reason, the silence first", () => {
    const source = makeAlert({
      rule: "GpuLost",
      labels: { alertname: "GpuLost", node: "node-07" },
    });
    const inhibitions = createInhibitions([
      {
        source: [{ label: "alertname", op: "=", value: "GpuLost" }],
        target: [{ label: "component", op: "=", value: "gpu" }],
        equal: ["node"],
      },
    ]);
    inhibitions.observe([source]);
    const mutes = mutesOf({
      inhibitions,
      silences: { matching: () => [silence("s1", 'node="node-07"')], revision: () => 1 },
      maintenance: createMaintenance(parseConfig(window, "c.yaml", maintenanceSchema)),
    });
    expect(mutes.findAll(makeAlert(), now)).toEqual([
      { kind: "silence", id: "s1" },
      { kind: "maintenance", id: "patching" },
      { kind: "inhibition", id: source.fingerprint },
    ]);
    expect(mutes.find(makeAlert(), now)).toEqual({ kind: "silence", id: "s1" });
  });

  test("a thousand alerts are asked about a thousand silences in under 100 ms, again in under 10 ms", () => {
    const silences = silencesOf(
      Array.from({ length: 1000 }, (_, index) => silence(`s${index}`, `gpu="${index}"`)),
    );
    const mutes = mutesOf({ silences });
    const alerts = Array.from({ length: 1000 }, (_, index) => makeNumberedAlert(index));
    const milliseconds = (): number => {
      const started = process.cpuUsage();
      expect(alerts.filter((alert) => mutes.find(alert, now) !== null)).toHaveLength(1000);
      const { user, system } = process.cpuUsage(started);
      return (user + system) / 1000;
    };
    expect(milliseconds()).toBeLessThan(100);
    milliseconds();
    expect(Math.min(milliseconds(), milliseconds(), milliseconds())).toBeLessThan(10);
  });
});
