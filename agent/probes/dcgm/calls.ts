/** DCGM as calls of the `gpu` probe. Each runs on a thread, so that a host engine that hangs holds up nobody else. */
import type { ProbeCall } from "../serve.ts";
import { listEntities, type FoundEntity, type WantedEntities } from "./entities.ts";
import { watchHealth, type HealthWatch } from "./health.ts";
import { entityGroups, layouts, structure, textAt } from "./layouts.ts";
import { openLibrary, type DcgmLibrary } from "./library.ts";
import type {
  HealthAnswer,
  OpenAnswer,
  OpenArgument,
  ReadAnswer,
  ReadingSet,
  Target,
  WatchAnswer,
  WatchArgument,
} from "./messages.ts";
import {
  batchesOf,
  createRecords,
  fieldsOfEach,
  isOfGpuLinks,
  readNumbers,
  readTexts,
  type Batch,
} from "./plan.ts";
import { endsConnection, returnCodes } from "./return-codes.ts";
import { createWatches, type Watches } from "./watches.ts";

interface Session {
  readonly library: DcgmLibrary;
  readonly handle: number;
  readonly isEmbedded: boolean;
  readonly records: Buffer;
  watches: Watches | null;
  plan: Plan | null;
}

interface Plan {
  readonly wanted: WantedEntities;
  readonly entities: readonly FoundEntity[];
  readonly batches: Readonly<Record<ReadingSet, readonly Batch[]>>;
  readonly health: HealthWatch | null;
}

const connectMilliseconds = 2000;
const automatic = 1;
const periods = { fast: 1000, steady: 15_000, facts: 60_000 } as const;
const emptyColumn = new Float64Array(0);
const closed = { code: returnCodes.connectionNotValid, sentence: "no host engine is connected" };

export function createDcgmCalls(): Readonly<Record<string, ProbeCall>> {
  let library: DcgmLibrary | null = null;
  let session: Session | null = null;

  async function open({ libraries, targets }: OpenArgument): Promise<OpenAnswer> {
    await close();
    if (library === null) {
      const opened = await openLibrary(libraries);
      if (typeof opened === "string") return { state: "absent", reason: opened };
      library = opened;
    }
    const code = await library.call("dcgmInit");
    if (code !== returnCodes.ok) return { state: "down", reason: library.describe(code) };
    const refusals: string[] = [];
    for (const target of targets) {
      const connected = await connect(library, target);
      if (typeof connected === "string") {
        refusals.push(`${nameOf(target)}: ${connected}`);
        continue;
      }
      const isEmbedded = target.kind === "embedded";
      session = {
        library,
        handle: connected,
        isEmbedded,
        records: createRecords(),
        watches: null,
        plan: null,
      };
      const version = await readVersion(session);
      return { state: "open", path: library.path, target: nameOf(target), version };
    }
    return { state: "down", reason: `no host engine answers at ${refusals.join(", ")}` };
  }

  async function close(): Promise<boolean> {
    const ended = session;
    session = null;
    if (!ended) return false;
    await ended.watches?.close();
    const call = ended.isEmbedded ? "dcgmStopEmbedded" : "dcgmDisconnect";
    return (await ended.library.call(call, ended.handle)) === returnCodes.ok;
  }

  async function watch(argument: WatchArgument): Promise<WatchAnswer> {
    const current = session;
    if (!current) return { ...nothingWatched, ...closed };
    const { watches } = current;
    current.watches = current.plan = null;
    await watches?.close();
    return watchAll(current, argument);
  }

  /** It may be closed while something is under way, which then fails with the library's own words. */
  async function read(set: ReadingSet): Promise<ReadAnswer> {
    const current = session;
    if (!current?.plan) return { ...closed, column: emptyColumn, changed: false };
    const { library: used, handle, plan, records } = current;
    const batches = plan.batches[set];
    const column = new Float64Array(
      batches.reduce((sum, { entities, fields }) => sum + entities.length * fields.length, 0),
    ).fill(Number.NaN);
    const code = await readNumbers(used, handle, batches, records, column);
    if (code !== returnCodes.ok) return { ...failure(current, code), column, changed: false };
    if (set === "fast") return { code, sentence: "", column, changed: false };
    const now = await listEntities(used, handle, plan.wanted);
    if (now.code !== returnCodes.ok)
      return { ...failure(current, now.code), column, changed: false };
    const changed = JSON.stringify(now.entities) !== JSON.stringify(plan.entities);
    return { code, sentence: "", column, changed };
  }

  async function health(): Promise<HealthAnswer> {
    const current = session;
    if (!current?.plan) return { ...closed, incidents: [] };
    if (!current.plan.health)
      return {
        code: returnCodes.functionNotFound,
        sentence: "there are no health watches",
        incidents: [],
      };
    const { code, incidents } = await current.plan.health.check();
    return code === returnCodes.ok
      ? { code, sentence: "", incidents }
      : { ...failure(current, code), incidents };
  }

  return {
    "dcgm.open": (argument) => open(argument as OpenArgument),
    "dcgm.close": close,
    "dcgm.watch": (argument) => watch(argument as WatchArgument),
    "dcgm.read": (set) => read(set as ReadingSet),
    "dcgm.health": health,
  };
}

const nothingWatched = {
  entities: [],
  fields: { fast: [], steady: [] },
  unknown: [],
  notNumbers: [],
  refusals: [],
} as const;

async function watchAll(session: Session, argument: WatchArgument): Promise<WatchAnswer> {
  const { library, handle } = session;
  const { facts, withoutGpus } = argument;
  const asked = [...argument.fast, ...argument.steady];
  const isOfALink = (id: number): boolean => library.field(id)?.level === entityGroups.link;
  const wanted: WantedEntities = {
    withoutGpus,
    gpuLinks: asked.some((id) => isOfALink(id) && isOfGpuLinks(id)),
    switchLinks: asked.some((id) => isOfALink(id) && !isOfGpuLinks(id)),
  };
  const listed = await listEntities(library, handle, wanted);
  if (listed.code !== returnCodes.ok)
    return { ...nothingWatched, ...failure(session, listed.code) };
  const { entities } = listed;
  const numbers = (wished: readonly number[]): (readonly number[])[] =>
    fieldsOfEach(
      library,
      entities,
      wished.filter((id) => library.field(id)?.isNumber === true),
    );
  const fields = { fast: numbers(argument.fast), steady: numbers(argument.steady) };
  const batches = {
    fast: batchesOf(entities, fields.fast),
    steady: batchesOf(entities, fields.steady),
  };
  const factBatches = batchesOf(entities, fieldsOfEach(library, entities, facts));
  const watches = createWatches(library, handle);
  session.watches = watches;
  const refusals: string[] = [];
  const orders = { ...batches, facts: factBatches };
  for (const set of ["facts", "fast", "steady"] as const)
    for (const batch of orders[set])
      refusals.push(...(await watches.add({ ...batch, periodMilliseconds: periods[set] })));
  const judged = entities.filter(
    ({ group }) => group === entityGroups.gpu || group === entityGroups.switch,
  );
  const health =
    judged.length === 0 ? null : await watchHealth(library, handle, await watches.group(judged));
  // Waits until everything has its first value.
  const updated = await library.call("dcgmUpdateAllFields", handle, 1);
  if (endsConnection(updated)) return { ...nothingWatched, ...failure(session, updated) };
  session.plan = { wanted, entities, batches, health };
  const texts = await readTexts(library, handle, factBatches, session.records);
  return {
    code: returnCodes.ok,
    sentence: "",
    entities: entities.map((entity, index) => ({ ...entity, facts: texts[index] ?? {} })),
    fields,
    unknown: [...new Set([...asked, ...facts])].filter((id) => library.field(id) === null),
    notNumbers: asked.filter((id) => library.field(id)?.isNumber === false),
    refusals,
  };
}

function failure({ library }: Session, code: number): { code: number; sentence: string } {
  return { code, sentence: library.describe(code) };
}

/** The handle, or why there is none. */
async function connect(library: DcgmLibrary, target: Target): Promise<number | string> {
  if (target.kind === "embedded") {
    const { startEmbedded } = layouts;
    const order = structure(startEmbedded);
    order.writeInt32LE(automatic, startEmbedded.at.opMode);
    const code = await library.call("dcgmStartEmbedded_v2", order);
    if (code !== returnCodes.ok) return library.describe(code);
    return Number(order.readBigUInt64LE(startEmbedded.at.dcgmHandle));
  }
  const order = structure(layouts.connect);
  order.writeUInt32LE(connectMilliseconds, layouts.connect.at.timeoutMs);
  order.writeUInt32LE(target.kind === "socket" ? 1 : 0, layouts.connect.at.addressIsUnixSocket);
  const handle = Buffer.alloc(8);
  const code = await library.call("dcgmConnect_v2", target.address, order, handle);
  return code === returnCodes.ok ? Number(handle.readBigUInt64LE()) : library.describe(code);
}

/** The host engine tells it among others: `version:4.6.0;arch:x86_64;…`. */
async function readVersion({ library, handle }: Session): Promise<string> {
  const bytes = structure(layouts.versionInfo);
  const code = await library.call("dcgmHostengineVersionInfo", handle, bytes);
  const { rawBuildInfoString } = layouts.versionInfo.at;
  const text = code === returnCodes.ok ? textAt(bytes, rawBuildInfoString, bytes.length) : "";
  return /\bversion:([^;]+)/.exec(text)?.[1] ?? "";
}

function nameOf(target: Target): string {
  return target.kind === "embedded" ? "embedded" : target.address;
}
