/** The GPUs that NVML listed since the agent started: who each is, what can be read of it, and how it is. */
import type { GpuIdentity } from "../../../core/catalog/gpu-labels.ts";
import type { AttachAnswer, DescribeAnswer, GpuProcess } from "../../probes/nvml/messages.ts";
import type { ReadingGroup } from "../../probes/nvml/readings.ts";
import { outcomeOf } from "../../probes/nvml/return-codes.ts";
import type { GpuInstance, GpuProcessUse } from "../../gpu-directory.ts";
import type { BoundGpu } from "./bound-gpus.ts";

/**
 * `silent`: a call to it is out and hasn't come back. `quarantined`: no call is made to it until it was reset.
 * `new`: not yet described.
 */
export type NvmlState = "new" | "up" | "lost" | "silent" | "quarantined";

export interface NvmlDevice {
  identity: GpuIdentity;
  /** The last there was; null before the first. */
  description: DescribeAnswer | null;
  /** Whether the probe has it ready to be read. */
  isDescribed: boolean;
  /** Whether the driver still lists it. */
  isListed: boolean;
  state: NvmlState;
  readonly values: Record<ReadingGroup, Values | null>;
  /** With the last `steady` round; null where the driver doesn't say. */
  processes: readonly GpuProcess[] | null;
}

interface Values {
  readonly column: Float64Array;
  /** Steady milliseconds. */
  readonly takenAt: number;
}

export interface NvmlRoster {
  /** By index. */
  readonly devices: readonly NvmlDevice[];
  /** Takes what the driver lists at an index; what it can't name is left out. */
  admit(index: number, answer: AttachAnswer, driverVersion: string): void;
  /** Takes a GPU that the driver has bound and that NVML can't name any more: it was lost before it was ever seen. */
  miss(index: number, bound: BoundGpu, driverVersion: string): void;
}

/** A node holds far fewer; identities made up by a broken driver must not pile up. */
export const maximumGpus = 64;

export function createNvmlRoster(node: string): NvmlRoster {
  let devices: NvmlDevice[] = [];

  /** In the place of what had the same address. */
  function add(device: NvmlDevice): void {
    const { pciBusId, index } = device.identity;
    const others = devices.filter((each) => pciBusId === "" || each.identity.pciBusId !== pciBusId);
    if (others.length >= maximumGpus) return;
    const later = others.findIndex((each) => each.identity.index > index);
    devices = others.toSpliced(later === -1 ? others.length : later, 0, device);
  }

  return {
    get devices() {
      return devices;
    },
    admit(index, { code, uuid, pciBusId }, driverVersion) {
      if (code !== 0 || uuid === "") return;
      const known = devices.find(({ identity }) => identity.uuid === uuid);
      const model = known?.identity.model ?? "";
      const identity = { node, index, uuid, pciBusId, model, driverVersion };
      if (known) {
        Object.assign(known, { identity, isListed: true, isDescribed: false, state: "new" });
        return;
      }
      // Another GPU in the place of one that is gone: that one was exchanged and is missed no more.
      add(newDevice(identity, true));
    },
    miss(index, { uuid, pciBusId, model }, driverVersion) {
      const isKnown = devices.some(
        ({ identity }) => identity.uuid === uuid || identity.pciBusId === pciBusId,
      );
      if (!isKnown) add(newDevice({ node, index, uuid, pciBusId, model, driverVersion }, false));
    },
  };
}

function newDevice(identity: GpuIdentity, isListed: boolean): NvmlDevice {
  return {
    identity,
    description: null,
    isDescribed: false,
    isListed,
    state: isListed ? "new" : "lost",
    values: { fast: null, steady: null },
    processes: null,
  };
}

export function stateOf(code: number): NvmlState {
  const outcome = outcomeOf(code);
  return outcome === "lost" || outcome === "reset" ? "lost" : "up";
}

/** What the registered series hang on. */
export function shapeOf(devices: readonly NvmlDevice[]): string {
  return JSON.stringify(devices.map(({ identity, description }) => [identity, description]));
}

export function instancesOf({ identity, description }: NvmlDevice): GpuInstance[] {
  return (description?.instances ?? []).map(({ uuid, gpuInstance }) => ({
    uuid,
    parentUuid: identity.uuid,
    gpuInstance: String(gpuInstance),
  }));
}

export function usesOf({ processes }: NvmlDevice): GpuProcessUse[] {
  return (processes ?? []).map(({ pid, memoryBytes, gpuInstance }) => ({
    pid,
    memoryBytes,
    gpuInstance: gpuInstance === -1 ? "" : String(gpuInstance),
  }));
}
