/** What a host engine knows of: GPUs, the MIG instances in them, NVSwitches, NVLinks and NVIDIA's own processors. */
import { entityGroups, layouts, structure } from "./layouts.ts";
import type { DcgmLibrary } from "./library.ts";
import type { Entity } from "./messages.ts";
import { returnCodes } from "./return-codes.ts";

export type FoundEntity = Omit<Entity, "facts">;

export interface WantedEntities {
  readonly withoutGpus: readonly number[];
  /** Links are many, and only listed for fields that are theirs. */
  readonly gpuLinks: boolean;
  readonly switchLinks: boolean;
}

/** More than a node has; what is over it is left out. */
const maximumEntities = 2048;
/** Of one group, and of the GPU instances there is room for. */
const maximumOfAGroup = 1024;
const maximumInstances = 448;
const maximumGpus = 32;
const maximumSwitches = 12;
const onlySupported = 1;
/** `dcgmNvLinkLinkState_t`: links that are down are told of as well, those that nothing is plugged into aren't. */
const linkStates = { down: 2, up: 3 } as const;

/** A group that this library or host engine can't list has no entities. */
export async function listEntities(
  library: DcgmLibrary,
  handle: number,
  wanted: WantedEntities,
): Promise<{ code: number; entities: FoundEntity[] }> {
  const { gpu, switch: nvswitch, cpu } = entityGroups;
  const gpus = await listGroup(library, handle, gpu, onlySupported);
  if (gpus.code !== returnCodes.ok) return { code: gpus.code, entities: [] };
  const left = new Set(wanted.withoutGpus);
  const entities = gpus.entities.filter(({ id }) => !left.has(id));
  entities.push(...(await listInstances(library, handle)));
  for (const group of [nvswitch, cpu])
    entities.push(...(await listGroup(library, handle, group, 0)).entities);
  if (wanted.gpuLinks || wanted.switchLinks) entities.push(...(await listLinks(library, handle)));
  const kept = entities.filter(
    ({ group, parent }) =>
      (parent?.group !== gpu || !left.has(parent.id)) &&
      (group !== entityGroups.link ||
        (parent?.group === gpu ? wanted.gpuLinks : wanted.switchLinks)),
  );
  return { code: returnCodes.ok, entities: kept.slice(0, maximumEntities) };
}

async function listGroup(
  library: DcgmLibrary,
  handle: number,
  group: number,
  flags: number,
): Promise<{ code: number; entities: FoundEntity[] }> {
  const ids = Buffer.alloc(maximumOfAGroup * 4);
  const count = Buffer.alloc(4);
  count.writeInt32LE(maximumOfAGroup);
  const code = await library.call("dcgmGetEntityGroupEntities", handle, group, ids, count, flags);
  const found = code === returnCodes.ok ? Math.min(count.readInt32LE(), maximumOfAGroup) : 0;
  const entities = Array.from({ length: found }, (_, index) => {
    const id = ids.readUInt32LE(index * 4);
    return { group, id, parent: null, number: id };
  });
  return { code, entities };
}

/** Compute instances stand in the list too, below the GPU instances; DCGM has no values of their own for them. */
async function listInstances(library: DcgmLibrary, handle: number): Promise<FoundEntity[]> {
  const { migHierarchy, migEntity, migInfo } = layouts;
  const bytes = structure(migHierarchy);
  const code = await library.call("dcgmGetGpuInstanceHierarchy", handle, bytes);
  if (code !== returnCodes.ok) return [];
  const count = Math.min(bytes.readUInt32LE(migHierarchy.at.count), maximumInstances);
  const found: FoundEntity[] = [];
  for (let index = 0; index < count; index += 1) {
    const start = migHierarchy.at.entityList + index * migEntity.bytes;
    const group = bytes.readUInt32LE(start);
    if (group !== entityGroups.gpuInstance) continue;
    const parent = start + migEntity.at.parent;
    found.push({
      group,
      id: bytes.readUInt32LE(start + layouts.entity.at.entityId),
      parent: {
        group: bytes.readUInt32LE(parent),
        id: bytes.readUInt32LE(parent + layouts.entity.at.entityId),
      },
      number: bytes.readUInt32LE(start + migEntity.at.info + migInfo.at.nvmlInstanceId),
    });
  }
  return found;
}

async function listLinks(library: DcgmLibrary, handle: number): Promise<FoundEntity[]> {
  const { linkStatus, linkStatusV4, gpuLinks, gpuLinksV4, switchLinks } = layouts;
  for (const [status, ofAGpu] of [
    [linkStatus, gpuLinks] as const,
    [linkStatusV4, gpuLinksV4] as const,
  ]) {
    const bytes = structure(status);
    const code = await library.call("dcgmGetNvLinkLinkStatus", handle, bytes);
    if (code === returnCodes.versionMismatch) continue;
    if (code !== returnCodes.ok) return [];
    const { numGpus, gpus, numNvSwitches, nvSwitches } = status.at;
    const gpuCount = Math.min(bytes.readUInt32LE(numGpus), maximumGpus);
    const switchCount = Math.min(bytes.readUInt32LE(numNvSwitches), maximumSwitches);
    return [
      ...linksIn(bytes, gpus, gpuCount, ofAGpu.bytes, entityGroups.gpu),
      ...linksIn(bytes, nvSwitches, switchCount, switchLinks.bytes, entityGroups.switch),
    ];
  }
  return [];
}

/** Each device is its number and then a word for the state of every link. */
function linksIn(
  bytes: Buffer,
  start: number,
  count: number,
  stride: number,
  group: number,
): FoundEntity[] {
  const found: FoundEntity[] = [];
  for (let device = start; device < start + count * stride; device += stride) {
    const id = bytes.readUInt32LE(device);
    for (let link = 0; link < stride / 4 - 1; link += 1) {
      const state = bytes.readUInt32LE(device + 4 + link * 4);
      if (state !== linkStates.up && state !== linkStates.down) continue;
      const parent = { group, id };
      found.push({ group: entityGroups.link, id: linkId(parent, link), parent, number: link });
    }
  }
  return found;
}

/** `dcgm_link_t`: what it is a link of in the lowest byte, its number in the next, its device's above. */
function linkId(parent: { group: number; id: number }, link: number): number {
  return parent.group + link * 2 ** 8 + parent.id * 2 ** 16;
}
