/** The machine around a synthetic node's GPUs, under node_exporter's names; its truth is the simulator's columns. */
import * as cpu from "../../../core/catalog/cpu.ts";
import type { Device } from "../../../core/catalog/device.ts";
import * as disk from "../../../core/catalog/disk.ts";
import * as filesystem from "../../../core/catalog/filesystem.ts";
import { memory, memoryStatistic } from "../../../core/catalog/memory.ts";
import type { Metric } from "../../../core/catalog/metric.ts";
import * as network from "../../../core/catalog/network.ts";
import * as pressure from "../../../core/catalog/pressure.ts";
import * as system from "../../../core/catalog/system.ts";
import type { SlotRegistrar } from "../../../core/wire/slots.ts";
import type { Fleet } from "../../../simulator/fleet.ts";
import { cpuCount, memoryTotalBytes, mounts } from "../../../simulator/host-columns.ts";
import type { Source } from "../source.ts";
import { advanceFleet } from "./advance.ts";

interface Cell {
  readonly slot: number;
  readonly read: () => number;
}

/** Adds one series to those that are read. */
type Add = <Label extends string>(
  metric: Metric<Label>,
  labels: { readonly [K in Label]: string },
  read: () => number,
  device?: Device | null,
) => void;

const cpuModes = ["user", "system", "iowait", "idle"] as const;
const bytesPerRequest = 131_072;
const secondsPerRequest = 0.0004;
const bytesPerInode = 16_384;

export function createSyntheticHostSource(fleet: Fleet, node: number): Source {
  return {
    name: "synthetic_host",
    sampling: "fast",
    metrics: [
      cpu.cpuSeconds,
      cpu.load1,
      cpu.load5,
      cpu.load15,
      memory,
      memoryStatistic,
      ...Object.values(mountMetrics),
      ...Object.values(diskMetrics),
      ...Object.values(nicMetrics),
      network.transmitErrors,
      pressure.cpuWaiting,
      pressure.memoryWaiting,
      pressure.memoryStalled,
      pressure.ioWaiting,
      pressure.ioStalled,
      system.bootTime,
      system.time,
    ],
    open({ env }) {
      let cells: Cell[] = [];
      return {
        register(slots) {
          cells = bind(slots, fleet, node);
        },
        read(column) {
          advanceFleet(fleet, node, env.clock);
          for (const { slot, read } of cells) column[slot] = read();
        },
        close() {
          cells = [];
        },
      };
    },
  };
}

function bind(slots: SlotRegistrar, fleet: Fleet, node: number): Cell[] {
  const cells: Cell[] = [];
  const add: Add = (metric, labels, read, device = null) =>
    void cells.push({ slot: slots.slot(metric, labels, device), read });
  addProcessors(add, fleet, node);
  addMemory(add, fleet, node);
  mounts.forEach((_, mount) => addMount(add, fleet, node, mount));
  for (let nic = 0; nic < fleet.host.nicsPerNode; nic += 1) addNic(add, fleet, node, nic);
  return cells;
}

function addProcessors(add: Add, fleet: Fleet, node: number): void {
  const { nodes } = fleet.host;
  const bootSeconds = fleet.timeMilliseconds / 1000 - nodes.upSeconds[node]!;
  for (let index = 0; index < cpuCount; index += 1) {
    // The first processors do a little more than the last, as schedulers have it.
    const share = 1.1 - (0.2 * index) / (cpuCount - 1);
    const reads: Record<(typeof cpuModes)[number], () => number> = {
      user: () => nodes.userSeconds[node]! * share,
      system: () => nodes.systemSeconds[node]! * share,
      iowait: () => nodes.waitSeconds[node]! * share,
      idle: () => nodes.upSeconds[node]! - reads.user() - reads.system() - reads.iowait(),
    };
    for (const mode of cpuModes) add(cpu.cpuSeconds, { cpu: String(index), mode }, reads[mode]);
  }
  add(cpu.load1, {}, () => nodes.load1[node]!);
  add(cpu.load5, {}, () => nodes.load5[node]!);
  add(cpu.load15, {}, () => nodes.load15[node]!);
  add(pressure.cpuWaiting, {}, () => 0.01 * nodes.userSeconds[node]!);
  add(pressure.memoryWaiting, {}, () => nodes.memoryStallSeconds[node]!);
  add(pressure.memoryStalled, {}, () => 0.5 * nodes.memoryStallSeconds[node]!);
  add(pressure.ioWaiting, {}, () => nodes.waitSeconds[node]!);
  add(pressure.ioStalled, {}, () => 0.5 * nodes.waitSeconds[node]!);
  add(system.bootTime, {}, () => bootSeconds);
  add(system.time, {}, () => fleet.timeMilliseconds / 1000);
}

function addMemory(add: Add, fleet: Fleet, node: number): void {
  const { nodes } = fleet.host;
  const used = (): number => nodes.memoryUsedBytes[node]!;
  const cached = (): number => nodes.memoryCachedBytes[node]!;
  const reads: Readonly<Record<string, () => number>> = {
    MemTotal: () => memoryTotalBytes,
    MemFree: () => memoryTotalBytes - used() - cached(),
    MemAvailable: () => memoryTotalBytes - used(),
    Cached: cached,
    Buffers: () => 0,
    SwapTotal: () => 0,
    SwapFree: () => 0,
  };
  for (const [key, read] of Object.entries(reads))
    add(memory.metric(key, { unit: "bytes", suffix: "_bytes" }), {}, () => Math.round(read()));
  add(memoryStatistic.metric("oom_kill"), {}, () => nodes.outOfMemoryKills[node]!);
}

const mountMetrics = {
  size: filesystem.size,
  free: filesystem.free,
  available: filesystem.available,
  files: filesystem.files,
  filesFree: filesystem.filesFree,
  readOnly: filesystem.readOnly,
  deviceError: filesystem.deviceError,
} as const;

const diskMetrics = {
  readBytes: disk.readBytes,
  writtenBytes: disk.writtenBytes,
  readsCompleted: disk.readsCompleted,
  writesCompleted: disk.writesCompleted,
  readSeconds: disk.readSeconds,
  writeSeconds: disk.writeSeconds,
  ioSeconds: disk.ioSeconds,
} as const;

function addMount(add: Add, fleet: Fleet, node: number, index: number): void {
  const mount = mounts[index];
  const owner = fleet.nodes[node]?.device;
  if (!mount || !owner) return;
  const columns = fleet.host.mounts;
  const slot = node * mounts.length + index;
  const { mountpoint, device, type: fstype } = mount;
  const size = (): number => columns.sizeBytes[slot]!;
  const free = (): number => Math.round(columns.freeBytes[slot]!);
  const files = (): number => Math.round(size() / bytesPerInode);
  const place: Device = {
    ...owner,
    kind: "filesystem",
    id: mountpoint,
    name: mountpoint,
    model: fstype,
  };
  const reads: Record<keyof typeof mountMetrics, () => number> = {
    size,
    free,
    available: free,
    files,
    filesFree: () => Math.round((files() * free()) / size()),
    readOnly: () => 0,
    deviceError: () => 0,
  };
  for (const [key, metric] of Object.entries(mountMetrics))
    add(metric, { device, mountpoint, fstype }, reads[key as keyof typeof reads], place);
  const drive: Device = {
    ...owner,
    kind: "drive",
    id: mount.disk,
    name: mount.disk,
    model: "NVMe",
  };
  const requests = (bytes: Float64Array): number => Math.round(bytes[slot]! / bytesPerRequest);
  const driveReads: Record<keyof typeof diskMetrics, () => number> = {
    readBytes: () => Math.round(columns.readBytes[slot]!),
    writtenBytes: () => Math.round(columns.writtenBytes[slot]!),
    readsCompleted: () => requests(columns.readBytes),
    writesCompleted: () => requests(columns.writtenBytes),
    readSeconds: () => requests(columns.readBytes) * secondsPerRequest,
    writeSeconds: () => requests(columns.writtenBytes) * secondsPerRequest,
    ioSeconds: () => columns.ioSeconds[slot]!,
  };
  for (const [key, metric] of Object.entries(diskMetrics))
    add(metric, { device: mount.disk }, driveReads[key as keyof typeof driveReads], drive);
}

const nicMetrics = {
  receiveBytes: network.receiveBytes,
  receivePackets: network.receivePackets,
  receiveErrors: network.receiveErrors,
  receiveDrops: network.receiveDropped,
  transmitBytes: network.transmitBytes,
  transmitPackets: network.transmitPackets,
  transmitDrops: network.transmitDropped,
} as const;

/** `eth0` for the outside, `rail0` and on for the GPUs. */
function addNic(add: Add, fleet: Fleet, node: number, nic: number): void {
  const owner = fleet.nodes[node]?.device;
  if (!owner) return;
  const { nics, nicsPerNode } = fleet.host;
  const slot = node * nicsPerNode + nic;
  const name = nic === 0 ? "eth0" : `rail${nic - 1}`;
  const device: Device = { ...owner, kind: "nic", id: name, name, model: "ConnectX-7" };
  for (const [key, metric] of Object.entries(nicMetrics)) {
    const column = nics[key as keyof typeof nicMetrics];
    add(metric, { device: name }, () => column[slot]!, device);
  }
  add(network.transmitErrors, { device: name }, () => 0, device);
}
