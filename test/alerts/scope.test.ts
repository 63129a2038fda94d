import { describe, expect, it } from "vitest";
import { allRules } from "../../alerts/all.ts";
import type { Rule } from "../../alerts/rule.ts";
import {
  cpu,
  disk,
  filesystem,
  foreign,
  gpu,
  gpuErrors,
  network,
  pressure,
} from "../../core/catalog/index.ts";
import { createBench, startMilliseconds, type Sample } from "../kit/rule-bench.ts";

const byName = new Map(allRules.map((rule) => [rule.name, rule]));
const mount = { device: "/dev/sda1", mountpoint: "/data", fstype: "xfs" };
const uuid = { gpu: "0", UUID: "GPU-1" };
const sda = { device: "sda" };

describe("what the rules leave out", () => {
  async function alertsOf(rule: string, samples: (second: number) => Sample[], seconds: number) {
    const bench = createBench([{ ...(byName.get(rule) as Rule), forMilliseconds: 0 }]);
    for (let second = 0; second < seconds; second++) await bench.send(second, samples(second));
    return bench.engine.alerts();
  }

  it("says nothing of a full filesystem that nobody can write to, or of an image", async () => {
    const scene = (labels: typeof mount, readOnly: number): Sample[] => [
      { metric: filesystem.available, labels, value: 0 },
      { metric: filesystem.size, labels, value: 100 },
      { metric: filesystem.readOnly, labels, value: readOnly },
    ];
    expect(await alertsOf("HostFilesystemFilling", () => scene(mount, 1), 2)).toEqual([]);
    const image = { ...mount, fstype: "squashfs" };
    expect(await alertsOf("HostFilesystemFilling", () => scene(image, 0), 2)).toEqual([]);
  });

  it("resolves the alert of a filesystem that was unmounted while others are reported", async () => {
    const bench = createBench([
      { ...(byName.get("HostFilesystemFilling") as Rule), forMilliseconds: 0 },
    ]);
    const scene = (mountpoint: string, free: number): Sample[] => {
      const labels = { ...mount, mountpoint };
      return [
        { metric: filesystem.available, labels, value: free },
        { metric: filesystem.size, labels, value: 100 },
        { metric: filesystem.readOnly, labels, value: 0 },
      ];
    };
    await bench.send(0, [...scene("/data", 1), ...scene("/", 50)]);
    expect(bench.engine.alerts()).toHaveLength(1);
    await bench.send(1, scene("/", 50));
    expect(bench.history()).toEqual([
      "0 HostFilesystemFilling firing",
      "1 HostFilesystemFilling resolved",
    ]);
  });

  it("judges load only where the kernel reports no pressure", async () => {
    const scene: Sample[] = [
      { metric: cpu.load5, value: 99 },
      { metric: cpu.cpuSeconds, labels: { cpu: "0", mode: "idle" }, value: 1 },
    ];
    expect(await alertsOf("HostCpuOverloaded", () => scene, 2)).toHaveLength(1);
    const withPressure = [...scene, { metric: pressure.cpuWaiting, value: 0 }];
    expect(await alertsOf("HostCpuOverloaded", () => withPressure, 2)).toEqual([]);
  });

  it("judges a server's mean only where it tells no percentile and its histogram has no bound at the limit", async () => {
    const bert = { model: "bert", version: "1" };
    const triton = (second: number): Sample[] => [
      { metric: foreign.tritonRequestMicroseconds, labels: bert, value: second * 3e6 },
      { metric: foreign.tritonSucceeded, labels: bert, value: second * 10 },
    ];
    const percentile: Sample = {
      metric: foreign.tritonRequestQuantile,
      labels: { ...bert, quantile: "0.95" },
      value: 1000,
    };
    const name = "InferenceMeanSlowTriton";
    expect(await alertsOf(name, triton, 9)).toHaveLength(1);
    expect(await alertsOf(name, (second) => [...triton(second), percentile], 9)).toEqual([]);

    const { bucket, sum, count } = foreign.generativeFirstToken;
    const labels = { gen_ai_request_model: "llama" };
    const generative =
      (bound: string) =>
      (second: number): Sample[] => [
        { metric: sum, labels, value: second * 3 },
        { metric: count, labels, value: second * 10 },
        { metric: bucket, labels: { ...labels, le: bound }, value: 0 },
      ];
    expect(await alertsOf("InferenceMeanSlowGenerative", generative("5"), 9)).toHaveLength(1);
    expect(await alertsOf("InferenceMeanSlowGenerative", generative("0.25"), 9)).toEqual([]);
    expect(await alertsOf("InferenceSlowGenerative", generative("0.25"), 9)).toHaveLength(1);
  });

  it.each([
    [undefined, 9, 1],
    [3, 9, 1],
    [4, 15, 0],
    [4, 17, 1],
    [5, 30, 0],
    [5, 33, 1],
    [6, 60, 0],
    [6, 64, 1],
  ])(
    "lets a link of generation %s repeat %d packets a minute: %d alerts",
    async (generation, perMinute, expected) => {
      const scene = (second: number): Sample[] => [
        { metric: gpu.pcieReplays, labels: uuid, value: (second * perMinute) / 60 },
        ...(generation === undefined
          ? []
          : [{ metric: gpu.pcieGeneration, labels: uuid, value: generation }]),
      ];
      expect(await alertsOf("GpuPcieReplayRateHigh", scene, 400)).toHaveLength(expected);
    },
  );

  it("judges an NVMe drive by its own rule alone", async () => {
    const slow = (second: number): Sample[] =>
      [disk.readsCompleted, disk.writesCompleted, disk.readSeconds, disk.writeSeconds].map(
        (metric) => ({ metric, labels: { device: "nvme0n1" }, value: second * 9 }),
      );
    expect(await alertsOf("HostDiskLatency", slow, 60)).toEqual([]);
    expect(await alertsOf("HostStorageLatency", slow, 60)).toHaveLength(1);
  });

  it("says nothing of one slow request on an idle disk, or of a disk that is no drive", async () => {
    const scene = (device: string, reads: number): Sample[] => [
      { metric: disk.readsCompleted, labels: { device }, value: reads },
      { metric: disk.writesCompleted, labels: { device }, value: 0 },
      { metric: disk.readSeconds, labels: { device }, value: reads * 5 },
      { metric: disk.writeSeconds, labels: { device }, value: 0 },
    ];
    const idle = (second: number) => scene("sda", second > 30 ? 1 : 0);
    expect(await alertsOf("HostDiskLatency", idle, 60)).toEqual([]);
    expect(await alertsOf("HostDiskLatency", (second) => scene("loop3", second * 9), 60)).toEqual(
      [],
    );
    expect(
      await alertsOf("HostDiskLatency", (second) => scene("sda", second * 9), 60),
    ).toHaveLength(1);
  });

  it("resolves the latency of a disk that came to rest", async () => {
    const bench = createBench([{ ...(byName.get("HostDiskLatency") as Rule), forMilliseconds: 0 }]);
    for (let second = 0; second < 400; second++) {
      const reads = Math.min(second, 60) * 9;
      await bench.send(second, [
        { metric: disk.readsCompleted, labels: sda, value: reads },
        { metric: disk.writesCompleted, labels: sda, value: 0 },
        { metric: disk.readSeconds, labels: sda, value: reads },
        { metric: disk.writeSeconds, labels: sda, value: 0 },
      ]);
    }
    // No request in the whole window is 0 / 0, which PromQL calls false.
    expect(bench.history().at(-1)).toMatch(/resolved$/);
  });

  it.each(["lo", "veth12ab", "docker0", "br-1f", "cali123"])(
    "says nothing of the interface %s",
    async (device) => {
      const scene = (second: number): Sample[] =>
        [
          network.receivePackets,
          network.transmitPackets,
          network.receiveErrors,
          network.transmitErrors,
        ].map((metric) => ({ metric, labels: { device }, value: second }));
      expect(await alertsOf("HostNetworkErrors", scene, 5)).toEqual([]);
    },
  );

  it.each([13, 31, 43, 45, 94])("never pages for XID %d of an application", async (code) => {
    for (const action of ["reset_gpu", "unknown", "restart_app"])
      for (const rule of ["GpuXid", "GpuXidUnknown"]) {
        const labels = { ...uuid, xid: String(code), action };
        const scene = (second: number): Sample[] => [
          { metric: gpuErrors.xidLastEvent, labels, value: startMilliseconds / 1000 + second },
        ];
        expect(await alertsOf(rule, scene, 2)).toEqual([]);
      }
  });

  it.each([
    "reset_gpu",
    "reboot",
    "check_nvlink",
    "check_hardware",
    "update_software",
    "contact_support",
  ])("pages for an XID that asks for %s", async (action) => {
    const labels = { ...uuid, xid: "120", action };
    const scene = (): Sample[] => [
      { metric: gpuErrors.xidLastEvent, labels, value: startMilliseconds / 1000 },
    ];
    expect(await alertsOf("GpuXid", scene, 2)).toHaveLength(1);
  });

  it("ends an XID's alert when an agent that was started anew doesn't remember it, and not before", async () => {
    const bench = createBench([byName.get("GpuXid") as Rule]);
    const event: Sample = {
      metric: gpuErrors.xidLastEvent,
      labels: { ...uuid, xid: "79", action: "reboot" },
      value: startMilliseconds / 1000,
    };
    const counter = (UUID: string): Sample => ({
      metric: gpuErrors.xidEvents,
      labels: { ...uuid, UUID, action: "reboot" },
      value: 0,
    });
    await bench.send(0, [event, counter("GPU-1"), counter("GPU-2")]);
    await bench.send(1, [counter("GPU-2")]);
    expect(bench.engine.alerts()[0]).toMatchObject({ state: "firing", unknown: true });
    await bench.send(2, [counter("GPU-1"), counter("GPU-2")]);
    expect(bench.engine.alerts()).toEqual([]);
  });
});
