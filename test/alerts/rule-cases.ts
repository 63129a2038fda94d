/** For every rule the samples that make it fire, stay silent just below, hold and clear; the collector and Prometheus are both judged by them. */
import {
  chrony,
  cpu,
  disk,
  driveHealth,
  fabric,
  filesystem,
  findings,
  fleet,
  gpu,
  gpuErrors,
  ipmi,
  memory,
  network,
  pci,
  pressure,
  rdma,
  self,
  stuckProcesses,
} from "../../core/catalog/index.ts";
import type { Sample } from "../kit/rule-bench.ts";
import { dcgm, rising, uuid, type MakeCase } from "./cases/case.ts";
import { gpuCases } from "./cases/gpu.ts";
import { hostCases } from "./cases/host.ts";
import { neutralCases } from "./cases/neutral.ts";
import { ownCases } from "./cases/own.ts";
import { workloadCases } from "./cases/workload.ts";

const bytes = { unit: "bytes", suffix: "_bytes" } as const;
const mount = { device: "/dev/sda1", mountpoint: "/data", fstype: "xfs" };
const verdict = { node: "node-9", subject: "gpu0", UUID: "GPU-1", metric: "heat" };
const sda = { device: "sda" };
const eth0 = { device: "eth0" };
const gpuSlot = { device: "0000:19:00.0", kind: "gpu" };

/** The counter that vouches for the GPU when an event is forgotten. */
function xidCounter(action: string): Sample {
  return { metric: gpuErrors.xidEvents, labels: { ...uuid, action }, value: 0 };
}

export const ruleCases: readonly MakeCase[] = [
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
      scene: (rate, second) => [{ metric: pressure.cpuWaiting, value: waited(rate, second) }],
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
      scene: (latency, second) => [
        { metric: disk.readsCompleted, labels: sda, value: reads(10, second) },
        { metric: disk.writesCompleted, labels: sda, value: 5 },
        { metric: disk.readSeconds, labels: sda, value: seconds(10 * latency, second) },
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
      scene: (ratio, second) => [
        { metric: network.receivePackets, labels: eth0, value: packets(1000, second) },
        { metric: network.transmitPackets, labels: eth0, value: 5 },
        { metric: network.receiveErrors, labels: eth0, value: errors(1000 * ratio, second) },
        { metric: network.transmitErrors, labels: eth0, value: 5 },
      ],
      fires: 0.011,
      below: 0.0099,
      holds: 0.006,
      clears: 0.001,
    };
  },
  () => {
    const counted = rising();
    return {
      rule: "HostPciErrors",
      scene: (errors, second) => [
        {
          metric: pci.errors,
          labels: { ...gpuSlot, error_class: "fatal" },
          value: counted(errors, second),
        },
        {
          metric: pci.errors,
          labels: { ...gpuSlot, error_class: "correctable" },
          value: 5 * second,
        },
        { metric: pci.devicesLeftOut, value: 0 },
      ],
      // Half an error in the five minutes.
      fires: 0.5 / 300,
      below: 0,
      clears: 0,
    };
  },
  () => ({
    rule: "HostPciLinkDegraded",
    scene: (share) => [
      { metric: pci.linkWidth, labels: gpuSlot, value: 16 * share },
      { metric: pci.linkWidthMaximum, labels: gpuSlot, value: 16 },
      { metric: pci.devicesLeftOut, value: 0 },
    ],
    fires: 0.9,
    below: 1,
    clears: 1,
  }),
  () => {
    const [packets, late] = [rising(), rising()];
    const labels = { device: "mlx5_0", port: "1" };
    const received = fabric.infinibandPort.metric("port_packets_received_total");
    return {
      rule: "RdmaPacketsOutOfSequence",
      scene: (share, second) => [
        { metric: received, labels, value: packets(100_000, second) },
        { metric: rdma.outOfSequence, labels, value: late(100_000 * share, second) },
      ],
      fires: 0.0011,
      below: 0.000_99,
      holds: 0.0006,
      clears: 0.0001,
    };
  },
  () => ({
    rule: "HostProcessStuck",
    scene: (seconds) => [
      { metric: stuckProcesses.uninterruptibleSeconds, labels: { command: "dd" }, value: seconds },
      { metric: stuckProcesses.scanSeconds, value: 1 },
    ],
    fires: 301,
    below: 300,
    clears: 0,
  }),
  () => ({
    rule: "HostDriveFailing",
    scene: (failing) => [
      { metric: driveHealth.driveFailing, labels: { device: "nvme0" }, value: failing },
      { metric: driveHealth.driveFailing, labels: { device: "nvme1" }, value: 0 },
    ],
    fires: 1,
    below: 0,
    clears: 0,
  }),
  () => {
    const supply = { sensor: "PSU1", index: "6", part: "power_supply_1" };
    return {
      rule: "HostPowerSupplyFault",
      scene: (lost) =>
        [
          ["present", 1] as const,
          ["inactive", 1] as const,
          ["failed", 0] as const,
          ["input_lost", lost] as const,
        ].map(([state, value]) => ({
          metric: ipmi.bmcPowerSupply,
          labels: { ...supply, state },
          value,
        })),
      fires: 1,
      below: 0,
      clears: 0,
    };
  },
  () => ({
    rule: "HostClockUncertain",
    scene: (seconds) => [{ metric: chrony.chronyErrorBound, value: seconds }],
    fires: 0.51,
    below: 0.5,
    holds: 0.26,
    clears: 0.25,
  }),
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
    scene: (age, second, start) => [
      xidCounter("reboot"),
      {
        metric: gpuErrors.xidLastEvent,
        labels: { ...uuid, xid: "79", action: "reboot" },
        value: start + second - age,
      },
    ],
    fires: 599,
    below: 600,
    clears: 600,
  }),
  () => ({
    rule: "GpuXidUnknown",
    scene: (age, second, start) => [
      xidCounter("unknown"),
      {
        metric: gpuErrors.xidLastEvent,
        labels: { ...uuid, xid: "9999", action: "unknown" },
        value: start + second - age,
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
  () => ({
    rule: "AnomalyFinding",
    scene: (active) => [
      { metric: findings.open, labels: { detector: "anomaly" }, value: active },
      { metric: findings.active, labels: { ...verdict, detector: "anomaly" }, value: active },
    ],
    fires: 1,
    below: 0,
    clears: 0,
  }),
  () => ({
    rule: "LimitForecast",
    // The value is in hours from the sample's own time.
    scene: (hours, second, start) => [
      { metric: findings.open, labels: { detector: "forecast" }, value: 1 },
      { metric: findings.forecastLimit, labels: verdict, value: start + second + hours * 3600 },
    ],
    fires: 167,
    below: 168,
    holds: 191,
    clears: 192,
  }),
  () => ({
    rule: "GpuFailureLikely",
    scene: (ratio) => [
      { metric: findings.open, labels: { detector: "failure" }, value: 1 },
      {
        metric: findings.failureProbability,
        labels: { ...uuid, node: "node-9", horizon: "30d" },
        value: ratio,
      },
    ],
    fires: 0.21,
    below: 0.2,
    holds: 0.16,
    clears: 0.15,
  }),
  () => ({
    rule: "ProbeHangs",
    scene: (seconds) => [
      {
        metric: self.probeInFlight,
        labels: { probe: "slow-kernel", key: "mount /data" },
        value: seconds,
      },
      { metric: self.probeRestarts, labels: { probe: "slow-kernel" }, value: 0 },
    ],
    fires: 31,
    below: 30,
    clears: 2,
  }),
  ...gpuCases,
  ...hostCases,
  ...neutralCases,
  ...ownCases,
  ...workloadCases,
];
