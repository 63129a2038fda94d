/** One step of every node around its GPUs: processors, memory, filesystems and NICs follow what the GPUs are asked to do. */
import { clamp, wave } from "./arithmetic.ts";
import type { GpuColumns } from "./columns.ts";
import {
  managementBytesPerSecond,
  memoryTotalBytes,
  mounts,
  railBytesPerSecond,
  type HostState,
} from "./host-columns.ts";
import type { RandomStreams } from "./random.ts";

export interface HostStep {
  readonly gpus: GpuColumns;
  readonly host: HostState;
  readonly gpusPerNode: number;
  /** A stream per node. */
  readonly random: RandomStreams;
  readonly nowSeconds: number;
  readonly seconds: number;
  /** Called when a node's memory ran out and the kernel killed the largest process. */
  readonly onOutOfMemory: (node: number) => void;
}

const bytesPerPacket = 4096;
const processors = 224;
/** How fast old checkpoints and logs are removed, and the share of what is written that stays until then. */
const cleanupSeconds = 1800;
const keptShare = 0.5;

export function stepHosts(step: HostStep): void {
  const nodeCount = step.host.nodes.fanRatio.length;
  for (let node = 0; node < nodeCount; node += 1) {
    if (step.host.nodes.vanished[node]! > 0) continue;
    const first = node * step.gpusPerNode;
    let busy = 0;
    let pcie = 0;
    for (let gpu = first; gpu < first + step.gpusPerNode; gpu += 1) {
      busy += step.gpus.demandBusy[gpu]!;
      pcie += step.gpus.demandPcie[gpu]!;
    }
    const activity = busy / step.gpusPerNode;
    const storage = pcie / step.gpusPerNode;
    stepProcessors(step, node, activity, storage);
    stepMemory(step, node, activity);
    stepMounts(step, node, activity, storage);
    stepNics(step, node, first, activity);
  }
}

function stepProcessors(step: HostStep, node: number, activity: number, storage: number): void {
  const { nodes } = step.host;
  const { seconds } = step;
  // One thread per GPU spins in the driver, data loaders take the rest.
  const user = clamp(0.01 + 0.16 * activity + 0.01 * step.random.normal(node), 0.002, 0.8);
  const system = 0.004 + 0.03 * activity;
  const wait = clamp(0.001 + 0.12 * Math.max(0, storage - 0.1), 0, 0.15);
  nodes.userSeconds[node]! += user * seconds;
  nodes.systemSeconds[node]! += system * seconds;
  nodes.waitSeconds[node]! += wait * seconds;
  nodes.upSeconds[node]! += seconds;
  const running = (user + system + wait) * processors;
  nodes.load1[node]! += (running - nodes.load1[node]!) * Math.min(1, seconds / 60);
  nodes.load5[node]! += (running - nodes.load5[node]!) * Math.min(1, seconds / 300);
  nodes.load15[node]! += (running - nodes.load15[node]!) * Math.min(1, seconds / 900);
  nodes.inletCelsius[node] =
    nodes.roomCelsius[node]! + 0.8 * wave(step.nowSeconds / 86_400 - 0.4) + 0.1 * activity;
}

function stepMemory(step: HostStep, node: number, activity: number): void {
  const { nodes } = step.host;
  const working = (0.04 + 0.18 * activity) * memoryTotalBytes;
  const held = nodes.memoryUsedBytes[node]! - nodes.leakedBytes[node]!;
  nodes.leakedBytes[node]! += nodes.leakBytesPerSecond[node]! * step.seconds;
  const settled = held + (working - held) * Math.min(1, step.seconds / 120);
  nodes.memoryUsedBytes[node] = settled + nodes.leakedBytes[node]!;
  if (nodes.memoryUsedBytes[node] > 0.99 * memoryTotalBytes) {
    nodes.outOfMemoryKills[node]! += 1;
    nodes.memoryUsedBytes[node] -= nodes.leakedBytes[node]!;
    nodes.leakedBytes[node] = 0;
    step.onOutOfMemory(node);
  }
  nodes.memoryCachedBytes[node] = Math.min(
    nodes.memoryCachedBytes[node]!,
    memoryTotalBytes - nodes.memoryUsedBytes[node],
  );
}

/** Jobs write logs to `/`, and read data from and save checkpoints to `/scratch`, where old ones are removed. */
function stepMounts(step: HostStep, node: number, activity: number, storage: number): void {
  const { mounts: columns } = step.host;
  const { seconds } = step;
  for (let mount = 0; mount < mounts.length; mount += 1) {
    const slot = node * mounts.length + mount;
    const scratch = mount === 1;
    const reading = scratch ? 8e9 * storage + 4e7 * activity : 3e5;
    const writing = scratch ? 6e9 * Math.max(0, storage - 0.15) : 2e5 + 8e5 * activity;
    const free = columns.freeBytes[slot]!;
    const fault = Math.min(free, columns.fillBytesPerSecond[slot]! * seconds);
    columns.filledBytes[slot]! += fault;
    const resting = Math.max(0, columns.restingFreeBytes[slot]! - columns.filledBytes[slot]!);
    const cleaned = (resting + fault - free) * Math.min(1, seconds / cleanupSeconds);
    columns.freeBytes[slot] = Math.max(0, free - fault - writing * keptShare * seconds + cleaned);
    columns.readBytes[slot]! += reading * seconds;
    columns.writtenBytes[slot]! += writing * seconds + fault;
    const rate = reading + writing + columns.fillBytesPerSecond[slot]!;
    columns.ioSeconds[slot]! += Math.min(1, rate / 12e9) * seconds;
  }
}

function stepNics(step: HostStep, node: number, first: number, activity: number): void {
  const { nicsPerNode } = step.host;
  const base = node * nicsPerNode;
  const management = managementBytesPerSecond * (0.0004 + 0.002 * activity);
  moveBytes(step, base, management);
  for (let rail = 0; rail < step.gpusPerNode; rail += 1)
    moveBytes(step, base + 1 + rail, railBytesPerSecond * step.gpus.demandNetwork[first + rail]!);
}

function moveBytes(step: HostStep, slot: number, bytesPerSecond: number): void {
  const { nics } = step.host;
  const loss = nics.lossRatio[slot]!;
  const up = loss < 1 ? 1 : 0;
  if (up !== nics.up[slot]!) nics.carrierChanges[slot]! += 1;
  nics.up[slot] = up;
  const bytes = bytesPerSecond * step.seconds;
  const packets = Math.ceil(bytes / bytesPerPacket);
  if (up === 0) {
    nics.transmitDrops[slot]! += packets;
    return;
  }
  const lost = Math.round(packets * loss);
  nics.transmitBytes[slot]! += Math.round(bytes);
  nics.transmitPackets[slot]! += packets;
  nics.receiveBytes[slot]! += Math.round(bytes * (1 - loss));
  nics.receivePackets[slot]! += packets - lost;
  // A bad cable shows as damaged frames first, then as what the damaged ones crowd out.
  nics.receiveErrors[slot]! += Math.ceil(lost / 2);
  nics.receiveDrops[slot]! += Math.floor(lost / 2);
}
