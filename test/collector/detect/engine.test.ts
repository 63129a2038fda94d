import { describe, expect, it } from "vitest";
import { compare, rate, value } from "../../../alerts/expression.ts";
import { defineRule, type Rule } from "../../../alerts/rule.ts";
import { openMetric } from "../../../core/catalog/metric.ts";
import { fingerprintOf } from "../../../collector/state/alert.ts";
import { createBench, createMemoryStore, startMilliseconds } from "../../kit/rule-bench.ts";

const heat = openMetric("heat", "gauge", "", ["fan"]);
const turns = openMetric("turns_total", "counter", "", ["fan"]);

function rule(changes: Partial<Rule> = {}): Rule {
  return defineRule({
    name: "TooHot",
    condition: compare(value(heat), ">", 85),
    severity: "critical",
    component: "fan",
    summary: "fan {{ fan }} of {{ node }} at {{ value }}",
    description: "instance {{ instance }}",
    source: "test",
    ...changes,
  });
}

const fan = (reading: number | undefined, name = "1") => ({
  metric: heat,
  labels: { fan: name },
  value: reading,
});

/** Sends one reading a second. */
async function play(
  bench: ReturnType<typeof createBench>,
  readings: (number | undefined)[],
  from = 0,
) {
  for (const [index, reading] of readings.entries()) await bench.send(from + index, [fan(reading)]);
}

describe("the engine", () => {
  it("fires at the first sample of a rule without `for`, and resolves at the first that is well", async () => {
    const bench = createBench([rule()]);
    await play(bench, [80, 86, 87, 85, 80]);
    expect(bench.history()).toEqual(["1 TooHot firing", "3 TooHot resolved"]);
    expect(bench.engine.alerts()).toEqual([]);
  });

  it("names the alert by the series, its place and its rule, with the texts filled in", async () => {
    const bench = createBench([rule()]);
    await play(bench, [90.12345]);
    const labels = {
      fan: "1",
      node: "node-1",
      instance: "node-1:9410",
      alertname: "TooHot",
      severity: "critical",
      team: "infrastructure",
      component: "fan",
    };
    expect(bench.engine.alerts()[0]).toMatchObject({
      fingerprint: fingerprintOf("TooHot", labels),
      labels,
      value: 90.12345,
      annotations: { summary: "fan 1 of node-1 at 90.12", description: "instance node-1:9410" },
    });
  });

  it("fires when the condition has held for `for`, and not a sample earlier", async () => {
    const bench = createBench([rule({ forMilliseconds: 3000 })]);
    await play(bench, [90, 90, 90, 90]);
    expect(bench.history()).toEqual(["0 TooHot pending", "3 TooHot firing"]);
    expect(bench.store.steps.map((step) => step.notify.length)).toEqual([0, 1]);
  });

  it("begins `for` anew after a break, and drops what was pending without a word", async () => {
    const bench = createBench([rule({ forMilliseconds: 2000 })]);
    await play(bench, [90, 90, 80, 90, 90, 90]);
    expect(bench.history()).toEqual([
      "0 TooHot pending",
      "dropped",
      "3 TooHot pending",
      "5 TooHot firing",
    ]);
    expect(bench.store.steps.flatMap((step) => step.notify)).toHaveLength(1);
  });

  it("goes on firing until the value is back past the threshold to clear", async () => {
    const bench = createBench([rule({ condition: compare(value(heat), ">", 85, 80) })]);
    await play(bench, [84, 86, 84, 81, 80, 84]);
    expect(bench.history()).toEqual(["1 TooHot firing", "4 TooHot resolved"]);
  });

  it("doesn't count the threshold to clear while the alert is pending", async () => {
    const condition = compare(value(heat), ">", 85, 80);
    const bench = createBench([rule({ condition, forMilliseconds: 2000 })]);
    await play(bench, [86, 82, 82, 82]);
    expect(bench.history()).toEqual(["0 TooHot pending", "dropped"]);
  });

  it("keeps firing for as long as the rule says after the condition stopped", async () => {
    const bench = createBench([rule({ keepFiringForMilliseconds: 2000 })]);
    await play(bench, [90, 80, 90, 80, 80, 80]);
    expect(bench.history()).toEqual(["0 TooHot firing", "5 TooHot resolved"]);
  });

  it("judges each series by itself", async () => {
    const bench = createBench([rule()]);
    await bench.send(0, [fan(90, "1"), fan(80, "2")]);
    await bench.send(1, [fan(80, "1"), fan(90, "2")]);
    expect(bench.engine.alerts().map(({ labels }) => labels["fan"])).toEqual(["2"]);
    expect(bench.store.steps.map((step) => step.changed.length)).toEqual([1, 2]);
  });

  it("writes one step per frame, and none for a frame that changes nothing", async () => {
    const bench = createBench([rule(), rule({ name: "AlsoHot" })]);
    await play(bench, [80, 90, 91, 92, 80]);
    expect(bench.store.steps.map((step) => step.changed.length)).toEqual([2, 2]);
  });

  it("sees a counter's reset as no loss, and its rate rise and fall", async () => {
    const condition = compare(rate(value(turns), 4000), ">", 5);
    const bench = createBench([rule({ condition })]);
    const counts = [0, 1, 2, 3, 4, 14, 24, 4, 14, 15, 16, 17, 18, 19];
    for (const [second, count] of counts.entries())
      await bench.send(second, [{ metric: turns, labels: { fan: "1" }, value: count }]);
    // Increase over 4 s passes 20 at 6 (24 - 2 = 22), and is 1 + 10 + 1 + 1 = 13 at 10.
    expect(bench.history()).toEqual(["6 TooHot firing", "10 TooHot resolved"]);
  });

  it("keeps a rate's window over a change of the schema", async () => {
    const condition = compare(rate(value(turns), 4000), ">", 5);
    const bench = createBench([rule({ condition })]);
    const turn = (count: number) => ({ metric: turns, labels: { fan: "1" }, value: count });
    for (const second of [0, 1, 2]) await bench.send(second, [turn(second * 10)]);
    await bench.send(3, [fan(1), turn(30)]);
    expect(bench.engine.alerts()).toHaveLength(1);
    expect(bench.engine.alerts()[0]?.unknown).toBe(false);
  });
});

describe("the engine, when data is missing", () => {
  it("holds an alert as unknown while its samples are missing, and never resolves it for that", async () => {
    const bench = createBench([rule()]);
    await play(bench, [90, undefined, undefined]);
    expect(bench.engine.alerts()[0]).toMatchObject({ state: "firing", unknown: true });
    await play(bench, [90], 3);
    expect(bench.engine.alerts()[0]).toMatchObject({ state: "firing", unknown: false });
    await play(bench, [80], 4);
    expect(bench.history()).toEqual(["0 TooHot firing", "4 TooHot resolved"]);
  });

  it("holds an alert as unknown when its series left the schema, and takes it up again", async () => {
    const bench = createBench([rule()]);
    await bench.send(0, [fan(90), fan(80, "2")]);
    await bench.send(1, [fan(80, "2")]);
    expect(bench.engine.alerts()[0]).toMatchObject({ state: "firing", unknown: true });
    await bench.send(2, [fan(90), fan(80, "2")]);
    expect(bench.engine.alerts()[0]).toMatchObject({ state: "firing", unknown: false });
    expect(bench.store.steps).toHaveLength(1);
  });

  it("marks the alerts of an origin that fell silent as unknown", async () => {
    const bench = createBench([rule()]);
    await play(bench, [90, 90, 90]);
    await bench.clock.advance(2500);
    bench.tick();
    expect(bench.engine.alerts()[0]?.unknown).toBe(false);
    await bench.clock.advance(1000);
    bench.tick();
    expect(bench.engine.alerts()[0]).toMatchObject({ state: "firing", unknown: true });
  });

  it("keeps the time a pending alert has waited over a gap", async () => {
    const bench = createBench([rule({ forMilliseconds: 5000 })]);
    await play(bench, [90, undefined, undefined, undefined, 90, 90]);
    expect(bench.history()).toEqual(["0 TooHot pending", "5 TooHot firing"]);
  });

  it("resolves an alert whose series ended while its like are still reported", async () => {
    const ended = { stillReported: turns, on: [] };
    const bench = createBench([rule({ ended })]);
    const witness = (count: number | undefined) => ({
      metric: turns,
      labels: { fan: "2" },
      value: count,
    });
    await bench.send(0, [fan(90), witness(1)]);
    await bench.send(1, [witness(undefined)]);
    expect(bench.engine.alerts()[0]?.unknown).toBe(true);
    await bench.send(2, [witness(2)]);
    expect(bench.history()).toEqual(["0 TooHot firing", "2 TooHot resolved"]);
  });

  it("ends the alert of a device that goes on under other labels, and fires for it there", async () => {
    const gpu = openMetric("gpu_heat", "gauge", "", ["gpu", "UUID"]);
    const bench = createBench([rule({ condition: compare(value(gpu), ">", 85) })]);
    const sample = (index: string, reading: number) => ({
      metric: gpu,
      labels: { gpu: index, UUID: "GPU-a" },
      value: reading,
    });
    await bench.send(0, [sample("3", 90)]);
    await bench.send(1, [sample("2", 90)]);
    expect(bench.engine.alerts().map(({ labels, unknown }) => [labels["gpu"], unknown])).toEqual([
      ["2", false],
    ]);
  });

  it("ends alerts of what was removed on purpose, a device or a whole node, and of nothing else", async () => {
    const bench = createBench([rule(), rule({ name: "Slow", forMilliseconds: 60_000 })]);
    const disk = openMetric("heat", "gauge", "", ["device"]);
    const sample = (name: string) => ({ metric: disk, labels: { device: name }, value: 90 });
    await bench.send(0, [sample("sda"), sample("sdb")]);
    bench.engine.endRemoved("node-2", null);
    expect(bench.engine.alerts()).toHaveLength(4);
    bench.engine.endRemoved("node-1", "sda");
    expect(bench.engine.alerts().map(({ labels }) => labels["device"])).toEqual(["sdb", "sdb"]);
    bench.engine.endRemoved("node-1", null);
    expect(bench.engine.alerts()).toEqual([]);
    expect(bench.history().filter((line) => line.includes("resolved"))).toHaveLength(2);
    // It is still hot, so it is told anew.
    await bench.send(1, [sample("sda")]);
    expect(bench.engine.alerts()).toHaveLength(2);
  });

  it("tells two servers on a node apart though their series name the node alone", async () => {
    const bench = createBench([rule()]);
    const { createFrameMaker } = await import("../../kit/rule-bench.ts");
    for (const instance of ["serving-1", "serving-2"]) {
      const make = createFrameMaker({ node: "", job: "serving", instance, boot: "b" });
      const labels = { fan: "1", node: "near" };
      bench.ingest.accept(make(bench.clock.now(), [{ metric: heat, labels, value: 90 }]));
    }
    const instances = bench.engine.alerts().map(({ labels }) => labels["instance"] ?? "");
    expect(instances.toSorted()).toEqual(["serving-1", "serving-2"]);
  });

  it("leaves an alert to the origin that has it when a second one reports the same series", async () => {
    const bench = createBench([rule()]);
    const labels = { fan: "1", node: "far" };
    await bench.send(0, [{ metric: heat, labels, value: 90 }]);
    const other = { node: "x", job: "copy", instance: "copy", boot: "b" };
    const { createFrameMaker } = await import("../../kit/rule-bench.ts");
    const make = createFrameMaker(other);
    bench.ingest.accept(make(bench.clock.now(), [{ metric: heat, labels, value: 10 }]));
    expect(bench.engine.alerts()).toHaveLength(1);
    expect(bench.engine.alerts()[0]?.labels["instance"]).toBeUndefined();
  });
});

describe("the engine, over a restart", () => {
  const waiting = rule({ forMilliseconds: 5000 });

  it("neither resets `for` nor tells of a firing alert again", async () => {
    const store = createMemoryStore();
    const before = createBench([waiting], { store });
    await play(before, [90, 90, 90]);
    const after = createBench([waiting], { store });
    expect(after.engine.alerts()[0]).toMatchObject({ state: "pending", unknown: true });
    await play(after, [90, 90], 4);
    expect(after.history()).toEqual(["0 TooHot pending", "5 TooHot firing"]);
    const third = createBench([waiting], { store });
    await play(third, [90, 90, 80], 6);
    expect(third.history()).toEqual(["0 TooHot pending", "5 TooHot firing", "8 TooHot resolved"]);
    expect(store.steps.flatMap((step) => step.notify)).toHaveLength(2);
  });

  it("holds an alert whose origin never comes back", async () => {
    const store = createMemoryStore();
    await play(createBench([rule()], { store }), [90]);
    const after = createBench([rule()], { store });
    await after.clock.advance(86_400_000);
    after.tick();
    expect(after.engine.alerts()[0]).toMatchObject({ state: "firing", unknown: true });
    expect(store.steps).toHaveLength(1);
  });

  it("applies the threshold to clear to an alert that was firing before", async () => {
    const hysteresis = rule({ condition: compare(value(heat), ">", 85, 80) });
    const store = createMemoryStore();
    await play(createBench([hysteresis], { store }), [90]);
    const after = createBench([hysteresis], { store });
    await play(after, [82, 80], 1);
    expect(after.history()).toEqual(["0 TooHot firing", "2 TooHot resolved"]);
  });

  it("ends alerts of a rule that was taken away or now has another severity", async () => {
    const store = createMemoryStore();
    await play(createBench([rule(), rule({ name: "Gone" })], { store }), [90]);
    const after = createBench([rule({ severity: "info" })], { store });
    expect(after.engine.alerts()).toEqual([]);
    expect(store.steps.at(-1)?.notify.map(({ rule: name, state }) => [name, state])).toEqual([
      ["TooHot", "resolved"],
      ["Gone", "resolved"],
    ]);
  });
});

describe("the engine, when state can't be written", () => {
  it("keeps what changed and writes it with the next step", async () => {
    const bench = createBench([rule()]);
    bench.store.failing = true;
    await play(bench, [90, 90]);
    expect(bench.store.steps).toEqual([]);
    expect(bench.engine.alerts()).toHaveLength(1);
    bench.store.failing = false;
    bench.tick();
    expect(bench.store.steps[0]).toMatchObject({
      changed: [{ state: "firing" }],
      notify: [{ state: "firing", firedAtMilliseconds: startMilliseconds }],
    });
    expect(await bench.metrics.render("text")).toContain("warpwatch_alert_commit_failures_total 2");
  });

  it("tells of both ends of an alert that came and went meanwhile", async () => {
    const bench = createBench([rule()]);
    bench.store.failing = true;
    await play(bench, [90, 80]);
    bench.store.failing = false;
    bench.tick();
    expect(bench.store.steps[0]?.notify.map(({ state }) => state)).toEqual(["firing", "resolved"]);
    expect(bench.store.steps[0]?.changed.map(({ state }) => state)).toEqual(["resolved"]);
  });
});
