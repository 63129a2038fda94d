/** Asks a host engine to keep fields up to date, and takes it all back: groups of entities, groups of fields, watches. */
import type { FoundEntity } from "./entities.ts";
import type { DcgmLibrary } from "./library.ts";
import { returnCodes } from "./return-codes.ts";

export interface WatchOrder {
  readonly entities: readonly FoundEntity[];
  readonly fields: readonly number[];
  readonly periodMilliseconds: number;
}

export interface Watches {
  /** Returns sentences: what the host engine refused. */
  add(order: WatchOrder): Promise<string[]>;
  /** A group of these for the health watches; 0 where it can't be made. */
  group(entities: readonly FoundEntity[]): Promise<number>;
  /** Everything is taken back. */
  close(): Promise<void>;
}

/** As many as DCGM 3 has room for; DCGM 4 takes more entities. */
const entitiesAGroup = 64;
const fieldsAGroup = 128;
const emptyGroup = 1;
/** A host engine keeps the newest for so long; no more than the last is read. */
const keptSeconds = 60;
const keptSamples = 2;
/** Profiling is refused for a whole group where one of its GPUs can't; ids as dcgm_fields.h has them. */
const profilingFields = { first: 1001, end: 1100 } as const;

/** Names must be unique among all that use the host engine. */
let names = 0;

export function createWatches(library: DcgmLibrary, handle: number): Watches {
  /** By what is in them: a host engine has room for few. */
  const groups = new Map<string, number>();
  const fieldGroups: number[] = [];

  function nextName(): string {
    names += 1;
    return `warpwatch-${process.pid}-${names}`;
  }

  async function group(entities: readonly FoundEntity[]): Promise<number> {
    const members = entities.map((entity) => `${entity.group}:${entity.id}`).join(" ");
    const known = groups.get(members);
    if (known !== undefined) return known;
    const made = Buffer.alloc(8);
    const code = await library.call("dcgmGroupCreate", handle, emptyGroup, nextName(), made);
    if (code !== returnCodes.ok) return 0;
    const number = Number(made.readBigUInt64LE());
    groups.set(members, number);
    for (const entity of entities)
      await library.call("dcgmGroupAddEntity", handle, number, entity.group, entity.id);
    return number;
  }

  async function fieldGroup(fields: readonly number[]): Promise<{ code: number; number: number }> {
    const made = Buffer.alloc(8);
    const ids = Buffer.from(Uint16Array.from(fields).buffer);
    const name = nextName();
    const code = await library.call("dcgmFieldGroupCreate", handle, fields.length, ids, name, made);
    const number = code === returnCodes.ok ? Number(made.readBigUInt64LE()) : 0;
    if (number !== 0) fieldGroups.push(number);
    return { code, number };
  }

  function watch(entityGroup: number, fields: number, periodMilliseconds: number): Promise<number> {
    const period = periodMilliseconds * 1000;
    const call = "dcgmWatchFields";
    return library.call(call, handle, entityGroup, fields, period, keptSeconds, keptSamples);
  }

  async function addPart(part: WatchOrder): Promise<string[]> {
    const { code, number } = await fieldGroup(part.fields);
    if (code !== returnCodes.ok) return [refusal(part, code)];
    const whole = await group(part.entities);
    const all = await watch(whole, number, part.periodMilliseconds);
    if (all === returnCodes.ok) return [];
    if (part.entities.length === 1 || !isProfiling(part)) return [refusal(part, all)];
    const refusals: string[] = [];
    for (const entity of part.entities) {
      const single = await watch(await group([entity]), number, part.periodMilliseconds);
      if (single !== returnCodes.ok)
        refusals.push(refusal({ ...part, entities: [entity] }, single));
    }
    return refusals;
  }

  function refusal({ entities, fields }: WatchOrder, code: number): string {
    const [first] = entities;
    const whose = first ? `${entities.length} of group ${first.group}, from ${first.id}` : "none";
    return `fields from ${fields[0] ?? 0} can't be watched of ${whose}: ${library.describe(code)}`;
  }

  return {
    group,
    async add(order) {
      const refusals: string[] = [];
      const kinds = [
        order.fields.filter(isProfilingField),
        order.fields.filter((id) => !isProfilingField(id)),
      ];
      for (const fields of kinds.flatMap((all) => parts(all, fieldsAGroup)))
        for (const entities of parts(order.entities, entitiesAGroup))
          refusals.push(...(await addPart({ ...order, fields, entities })));
      return refusals;
    },
    async close() {
      for (const number of groups.values()) await library.call("dcgmGroupDestroy", handle, number);
      groups.clear();
      for (const number of fieldGroups.splice(0))
        await library.call("dcgmFieldGroupDestroy", handle, number);
    },
  };
}

function isProfiling({ fields }: WatchOrder): boolean {
  return fields.some(isProfilingField);
}

function isProfilingField(id: number): boolean {
  return id >= profilingFields.first && id < profilingFields.end;
}

function parts<Value>(all: readonly Value[], size: number): Value[][] {
  const cut: Value[][] = [];
  for (let start = 0; start < all.length; start += size) cut.push(all.slice(start, start + size));
  return cut;
}
