/** The labels a GPU's series carry: dcgm-exporter's full set under its names, the GPU's index and UUID under ours. */
import type { Device, Place } from "./device.ts";
import type { LabelValues } from "./metric.ts";

/** What names one GPU; every source that reads GPUs fills it and lets the functions below spell the labels. */
export interface GpuIdentity {
  /** The node's name: dcgm-exporter's `Hostname`. */
  readonly node: string;
  /** The driver's index; it may change over a restart, the UUID doesn't. */
  readonly index: number;
  readonly uuid: string;
  /** `00000000:3B:00.0` as the driver prints it. */
  readonly pciBusId: string;
  readonly model: string;
  readonly driverVersion: string;
}

export const dcgmLabelNames = [
  "gpu",
  "UUID",
  "pci_bus_id",
  "device",
  "modelName",
  "Hostname",
  "DCGM_FI_DRIVER_VERSION",
  "GPU_I_PROFILE",
  "GPU_I_ID",
] as const;

export const gpuLabelNames = ["gpu", "UUID"] as const;

export type DcgmLabel = (typeof dcgmLabelNames)[number];
export type GpuLabel = (typeof gpuLabelNames)[number];

/** A part of a GPU that MIG has made. */
export interface InstanceIdentity {
  /** The GPU instance's number. */
  readonly id: string;
  /** 1g.10gb */
  readonly profile: string;
}

/** For the `DCGM_FI_*` metrics, of a GPU or of one of its MIG instances; a whole GPU's instance labels are empty. */
export function dcgmLabels(
  identity: GpuIdentity,
  instance?: InstanceIdentity,
): LabelValues<DcgmLabel> {
  return {
    gpu: String(identity.index),
    UUID: identity.uuid,
    pci_bus_id: identity.pciBusId,
    device: `nvidia${identity.index}`,
    modelName: identity.model,
    Hostname: identity.node,
    DCGM_FI_DRIVER_VERSION: identity.driverVersion,
    GPU_I_PROFILE: instance?.profile ?? "",
    GPU_I_ID: instance?.id ?? "",
  };
}

/** For the `warpwatch_gpu_*` metrics. */
export function gpuLabels(identity: GpuIdentity): LabelValues<GpuLabel> {
  return { gpu: String(identity.index), UUID: identity.uuid };
}

/** The GPU as a device: known by its UUID, called `gpu3` on its node. */
export function gpuDevice(identity: GpuIdentity, place: Place): Device {
  return {
    kind: "gpu",
    id: identity.uuid,
    node: identity.node,
    name: `gpu${identity.index}`,
    model: identity.model,
    place,
  };
}
