/** Which GPUs the node has, as its GPU sources found them; those that hear of a GPU by its PCI address look it up here. */
import type { GpuIdentity } from "../core/catalog/gpu-labels.ts";

/** A MIG instance: which part of which GPU. */
export interface GpuInstance {
  /** `MIG-…` */
  readonly uuid: string;
  readonly parentUuid: string;
  /** The GPU instance's number, as in the label GPU_I_ID. */
  readonly gpuInstance: string;
}

/** By UUID; one that both computes and renders is listed twice. */
export type ProcessesByGpu = ReadonlyMap<string, readonly GpuProcessUse[]>;

/** A process that has a GPU, or a part of it, open. */
export interface GpuProcessUse {
  /** The GPU instance's number; empty for the whole GPU. */
  readonly gpuInstance: string;
  /** As the host numbers it. */
  readonly pid: number;
  /** NaN where the driver doesn't say. */
  readonly memoryBytes: number;
}

export interface GpuDirectory {
  /** What a source found, in place of what it said before; where two know a GPU, the first to have spoken names it. */
  tell(source: string, gpus: readonly GpuIdentity[], instances?: readonly GpuInstance[]): void;
  readonly gpus: readonly GpuIdentity[];
  readonly instances: readonly GpuInstance[];
  /** Which processes a source's driver lists, by the GPU's UUID, in place of what it said before; null when it no longer says. */
  tellProcesses(source: string, byGpu: ProcessesByGpu | null): void;
  /** Lacks GPUs whose driver doesn't say; null while no source says anything. */
  readonly processes: ProcessesByGpu | null;
  /** Rises when the GPUs or their labels are no longer the same. */
  readonly revision: number;
  /** By PCI address in any of the forms in which drivers write it. */
  find(pciAddress: string): GpuIdentity | undefined;
  /** No driver calls to this GPU until it is released: its firmware no longer answers. */
  quarantine(uuid: string, reason: string): void;
  /** After a reset. True when it was quarantined. */
  release(uuid: string): boolean;
  /** Why no driver call may be made to this GPU; undefined where one may. */
  quarantineOf(uuid: string): string | undefined;
}

/** More than any node has; what is over it is a source gone mad. */
const maximumGpus = 256;
/** Seven per GPU is the most that NVIDIA makes. */
const maximumInstances = 7 * maximumGpus;
const maximumProcessesOfGpu = 512;

interface Told {
  readonly gpus: readonly GpuIdentity[];
  readonly instances: readonly GpuInstance[];
}

export function createGpuDirectory(): GpuDirectory {
  const told = new Map<string, Told>();
  const toldProcesses = new Map<string, ProcessesByGpu>();
  const quarantined = new Map<string, string>();
  let gpus: readonly GpuIdentity[] = [];
  let instances: readonly GpuInstance[] = [];
  let byAddress = new Map<string, GpuIdentity>();
  let revision = 0;
  let processes: ProcessesByGpu | null = null;

  return {
    get gpus() {
      return gpus;
    },
    get revision() {
      return revision;
    },
    get instances() {
      return instances;
    },
    tell(source, foundGpus, foundInstances = []) {
      const found: Told = {
        gpus: foundGpus.slice(0, maximumGpus),
        instances: foundInstances.slice(0, maximumInstances),
      };
      if (JSON.stringify(told.get(source)) === JSON.stringify(found)) return;
      told.set(source, found);
      const byUuid = new Map<string, GpuIdentity>();
      for (const gpu of [...told.values()].flatMap((each) => each.gpus))
        if (!byUuid.has(gpu.uuid)) byUuid.set(gpu.uuid, gpu);
      gpus = [...byUuid.values()];
      instances = [...told.values()].flatMap((each) => each.instances);
      byAddress = new Map(gpus.map((gpu) => [normalizePciAddress(gpu.pciBusId), gpu]));
      revision += 1;
    },
    tellProcesses(source, byGpu) {
      if (byGpu === null) toldProcesses.delete(source);
      else toldProcesses.set(source, bounded(byGpu));
      const all = [...toldProcesses.values()].flatMap((each) => [...each]);
      processes = toldProcesses.size === 0 ? null : new Map(all);
    },
    get processes() {
      return processes;
    },
    find: (pciAddress) => byAddress.get(normalizePciAddress(pciAddress)),
    quarantine(uuid, reason) {
      if (quarantined.size < maximumGpus) quarantined.set(uuid, reason);
    },
    release: (uuid) => quarantined.delete(uuid),
    quarantineOf: (uuid) => quarantined.get(uuid),
  };
}

function bounded(byGpu: ProcessesByGpu): ProcessesByGpu {
  return new Map(
    [...byGpu]
      .slice(0, maximumGpus)
      .map(([uuid, processes]) => [uuid, processes.slice(0, maximumProcessesOfGpu)]),
  );
}

/**
 * `0000:9b:00`: lower case, a domain of four digits at least, no function.
 * NVML writes `00000000:9B:00.0`, the kernel `0000:9b:00.0`, the driver's messages `PCI:0000:9b:00`.
 */
function normalizePciAddress(address: string): string {
  const match = /(?:([0-9a-f]+):)?([0-9a-f]{1,2}):([0-9a-f]{1,2})(?:\.[0-7])?$/i.exec(address);
  if (!match) return address.toLowerCase();
  const [, domain = "", bus = "", device = ""] = match;
  const shortDomain = domain.replace(/^0+/, "").padStart(4, "0");
  return `${shortDomain}:${bus.padStart(2, "0")}:${device.padStart(2, "0")}`.toLowerCase();
}
