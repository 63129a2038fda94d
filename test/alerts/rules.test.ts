import { describe, expect, it } from "vitest";
import { allRules } from "../../alerts/all.ts";
import type { Rule } from "../../alerts/rule.ts";
import {
  cpu,
  disk,
  filesystem,
  fleet,
  gpu,
  gpuErrors,
  memory,
  network,
  pressure,
} from "../../core/catalog/index.ts";
import { createBench, startMilliseconds, type Sample } from "../kit/rule-bench.ts";

/** The samples that make a rule's value what the case wants; counters grow by it each second. */
type Scene = (value: number, second: number) => Sample[];

interface Case {
  readonly rule: string;
  readonly scene: Scene;
  readonly fires: number;
  /** As close to the threshold as matters, on the good side. */
  readonly below: number;
  /** Not past the threshold to clear yet; the same as `below` for rules without one. */
  readonly holds?: number;
  readonly clears: number;
}

const bytes = { unit: "bytes", suffix: "_bytes" } as const;
const mount = { device: "/dev/sda1", mountpoint: "/data", fstype: "xfs" };
const uuid = { gpu: "0", UUID: "GPU-1" };
const dcgm = { ...uuid, pci_bus_id: "x", device: "nvidia0", modelName: "H100", Hostname: "node-1" };
const sda = { device: "sda" };
const eth0 = { device: "eth0" };

/** Counters that rise by the given rate; a change of the rate starts from where they stood. */
function rising(): (rate: number) => number {
  let total = 0;
  return (rate) => (total += rate);
}

const cases: readonly (() => Case)[] = [
  () => ({
    rule: "HostFilesystemFilling",
    scene: (free) => [
      { metric: filesystem.available, labels: mount, value: free },
      { metric: filesystem.size, labels: mount, value: 100 },
      { metric: filesystem.readOnly, labels: mount, value: 0 },
    ],
    fires: 9.9,
    below: 10,
    holds: 11.9,
    clears: 12,
  }),
  () => ({
    rule: "HostMemoryExhausted",
    scene: (free) => [
      { metric: memory.memory.metric("MemAvailable", bytes), value: free },
      { metric: memory.memory.metric("MemTotal", bytes), value: 100 },
    ],
    fires: 4.9,
    below: 5,
    holds: 7.9,
    clears: 8,
  }),
  () => {
    const waited = rising();
    return {
      rule: "HostCpuPressure",
      scene: (rate) => [{ metric: pressure.cpuWaiting, value: waited(rate) }],
      fires: 0.55,
      below: 0.49,
      holds: 0.45,
      clears: 0.3,
    };
  },
  () => ({
    rule: "HostCpuOverloaded",
    scene: (load) => [
      { metric: cpu.load5, value: load },
      ...["0", "1"].flatMap((number) =>
        ["idle", "user"].map((mode) => ({
          metric: cpu.cpuSeconds,
          labels: { cpu: number, mode },
          value: 1,
        })),
      ),
    ],
    fires: 4.1,
    below: 4,
    holds: 3.1,
    clears: 3,
  }),
  () => {
    const [reads, seconds] = [rising(), rising()];
    return {
      rule: "HostDiskLatency",
      scene: (latency) => [
        { metric: disk.readsCompleted, labels: sda, value: reads(10) },
        { metric: disk.writesCompleted, labels: sda, value: 5 },
        { metric: disk.readSeconds, labels: sda, value: seconds(10 * latency) },
        { metric: disk.writeSeconds, labels: sda, value: 5 },
      ],
      fires: 0.11,
      below: 0.099,
      holds: 0.06,
      clears: 0.01,
    };
  },
  () => {
    const [packets, errors] = [rising(), rising()];
    return {
      rule: "HostNetworkErrors",
      scene: (ratio) => [
        { metric: network.receivePackets, labels: eth0, value: packets(1000) },
        { metric: network.transmitPackets, labels: eth0, value: 5 },
        { metric: network.receiveErrors, labels: eth0, value: errors(1000 * ratio) },
        { metric: network.transmitErrors, labels: eth0, value: 5 },
      ],
      fires: 0.011,
      below: 0.0099,
      holds: 0.006,
      clears: 0.001,
    };
  },
  () => ({
    rule: "GpuHot",
    scene: (celsius) => [{ metric: gpu.temperature, labels: dcgm, value: celsius }],
    fires: 86,
    below: 85,
    holds: 81,
    clears: 80,
  }),
  () => ({
    rule: "GpuMemoryNearlyFull",
    scene: (used) => [
      { metric: gpu.memoryUsed, labels: dcgm, value: used },
      { metric: gpu.memoryFree, labels: dcgm, value: 100 - used },
    ],
    fires: 90.1,
    below: 90,
    holds: 85.1,
    clears: 85,
  }),
  () => ({
    rule: "GpuXid",
    scene: (age, second) => [
      {
        metric: gpuErrors.xidLastEvent,
        labels: { ...uuid, xid: "79", action: "reboot" },
        value: startMilliseconds / 1000 + second - age,
      },
    ],
    fires: 1,
    below: 600,
    clears: 600,
  }),
  () => ({
    rule: "GpuXidUnknown",
    scene: (age, second) => [
      {
        metric: gpuErrors.xidLastEvent,
        labels: { ...uuid, xid: "9999", action: "unknown" },
        value: startMilliseconds / 1000 + second - age,
      },
    ],
    fires: 599,
    below: 600,
    clears: 601,
  }),
  () => ({
    rule: "GpuMissing",
    scene: (present) => [
      { metric: fleet.gpusExpected, labels: { node: "node-9" }, value: 8 },
      { metric: fleet.gpusPresent, labels: { node: "node-9" }, value: present },
    ],
    fires: 7,
    below: 8,
    clears: 8,
  }),
  () => ({
    rule: "AgentGone",
    scene: (up) => [{ metric: fleet.nodeUp, labels: { node: "node-9" }, value: up }],
    fires: 0,
    below: 1,
    clears: 1,
  }),
];

const byName = new Map(allRules.map((rule) => [rule.name, rule]));
/** Longer than any window, so that a rate is what its case says. */
const settleSeconds = 310;

function prepare(make: () => Case) {
  const given = make();
  const rule = byName.get(given.rule) as Rule;
  const bench = createBench([rule]);
  let second = -1;
  return {
    ...given,
    bench,
    waitSeconds: rule.forMilliseconds / 1000,
    /** Sends the scene with this value once a second. */
    run: async (value: number, seconds: number): Promise<void> => {
      for (let count = 0; count < seconds; count++) {
        second += 1;
        await bench.send(second, given.scene(value, second));
      }
    },
    runWithoutSamples: async (): Promise<void> => {
      second += 1;
      const missing = given.scene(given.fires, second).map((one) => ({ ...one, value: undefined }));
      await bench.send(second, missing);
    },
  };
}

describe.each(cases.map((make) => [make().rule, make] as const))("%s", (_name, make) => {
  it("fires when its condition has held for `for`", async () => {
    const { run, bench, fires, below, waitSeconds } = prepare(make);
    await run(below, 2);
    await run(fires, waitSeconds + settleSeconds);
    const [alert] = bench.engine.alerts();
    expect(alert?.state).toBe("firing");
    expect((alert?.firedAtMilliseconds ?? 0) - (alert?.activeAtMilliseconds ?? 0)).toBe(
      waitSeconds * 1000,
    );
    expect(Object.values(alert?.annotations ?? {}).join(" ")).not.toMatch(/\{\{|NaN|undefined/);
  });

  it("does not fire just below", async () => {
    const { run, bench, below, waitSeconds } = prepare(make);
    await run(below, waitSeconds + settleSeconds);
    expect(bench.history()).toEqual([]);
  });

  it("holds until it is back past its threshold to clear, then resolves", async () => {
    const { run, bench, fires, holds, clears, waitSeconds } = prepare(make);
    await run(fires, waitSeconds + settleSeconds);
    if (holds !== undefined) {
      await run(holds, settleSeconds);
      expect(bench.engine.alerts()[0]?.state).toBe("firing");
    }
    await run(clears, settleSeconds);
    expect(bench.engine.alerts()).toEqual([]);
    expect(bench.history().at(-1)).toContain("resolved");
  });

  it("is held as unknown while its samples are missing, and silent where there never were any", async () => {
    const { run, runWithoutSamples, bench, fires, waitSeconds } = prepare(make);
    await runWithoutSamples();
    expect(bench.engine.alerts()).toEqual([]);
    await run(fires, waitSeconds + settleSeconds);
    await runWithoutSamples();
    expect(bench.engine.alerts()[0]).toMatchObject({ state: "firing", unknown: true });
  });
});

describe("the rules", () => {
  it("have a case above each", () => {
    expect(cases.map((make) => make().rule).toSorted()).toEqual([...byName.keys()].toSorted());
  });
});
