/** What is read of which entity, and how: the host engine's latest values, some hundred at a time, into one column. */
import { numberIn, textIn } from "./blanks.ts";
import type { FoundEntity } from "./entities.ts";
import { entityGroups, layouts } from "./layouts.ts";
import type { DcgmLibrary } from "./library.ts";
import { returnCodes } from "./return-codes.ts";

/** Entities of which the same fields are read. */
export interface Batch {
  readonly entities: readonly FoundEntity[];
  readonly fields: readonly number[];
}

/** Records of one call: each is over 4 kB, and what they take is kept. */
const maximumRecords = 256;
/** Keyed by a GPU's link rather than by an NVSwitch's, as dcgm_fields.h has them. */
const gpuLinkFields = { first: 1525, end: 1534 } as const;

const levelsOfAGpu: ReadonlySet<number> = new Set([
  entityGroups.gpu,
  entityGroups.virtualGpu,
  entityGroups.gpuInstance,
  entityGroups.computeInstance,
]);

export function isOfGpuLinks(field: number): boolean {
  return field >= gpuLinkFields.first && field < gpuLinkFields.end;
}

/** For the records of every read, one after the other. */
export function createRecords(): Buffer {
  return Buffer.alloc(maximumRecords * layouts.fieldValue.bytes);
}

/** The fields that can be asked of each entity: those of its own level and those of what is in it. */
export function fieldsOfEach(
  library: DcgmLibrary,
  entities: readonly FoundEntity[],
  fields: readonly number[],
): (readonly number[])[] {
  // Entities are many and kinds of them few.
  const byKind = new Map<string, readonly number[]>();
  return entities.map(({ group, parent }) => {
    const kind = `${group} ${parent?.group ?? ""}`;
    const own =
      byKind.get(kind) ??
      fields.filter((id) => {
        const level = library.field(id)?.level;
        return level !== undefined && isOf(id, level, group, parent?.group);
      });
    byKind.set(kind, own);
    return own;
  });
}

function isOf(id: number, level: number, group: number, parent: number | undefined): boolean {
  const { none, gpu, gpuInstance, link, cpu, cpuCore } = entityGroups;
  if (level === none) return group === gpu || group === cpu;
  if (group === gpu || group === gpuInstance) return levelsOfAGpu.has(level);
  if (group === link) return level === link && isOfGpuLinks(id) === (parent === gpu);
  if (group === cpu) return level === cpu || level === cpuCore;
  return level === group;
}

/** Runs of entities that have the same fields, in the entities' order. */
export function batchesOf(
  entities: readonly FoundEntity[],
  fields: readonly (readonly number[])[],
): Batch[] {
  const batches: { entities: FoundEntity[]; fields: readonly number[] }[] = [];
  entities.forEach((entity, index) => {
    const own = fields[index] ?? [];
    const last = batches.at(-1);
    if (last?.fields === own) last.entities.push(entity);
    else batches.push({ entities: [entity], fields: own });
  });
  return batches;
}

/** The code of the first call that failed. */
export async function readNumbers(
  library: DcgmLibrary,
  handle: number,
  batches: readonly Batch[],
  records: Buffer,
  column: Float64Array,
): Promise<number> {
  let start = 0;
  for (const batch of batches) {
    const code = await readBatch(library, handle, batch, records, (at, position) => {
      column[start + position] = numberIn(records, at);
    });
    if (code !== returnCodes.ok) return code;
    start += batch.entities.length * batch.fields.length;
  }
  return returnCodes.ok;
}

/** By entity in the batches' order, then by field; what has no value isn't there. */
export async function readTexts(
  library: DcgmLibrary,
  handle: number,
  batches: readonly Batch[],
  records: Buffer,
): Promise<Record<number, string>[]> {
  const texts: Record<number, string>[] = [];
  for (const batch of batches) {
    const own = batch.entities.map((): Record<number, string> => ({}));
    texts.push(...own);
    await readBatch(library, handle, batch, records, (at, position) => {
      const facts = own[Math.floor(position / batch.fields.length)];
      const field = batch.fields[position % batch.fields.length];
      const text = textIn(records, at);
      if (facts && field !== undefined && text !== "") facts[field] = text;
    });
  }
  return texts;
}

type Take = (at: number, position: number) => void;

async function readBatch(
  library: DcgmLibrary,
  handle: number,
  { entities, fields }: Batch,
  records: Buffer,
  take: Take,
): Promise<number> {
  // A choice of fields may be larger than what one call takes of a single entity.
  for (let first = 0; first < fields.length; first += maximumRecords) {
    const asked = fields.slice(first, first + maximumRecords);
    const fitting = Math.floor(maximumRecords / asked.length);
    for (let start = 0; start < entities.length; start += fitting) {
      const part = entities.slice(start, start + fitting);
      const code = await readPart(library, handle, { entities: part, fields: asked }, records);
      if (code !== returnCodes.ok) return code;
      place(records, part, asked, (at, row, column) =>
        take(at, (start + row) * fields.length + first + column),
      );
    }
  }
  return returnCodes.ok;
}

function readPart(
  library: DcgmLibrary,
  handle: number,
  { entities, fields }: Batch,
  records: Buffer,
): Promise<number> {
  const { bytes, at } = layouts.fieldValue;
  // What the library doesn't fill is nobody's.
  for (let record = 0; record < maximumRecords; record += 1)
    records.writeUInt16LE(0, record * bytes + at.fieldId);
  const pairs = pairsOf(entities);
  const ids = Buffer.from(Uint16Array.from(fields).buffer);
  const call = "dcgmEntitiesGetLatestValues";
  return library.call(call, handle, pairs, entities.length, ids, fields.length, 0, records);
}

function pairsOf(entities: readonly FoundEntity[]): Buffer {
  const { bytes, at } = layouts.entity;
  const pairs = Buffer.alloc(entities.length * bytes);
  entities.forEach(({ group, id }, index) => {
    pairs.writeUInt32LE(group, index * bytes);
    pairs.writeUInt32LE(id, index * bytes + at.entityId);
  });
  return pairs;
}

/** The order of the answers isn't promised: each says whose it is. */
function place(
  records: Buffer,
  entities: readonly FoundEntity[],
  fields: readonly number[],
  found: (at: number, row: number, column: number) => void,
): void {
  const { bytes, at } = layouts.fieldValue;
  const rows = new Map(entities.map(({ group, id }, index) => [keyOf(group, id), index]));
  const columns = new Map(fields.map((id, index) => [id, index]));
  for (let start = 0; start < records.length; start += bytes) {
    const group = records.readUInt32LE(start + at.entityGroupId);
    const row = rows.get(keyOf(group, records.readUInt32LE(start + at.entityId)));
    const column = columns.get(records.readUInt16LE(start + at.fieldId));
    if (row !== undefined && column !== undefined) found(start, row, column);
  }
}

function keyOf(group: number, id: number): number {
  return group * 2 ** 32 + id;
}
