import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { ownRulesSchema } from "../../collector/rule-settings.ts";

const base = {
  alert: "TooMuch",
  metric: "a",
  op: ">",
  threshold: 1,
  severity: "info",
  summary: "s",
};

function read(entry: string) {
  return ownRulesSchema.safeParse([{ ...base, ...(parse(entry) as object) }]);
}

/** The mistakes, as path and message. */
function complaints(entry: string): string[] {
  const { error } = read(entry);
  return (error?.issues ?? []).map(({ path, message }) => `${path.slice(1).join(".")}: ${message}`);
}

describe("rules of a user's own", () => {
  it.each([
    ["{}", { measure: { kind: "value" }, team: "infrastructure", component: "custom" }],
    ["{rate: 5m}", { measure: { kind: "rate", windowMilliseconds: 300_000 } }],
    ["{increase: 1h}", { measure: { kind: "increase", windowMilliseconds: 3_600_000 } }],
    ["{mean: 30s}", { measure: { kind: "avg", windowMilliseconds: 30_000 } }],
    ["{minimum: 5m}", { measure: { kind: "min" } }],
    ["{maximum: 5m}", { measure: { kind: "max" } }],
    ["{age: true}", { measure: { kind: "age" } }],
    ["{ratio_to: {metric: b, on: [x]}}", { ratioTo: { metric: "b", labels: {}, on: ["x"] } }],
    ["{peers: {}}", { peers: { by: [], as: "difference" } }],
    ["{peers: {by: [model], as: ratio}}", { peers: { by: ["model"], as: "ratio" } }],
    [
      "{absent: {metric: b, labels: {c: d}, on: [x]}}",
      { absent: { metric: "b", labels: { c: "d" }, on: ["x"] }, op: ">", threshold: 1 },
    ],
    [
      "{keep_firing_for: 5m, team: storage, component: disk, dashboard_url: /d/x}",
      {
        keepFiringForMilliseconds: 300_000,
        team: "storage",
        component: "disk",
        dashboardUrl: "/d/x",
      },
    ],
  ])("understands %s", (entry, expected) => {
    expect(read(entry).data?.[0]).toMatchObject(expected);
  });

  it("needs no threshold where something is absent: any value says that the other is there", () => {
    const { op: _, threshold: __, ...rest } = base;
    const { data } = ownRulesSchema.safeParse([{ ...rest, absent: { metric: "b" } }]);
    expect(data?.[0]).toMatchObject({ op: ">=", threshold: -Number.MAX_VALUE });
  });

  it.each([
    [
      "{rate: 5m, increase: 5m}",
      ["increase: only one of rate, increase, mean, minimum, maximum, age can be given"],
    ],
    ["{rate: 5s}", ["rate: must be 10s to 24h: what a window holds is bounded"]],
    ["{mean: 2d}", ["mean: must be 10s to 24h: what a window holds is bounded"]],
    [
      "{age: true, ratio_to: {metric: b}}",
      ["ratio_to: an age is no part of another one: leave out age or ratio_to"],
    ],
    ["{ratio_to: {metric: b c}}", ["ratio_to.metric: is not a metric's name"]],
    ["{peers: {by: [9x]}}", ["peers.by.0: is not a label name"]],
    ["{op: null, threshold: null}", []],
    ["{clear: 2}", ["clear: clear (2) must be on the good side of the threshold (> 1)"]],
    ["{team: a b}", ["team: must be 1 to 64 letters, digits or ._-"]],
  ])("says what is wrong with %s", (entry, expected) => {
    const wanted = expected.length > 0 ? expected : expect.arrayContaining([expect.any(String)]);
    expect(complaints(entry)).toEqual(wanted);
  });

  it.each([
    ["op", "op: is required"],
    ["threshold", "threshold: is required"],
  ])("asks for %s", (key, message) => {
    const entry = Object.fromEntries(Object.entries(base).filter(([name]) => name !== key));
    const { error } = ownRulesSchema.safeParse([entry]);
    expect(
      error?.issues.map(({ path, message: text }) => `${path[1]?.toString()}: ${text}`),
    ).toEqual([message]);
    const beside = ownRulesSchema.safeParse([{ ...entry, absent: { metric: "b" } }]);
    expect(beside.error?.issues[0]?.message).toMatch(/^is required beside (op|threshold)$/);
  });
});
