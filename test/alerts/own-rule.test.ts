import { describe, expect, it } from "vitest";
import { makeOwnRule, type OwnRule } from "../../alerts/own-rule.ts";
import { createBench, type Sample } from "../kit/rule-bench.ts";

const own: OwnRule = {
  alert: "InletHot",
  metric: "ipmi_temperature_celsius",
  labels: {},
  measure: { kind: "value" },
  op: ">",
  threshold: 35,
  forMilliseconds: 0,
  keepFiringForMilliseconds: 0,
  severity: "warning",
  team: "infrastructure",
  component: "custom",
  summary: "{{ node }}: {{ value }}",
  description: "",
  runbookUrl: "",
  dashboardUrl: "",
};

function sample(metric: string, value: number | undefined, labels = {}): Sample {
  return { metric, labels, value };
}

/** Ten seconds apart each; what is told after the last. */
async function toldBy(rule: Partial<OwnRule>, rounds: readonly (readonly Sample[])[]) {
  const bench = createBench([makeOwnRule({ ...own, ...rule })]);
  for (const [round, samples] of rounds.entries()) await bench.send(round * 10, samples);
  return bench.engine.alerts().map(({ annotations }) => annotations["summary"]);
}

describe("a user's own rule", () => {
  it("is judged as ours are, over a metric that the catalogue doesn't know", async () => {
    const hot = (name: string, celsius: number) => sample(own.metric, celsius, { name });
    const inlet = { labels: { name: "Inlet" }, clear: 33 };
    const exhaust = hot("Exhaust", 60);
    expect(await toldBy(inlet, [[hot("Inlet", 36), exhaust]])).toEqual(["node-1: 36"]);
    const held = [[hot("Inlet", 36)], [hot("Inlet", 34)]];
    expect(await toldBy(inlet, held)).toHaveLength(1);
    expect(await toldBy(inlet, [...held, [hot("Inlet", 33)]])).toEqual([]);
  });

  it("can judge a rate, an increase, and what a window makes of a gauge", async () => {
    const counted = [0, 20, 40].map((total) => [sample("requests_total", total)]);
    const rule = { metric: "requests_total", threshold: 1.5 };
    const minute = 60_000;
    const over = (kind: "rate" | "increase" | "avg" | "min" | "max", threshold: number) =>
      toldBy({ ...rule, threshold, measure: { kind, windowMilliseconds: minute } }, counted);
    expect(await over("increase", 39)).toHaveLength(1);
    expect(await over("increase", 70)).toEqual([]);
    expect(await over("rate", 0.5)).toHaveLength(1);
    expect(await over("rate", 1.5)).toEqual([]);
    expect(await over("avg", 19)).toEqual(["node-1: 20"]);
    expect(await over("min", 1)).toEqual([]);
    expect(await over("max", 39)).toEqual(["node-1: 40"]);
  });

  it("can judge how long ago something was", async () => {
    const rule = { metric: "backup_timestamp_seconds", threshold: 3600, measure: { kind: "age" } };
    const at = (secondsAgo: number) => [
      [sample("backup_timestamp_seconds", 1_700_000_000 - secondsAgo)],
    ];
    expect(await toldBy(rule as Partial<OwnRule>, at(3601))).toEqual(["node-1: 3601"]);
    expect(await toldBy(rule as Partial<OwnRule>, at(3600))).toEqual([]);
  });

  it("can judge a ratio of two metrics, where chosen labels are equal", async () => {
    const ratio = (failed: number) => [
      sample("jobs_failed", failed, { queue: "a", reason: "oom" }),
      sample("jobs", 10, { queue: "a" }),
      sample("jobs", 1, { queue: "b" }),
    ];
    const rule: Partial<OwnRule> = {
      metric: "jobs_failed",
      ratioTo: { metric: "jobs", labels: {}, on: ["queue"] },
      threshold: 0.2,
    };
    expect(await toldBy(rule, [ratio(3)])).toEqual(["node-1: 0.3"]);
    expect(await toldBy(rule, [ratio(2)])).toEqual([]);
    expect(await toldBy({ ...rule, ratioTo: { metric: "jobs", labels: {} } }, [ratio(3)])).toEqual(
      [],
    );
  });

  it("can hold a value against its peers, as a difference or a share", async () => {
    const fans = (odd: number) =>
      [100, 102, 98, odd].map((rpm, fan) => sample("fan_rpm", rpm, { fan: String(fan) }));
    const slow: Partial<OwnRule> = { metric: "fan_rpm", op: "<", peers: { by: [], as: "ratio" } };
    expect(await toldBy({ ...slow, threshold: 0.9 }, [fans(50)])).toHaveLength(1);
    expect(await toldBy({ ...slow, threshold: 0.9 }, [fans(95)])).toEqual([]);
    const difference: Partial<OwnRule> = { ...slow, peers: { by: ["fan"], as: "difference" } };
    // Its own only peer.
    expect(await toldBy({ ...difference, threshold: -10 }, [fans(50)])).toEqual([]);
  });

  it("can tell that something is absent where another thing is there", async () => {
    const rule: Partial<OwnRule> = {
      metric: "server_up",
      op: ">=",
      threshold: 0,
      absent: { metric: "server_latency", labels: {}, on: ["server"] },
    };
    const up = sample("server_up", 1, { server: "a" });
    const latency = (value: number | undefined) =>
      sample("server_latency", value, { server: "a", route: "/" });
    expect(await toldBy(rule, [[up, latency(1)]])).toEqual([]);
    expect(await toldBy(rule, [[up, latency(undefined)]])).toEqual(["node-1: 1"]);
    expect(await toldBy(rule, [[up]])).toEqual(["node-1: 1"]);
  });

  it("can't have a threshold to clear where a value must be equal", () => {
    expect(() => makeOwnRule({ ...own, op: "==", clear: 1 })).toThrow(RangeError);
  });
});
