/** Whose values DCGM's are: the labels and the device of each entity, as dcgm-exporter labels them. */
import type { Device, Place } from "../../../core/catalog/device.ts";
import { dcgmLabels, gpuDevice, type GpuIdentity } from "../../../core/catalog/gpu-labels.ts";
import { entityGroups } from "../../probes/dcgm/layouts.ts";
import type { Entity } from "../../probes/dcgm/messages.ts";
import type { GpuDirectory, GpuInstance } from "../../gpu-directory.ts";
import { identityFields } from "./dcgm-session.ts";

/** One entity's part of what is served. */
export interface Whose {
  readonly entity: Entity;
  /** The GPU that it is or is a part of; null for what is no GPU's. */
  readonly gpu: GpuIdentity | null;
  /** A MIG instance's number; empty for anything else. */
  readonly instance: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly device: Device | null;
}

/** What another source called a GPU stands: its series then have the same labels, whoever serves them. */
export function identitiesOf(
  entities: readonly Entity[],
  node: string,
  directory: GpuDirectory,
): Map<number, GpuIdentity> {
  const driverVersion = entities.find(({ facts }) => facts[identityFields.driver])?.facts[
    identityFields.driver
  ];
  const gpus = entities.filter(({ group }) => group === entityGroups.gpu);
  return new Map(
    gpus.flatMap(({ id, facts }) => {
      const uuid = facts[identityFields.uuid];
      if (uuid === undefined) return [];
      const known = directory.gpus.find((gpu) => gpu.uuid === uuid);
      const own: GpuIdentity = {
        node,
        index: Number(facts[identityFields.index] ?? id),
        uuid,
        pciBusId: facts[identityFields.pciBusId] ?? "",
        model: facts[identityFields.name] ?? "",
        driverVersion: driverVersion ?? "",
      };
      return [[id, known ?? own]];
    }),
  );
}

/** MIG instances by their UUID, which older libraries don't tell. */
export function instancesOf(
  entities: readonly Entity[],
  identities: ReadonlyMap<number, GpuIdentity>,
): GpuInstance[] {
  return entities.flatMap(({ group, parent, number, facts }) => {
    const uuid = facts[identityFields.uuid] ?? "";
    const gpu = parent ? identities.get(parent.id) : undefined;
    return group === entityGroups.gpuInstance && gpu && uuid.startsWith("MIG-")
      ? [{ uuid, parentUuid: gpu.uuid, gpuInstance: String(number) }]
      : [];
  });
}

/** Null for a GPU, or a part of one, that doesn't say which it is. */
export function whoseOf(
  entity: Entity,
  identities: ReadonlyMap<number, GpuIdentity>,
  node: string,
  place: Place,
): Whose | null {
  const { group, id, parent, number } = entity;
  const gpu = gpuOf(entity, identities);
  if (gpu === undefined) return null;
  const device = gpu ? gpuDevice(gpu, place) : null;
  switch (group) {
    case entityGroups.gpu:
      return gpu && { entity, gpu, instance: "", labels: dcgmLabels(gpu), device };
    case entityGroups.gpuInstance: {
      const instance = { id: String(number), profile: profileOf(entity) };
      const labels = gpu ? dcgmLabels(gpu, instance) : {};
      return {
        entity,
        gpu,
        instance: instance.id,
        labels,
        device: device && partOf(device, entity),
      };
    }
    case entityGroups.link:
      return { entity, gpu, instance: "", labels: linkLabels(entity, gpu, node), device };
    case entityGroups.switch:
      return {
        entity,
        gpu,
        instance: "",
        labels: { nvswitch: switchName(id), Hostname: node },
        device,
      };
    case entityGroups.cpu:
      return { entity, gpu, instance: "", labels: { cpu: String(id), Hostname: node }, device };
    default:
      return parent ? null : { entity, gpu, instance: "", labels: {}, device };
  }
}

/** `nvswitch3`, as dcgm-exporter calls it. */
export function switchName(id: number): string {
  return `nvswitch${id}`;
}

/** Undefined where it is a GPU's and which one isn't known. */
function gpuOf(
  { group, id, parent }: Entity,
  identities: ReadonlyMap<number, GpuIdentity>,
): GpuIdentity | null | undefined {
  if (group === entityGroups.gpu) return identities.get(id);
  return parent?.group === entityGroups.gpu ? identities.get(parent.id) : null;
}

function partOf(whole: Device, { number, facts }: Entity): Device {
  const name = `${whole.name}/${number}`;
  return { ...whole, kind: "mig", id: facts[identityFields.uuid] ?? `${whole.id}/${number}`, name };
}

/** DCGM calls an instance `1g.10gb`, or the GPU's name with `MIG 1g.10gb` behind it. */
function profileOf({ facts }: Entity): string {
  const name = facts[identityFields.name] ?? "";
  return /\bMIG (\S+)$/.exec(name)?.[1] ?? name;
}

function linkLabels(
  { number, parent }: Entity,
  gpu: GpuIdentity | null,
  node: string,
): Record<string, string> {
  return {
    nvlink: String(number),
    nvswitch: parent && !gpu ? switchName(parent.id) : "",
    gpu: gpu ? String(gpu.index) : "",
    gpu_uuid: gpu?.uuid ?? "",
    pci_bus_id: gpu?.pciBusId ?? "",
    device: gpu ? `nvidia${gpu.index}` : "",
    model_name: gpu?.model ?? "",
    hostname: node,
  };
}
