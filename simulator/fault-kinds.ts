/** The kinds of fault: whom they strike, how long they last, and how each bends the physics while it does. */
import type { gpuNeutral, GpuColumns } from "./columns.ts";
import { memoryTotalBytes, mounts, type HostState } from "./host-columns.ts";

export const faultKinds = [
  "thermal_runaway",
  "fan_failure",
  "power_brake",
  "ecc_storm",
  "ecc_drift",
  "row_remap_pending",
  "row_remap_failure",
  "xid",
  "gpu_off_bus",
  "nvlink_flap",
  "pcie_downgrade",
  "nic_loss",
  "straggler",
  "memory_leak",
  "idle_allocated",
  "sensor_stuck",
  "driver_hang",
  "node_vanish",
  "filesystem_fill",
] as const;
export type FaultKind = (typeof faultKinds)[number];

/** What a fault may do to the fleet; `gpu` is the fleet-wide index, −1 for a fault of the node. */
export interface FaultScene {
  readonly gpus: GpuColumns;
  readonly host: HostState;
  readonly gpu: number;
  readonly node: number;
  readonly gpusPerNode: number;
  /** 0 to 1. */
  readonly severity: number;
  readonly code: number;
  /** Index into {@link mounts}. */
  readonly mount: number;
  readonly elapsedSeconds: number;
  readonly durationSeconds: number;
  /** An XID in the driver's log, and in the GPU's last-XID register. */
  xid(gpu: number, code: number): void;
  /** An error that ECC could not mend: the counters, and a row to be replaced at the next reset. */
  uncorrected(gpu: number): void;
  /** The driver is loaded anew for this GPU: what it counts starts again at 0. */
  reset(gpu: number): void;
  linkChange(text: string): void;
}

export interface FaultDefinition {
  readonly target: "gpu" | "node" | "either";
  /** When the script gives none; 0 for what happens once, Infinity for what only hands can mend: those take no duration. */
  readonly durationSeconds: number;
  /** What a severity from 0 to 1 means. */
  readonly severity: string;
  start?(scene: FaultScene): void;
  /** Every step while it lasts, on columns that are neutral again. */
  apply?(scene: FaultScene): void;
  end?(scene: FaultScene): void;
}

const minutes = 60;
const flapPeriodSeconds = 20;
const flapDownSeconds = 6;

export const faultDefinitions: Readonly<Record<FaultKind, FaultDefinition>> = {
  thermal_runaway: {
    ...gpuFault(15 * minutes, "the heat sink's resistance rises to 1.5 … 4 times its own"),
    apply: (s) => bend(s, "resistanceFactor", 1 + progress(s) * (0.5 + 2.5 * s.severity)),
    end: recoverFromTrip,
  },
  fan_failure: {
    ...gpuFault(10 * minutes, "the slot's air flow falls to 60 … 10 %"),
    apply: (s) => bend(s, "airflowFactor", 0.6 - 0.5 * s.severity),
    end: recoverFromTrip,
  },
  power_brake: {
    ...eitherFault(2 * minutes, "none: the brake is on or off"),
    apply: (s) => forEachGpu(s, (gpu) => (s.gpus.powerBrake[gpu] = 1)),
  },
  ecc_storm: {
    ...gpuFault(5 * minutes, "200 … 20,000 corrected errors a second; above 0.8 one uncorrected"),
    start(s) {
      s.xid(s.gpu, 92);
      if (s.severity > 0.8) s.uncorrected(s.gpu);
    },
    apply: (s) => bend(s, "correctedPerSecond", 200 + 19_800 * s.severity * s.severity),
    end: resetAfterUncorrected,
  },
  ecc_drift: {
    ...gpuFault(14 * 86_400, "corrected errors come 10 … 1,000 times as often at its end"),
    apply: (s) =>
      bend(
        s,
        "correctedFactor",
        1 + progress(s) * progress(s) * (10 + 990 * s.severity * s.severity),
      ),
  },
  row_remap_pending: {
    ...gpuFault(10 * minutes, "none; the end is the reset that replaces the row"),
    start: (s) => s.uncorrected(s.gpu),
    end: resetAfterUncorrected,
  },
  row_remap_failure: {
    ...gpuFault(Infinity, "none; it stays until the board is replaced"),
    start(s) {
      s.uncorrected(s.gpu);
      s.xid(s.gpu, 64);
      s.gpus.remapFailure[s.gpu] = 1;
    },
  },
  xid: {
    ...gpuFault(0, "none: `code` says which"),
    start: (s) => s.xid(s.gpu, s.code),
  },
  gpu_off_bus: {
    ...gpuFault(10 * minutes, "none; the end is the reboot that brings it back"),
    start: (s) => s.xid(s.gpu, 79),
    apply: (s) => bend(s, "offBus", 1),
    end: (s) => s.reset(s.gpu),
  },
  nvlink_flap: {
    ...gpuFault(5 * minutes, "1 … 4 links go down for 6 s in every 20 s"),
    start(s) {
      s.xid(s.gpu, 74);
      s.linkChange("NVLink down");
    },
    apply(s) {
      const down = s.elapsedSeconds % flapPeriodSeconds < flapDownSeconds;
      bend(s, "linksDown", down ? 1 + Math.round(3 * s.severity) : 0);
      bend(s, "linkErrorsPerSecond", 5 + 195 * s.severity);
    },
    end: (s) => s.linkChange("NVLink up"),
  },
  pcie_downgrade: {
    ...gpuFault(10 * minutes, "×8 and one generation lower; above 0.5 ×4 and two lower"),
    apply(s) {
      bend(s, "pcieLaneFactor", s.severity > 0.5 ? 0.25 : 0.5);
      bend(s, "pcieGenerationLost", s.severity > 0.5 ? 2 : 1);
      bend(s, "pcieReplaysPerSecond", 0.5 + 4.5 * s.severity);
    },
  },
  nic_loss: {
    ...eitherFault(5 * minutes, "0.1 … 20 % of arriving packets are lost; 1 is a dead link"),
    apply: (s) => {
      s.host.nics.lossRatio[nicOf(s)] = s.severity >= 1 ? 1 : 0.001 + 0.199 * s.severity;
    },
    start: (s) => s.severity >= 1 && s.linkChange(`${nicName(s)}: link down`),
    end: (s) => s.severity >= 1 && s.linkChange(`${nicName(s)}: link up`),
  },
  straggler: {
    ...gpuFault(30 * minutes, "5 … 20 % slower than its peers"),
    apply: (s) => bend(s, "speedFactor", 1 - (0.05 + 0.15 * s.severity)),
  },
  memory_leak: {
    ...nodeFault(10 * minutes, "the share of free memory that is gone at its end"),
    start(s) {
      const free = memoryTotalBytes - s.host.nodes.memoryUsedBytes[s.node]!;
      s.host.nodes.leakBytesPerSecond[s.node] = (free * s.severity) / s.durationSeconds;
    },
    end(s) {
      s.host.nodes.leakBytesPerSecond[s.node] = 0;
      s.host.nodes.memoryUsedBytes[s.node]! -= s.host.nodes.leakedBytes[s.node]!;
      s.host.nodes.leakedBytes[s.node] = 0;
    },
  },
  idle_allocated: {
    ...gpuFault(30 * minutes, "none: memory stays allocated, nothing runs"),
    apply: (s) => bend(s, "idleAllocated", 1),
  },
  sensor_stuck: {
    ...gpuFault(10 * minutes, "none: the temperature stays at what it was"),
    apply: (s) => bend(s, "sensorStuck", 1),
  },
  driver_hang: {
    ...eitherFault(5 * minutes, "none: no read of the node's GPUs comes back"),
    start: (s) => s.xid(s.gpu >= 0 ? s.gpu : s.node * s.gpusPerNode, 119),
    apply: (s) => {
      s.host.nodes.hang[s.node] = 1;
    },
    end: (s) => forEachGpu(s, (gpu) => s.reset(gpu)),
  },
  node_vanish: {
    ...nodeFault(5 * minutes, "none: nothing of the node can be read"),
    apply: (s) => {
      s.host.nodes.vanished[s.node] = 1;
    },
  },
  filesystem_fill: {
    ...nodeFault(5 * minutes, "the share of free space that is gone at its end"),
    start(s) {
      const slot = mountOf(s);
      s.host.mounts.fillBytesPerSecond[slot] =
        (s.host.mounts.freeBytes[slot]! * s.severity) / s.durationSeconds;
    },
    end(s) {
      const slot = mountOf(s);
      s.host.mounts.fillBytesPerSecond[slot] = 0;
      s.host.mounts.freeBytes[slot]! += s.host.mounts.filledBytes[slot]!;
      s.host.mounts.filledBytes[slot] = 0;
    },
  },
};

/** The NIC a fault strikes: the GPU's rail, or the node's first. */
export function nicOf(scene: Pick<FaultScene, "host" | "gpu" | "node" | "gpusPerNode">): number {
  const rail = scene.gpu >= 0 ? 1 + (scene.gpu % scene.gpusPerNode) : 0;
  return scene.node * scene.host.nicsPerNode + rail;
}

function nicName(scene: FaultScene): string {
  return scene.gpu >= 0 ? `rail${scene.gpu % scene.gpusPerNode}` : "eth0";
}

function mountOf(scene: FaultScene): number {
  return scene.node * mounts.length + scene.mount;
}

function bend(scene: FaultScene, column: keyof typeof gpuNeutral, value: number): void {
  scene.gpus[column][scene.gpu] = value;
}

function forEachGpu(scene: FaultScene, visit: (gpu: number) => void): void {
  if (scene.gpu >= 0) {
    visit(scene.gpu);
    return;
  }
  const first = scene.node * scene.gpusPerNode;
  for (let gpu = first; gpu < first + scene.gpusPerNode; gpu += 1) visit(gpu);
}

function progress(scene: FaultScene): number {
  return Math.min(1, scene.elapsedSeconds / scene.durationSeconds);
}

function recoverFromTrip(scene: FaultScene): void {
  if (scene.gpus.tripped[scene.gpu] === 0) return;
  scene.gpus.tripped[scene.gpu] = 0;
  scene.reset(scene.gpu);
}

function resetAfterUncorrected(scene: FaultScene): void {
  if (scene.gpus.remapPending[scene.gpu]! > 0) scene.reset(scene.gpu);
}

function gpuFault(durationSeconds: number, severity: string) {
  return { target: "gpu", durationSeconds, severity } as const;
}

function nodeFault(durationSeconds: number, severity: string) {
  return { target: "node", durationSeconds, severity } as const;
}

function eitherFault(durationSeconds: number, severity: string) {
  return { target: "either", durationSeconds, severity } as const;
}
