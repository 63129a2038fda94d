/** Cases of the rules for hosts that came after those in rule-cases.ts. */
import {
  cpu,
  disk,
  driveHealth,
  filesystem,
  gpuStack,
  ipmi,
  kernelLog,
  memory,
  netclass,
  network,
  sensors,
  timex,
} from "../../../core/catalog/index.ts";
import { counter, gauge, lastEvent, rising, type MakeCase } from "./case.ts";

const nvme = { device: "nvme0" };
const flag = { fires: 1, below: 0, clears: 0 };
const mount = { device: "/dev/sda1", mountpoint: "/data", fstype: "xfs" };
const bytes = { unit: "bytes", suffix: "_bytes" } as const;

function kernelCase(rule: string, kind: string, severity: string): MakeCase {
  const labels = { kind, severity };
  return lastEvent(rule, kernelLog.kernelLastEvent, labels, [
    { metric: kernelLog.kernelEvents, labels, value: 0 },
  ]);
}

/** Memory to spare and none; the mean over an hour of it is judged. */
function spareCase(rule: string, levels: { fires: number; below: number; clears: number }) {
  return gauge(rule, memory.memory.metric("MemAvailable", bytes), {}, levels, [
    { metric: memory.memory.metric("MemTotal", bytes), value: 100 },
  ]);
}

/** Two processors; the value is the share of time in which they are idle. */
function idleCase(
  rule: string,
  levels: { fires: number; below: number; clears: number },
): MakeCase {
  return () => {
    const [idle, busy] = [rising(), rising()];
    return {
      rule,
      scene: (share, second) => {
        const [resting, working] = [idle(share, second), busy(1 - share, second)];
        return ["0", "1"].flatMap((number) => [
          { metric: cpu.cpuSeconds, labels: { cpu: number, mode: "idle" }, value: resting },
          { metric: cpu.cpuSeconds, labels: { cpu: number, mode: "user" }, value: working },
        ]);
      },
      ...levels,
    };
  };
}

export const hostCases: readonly MakeCase[] = [
  // Always on its way down; the size is what makes the share.
  () => ({
    rule: "HostFilesystemFillsWithinDay",
    scene: (share, second) => {
      const available = 10_000 - second / 10;
      return [
        { metric: filesystem.available, labels: mount, value: available },
        { metric: filesystem.size, labels: mount, value: available / share },
        { metric: filesystem.readOnly, labels: mount, value: 0 },
      ];
    },
    fires: 0.39,
    below: 0.41,
    clears: 0.6,
  }),
  gauge("HostMountStuck", filesystem.deviceError, mount, flag, [
    { metric: filesystem.size, labels: { ...mount, mountpoint: "/" }, value: 100 },
  ]),
  // Half a kill in the quarter of an hour.
  counter(
    "HostOutOfMemoryKills",
    memory.memoryStatistic.metric("oom_kill"),
    {},
    {
      fires: 0.5 / 900,
      below: 0,
      clears: 0,
    },
  ),
  counter(
    "HostMemoryUncorrectable",
    sensors.uncorrectedErrors,
    { controller: "0" },
    {
      fires: 0.5 / 900,
      below: 0,
      clears: 0,
    },
  ),
  gauge("HostClockUnsynchronised", timex.maximumError, {}, { fires: 16, below: 15, clears: 0 }, [
    { metric: timex.syncStatus, value: 0 },
  ]),
  gauge(
    "HostSensorCritical",
    ipmi.bmcSeverity,
    { sensor: "FAN1", index: "3", part: "fan_1" },
    { fires: 2, below: 1.9, clears: 0 },
  ),
  gauge(
    "HostContainerRuntimeDown",
    gpuStack.runtimeUp,
    { runtime: "containerd" },
    {
      fires: 0,
      below: 1,
      clears: 1,
    },
  ),
  counter(
    "HostServiceRestarting",
    gpuStack.stackServiceRestarts,
    { service: "kubelet" },
    {
      fires: 2.7 / 3600,
      below: 2.3 / 3600,
      clears: 0,
    },
  ),
  kernelCase("HostKernelFault", "kernel_fault", "critical"),
  kernelCase("HostMachineCheck", "machine_check", "critical"),
  kernelCase("HostHungTask", "hung_task", "warning"),
  kernelCase("HostFilesystemError", "filesystem_error", "warning"),
  kernelCase("HostDriveError", "drive_error", "critical"),
  kernelCase("HostNetworkDeviceFault", "network_device", "warning"),
  counter(
    "KernelLogLost",
    kernelLog.kernelLostRecords,
    {},
    {
      fires: 0.5 / 600,
      below: 0,
      clears: 0,
    },
  ),
  idleCase("HostCpuNearCapacity", { fires: 0.19, below: 0.21, clears: 0.5 }),
  idleCase("HostCpuOversized", { fires: 0.41, below: 0.39, clears: 0.1 }),
  spareCase("HostMemoryNearCapacity", { fires: 19, below: 20, clears: 50 }),
  spareCase("HostMemoryOversized", { fires: 41, below: 40, clears: 10 }),
  () => {
    const [reads, seconds] = [rising(), rising()];
    const labels = { device: "nvme0n1" };
    return {
      rule: "HostStorageLatency",
      scene: (latency, second) => [
        { metric: disk.readsCompleted, labels, value: reads(10, second) },
        { metric: disk.writesCompleted, labels, value: 5 },
        { metric: disk.readSeconds, labels, value: seconds(10 * latency, second) },
        { metric: disk.writeSeconds, labels, value: 5 },
      ],
      fires: 0.011,
      below: 0.0099,
      holds: 0.006,
      clears: 0.001,
    };
  },
  // 20,000 packets a second, so that one in ten thousand is two.
  () => {
    const [packets, dropped] = [rising(), rising()];
    const labels = { device: "eth0" };
    return {
      rule: "HostPacketLoss",
      scene: (share, second) => [
        { metric: network.receivePackets, labels, value: packets(20_000, second) },
        { metric: network.transmitPackets, labels, value: 5 },
        { metric: network.receiveDropped, labels, value: dropped(20_000 * share, second) },
        { metric: network.transmitDropped, labels, value: 5 },
      ],
      fires: 0.000_11,
      below: 0.000_099,
      holds: 0.000_06,
      clears: 0,
    };
  },
  gauge("HostDriveWornOut", driveHealth.driveEnduranceUsed, nvme, {
    fires: 0.81,
    below: 0.8,
    clears: 0.5,
  }),
  counter("HostDriveMediaErrors", driveHealth.driveMediaErrors, nvme, {
    fires: 0.5 / 3600,
    below: 0,
    clears: 0,
  }),
  counter(
    "HostMemoryCorrectedErrors",
    sensors.correctedErrors,
    { controller: "0" },
    { fires: 105 / 3600, below: 99 / 3600, holds: 50 / 3600, clears: 5 / 3600 },
  ),
  // In a quarter of an hour 2.7 times, and 2.3 times.
  counter(
    "HostLinkFlapping",
    netclass.carrierDownChanges,
    { device: "eth0" },
    { fires: 2.7 / 900, below: 2.3 / 900, clears: 0 },
  ),
];
