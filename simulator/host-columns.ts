/** The state of the nodes around the GPUs: processors, memory, fans; and, per node, its NICs and filesystems. */
import { allocate } from "./columns.ts";
import type { RandomStreams } from "./random.ts";

const nodeMeasured = [
  /** Per processor, as /proc/stat counts it; idle is what is left of `upSeconds`. */
  "userSeconds",
  "systemSeconds",
  "waitSeconds",
  "upSeconds",
  /** Pressure stall information: time in which tasks waited for memory. */
  "memoryStallSeconds",
  "load1",
  "load5",
  "load15",
  "memoryUsedBytes",
  "memoryCachedBytes",
  "outOfMemoryKills",
  /** Room air in front of the chassis. */
  "inletCelsius",
  /** 0 to 1: what the chassis' fan controller asks for. */
  "fanRatio",
  "leakedBytes",
  "roomCelsius",
] as const;

/** How faults bend a node; neutral is 0 for all. */
const nodeModifiers = ["hang", "vanished", "leakBytesPerSecond"] as const;

const nicColumns = [
  "transmitBytes",
  "receiveBytes",
  "transmitPackets",
  "receivePackets",
  "receiveErrors",
  "receiveDrops",
  "transmitDrops",
  "carrierChanges",
  "up",
  /** Set by faults: the share of arriving packets that is lost; 1 is a dead link. */
  "lossRatio",
] as const;

const mountColumns = [
  "sizeBytes",
  "freeBytes",
  /** What stays free when old checkpoints and logs have been removed. */
  "restingFreeBytes",
  "readBytes",
  "writtenBytes",
  "ioSeconds",
  /** What a fault has written, and at what rate it goes on. */
  "filledBytes",
  "fillBytesPerSecond",
] as const;

export interface HostState {
  readonly nodes: Readonly<
    Record<(typeof nodeMeasured)[number] | (typeof nodeModifiers)[number], Float64Array>
  >;
  /** Index: node · nics per node + nic. */
  readonly nics: Readonly<Record<(typeof nicColumns)[number], Float64Array>>;
  /** Index: node · {@link mounts}.length + mount. */
  readonly mounts: Readonly<Record<(typeof mountColumns)[number], Float64Array>>;
  /** One for the outside, then a rail per GPU. */
  readonly nicsPerNode: number;
}

export const cpuCount = 16;
export const memoryTotalBytes = 2 * 2 ** 40;
export const managementBytesPerSecond = 12.5e9;
export const railBytesPerSecond = 50e9;

export const mounts = [
  { mountpoint: "/", device: "/dev/nvme0n1p2", disk: "nvme0n1", type: "ext4", bytes: 1.76e12 },
  { mountpoint: "/scratch", device: "/dev/nvme1n1", disk: "nvme1n1", type: "xfs", bytes: 28e12 },
] as const;

/** `nodeRandom` has a stream per node. */
export function createHostState(
  nodeCount: number,
  gpusPerNode: number,
  nodeRandom: RandomStreams,
): HostState {
  const nicsPerNode = gpusPerNode + 1;
  const state: HostState = {
    nodes: allocate([...nodeMeasured, ...nodeModifiers], nodeCount),
    nics: allocate(nicColumns, nodeCount * nicsPerNode),
    mounts: allocate(mountColumns, nodeCount * mounts.length),
    nicsPerNode,
  };
  state.nics.up.fill(1);
  state.nodes.fanRatio.fill(0.4);
  state.nodes.memoryUsedBytes.fill(0.04 * memoryTotalBytes);
  for (let node = 0; node < nodeCount; node += 1) {
    // ASHRAE's recommended inlet range is 18 to 27 °C.
    state.nodes.roomCelsius[node] = 23 + 1.2 * nodeRandom.normal(node);
    state.nodes.inletCelsius[node] = state.nodes.roomCelsius[node]!;
    state.nodes.memoryCachedBytes[node] = (0.2 + 0.2 * nodeRandom.uniform(node)) * memoryTotalBytes;
    mounts.forEach((mount, index) => {
      const slot = node * mounts.length + index;
      state.mounts.sizeBytes[slot] = mount.bytes;
      state.mounts.freeBytes[slot] = mount.bytes * (0.45 + 0.3 * nodeRandom.uniform(node));
      state.mounts.restingFreeBytes[slot] = state.mounts.freeBytes[slot]!;
    });
  }
  return state;
}
