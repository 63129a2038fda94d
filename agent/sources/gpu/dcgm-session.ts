/** The agent's conversation with a DCGM host engine in the `gpu` probe: connected, told what to watch, and asked for it. */
import { WarpwatchError } from "../../../core/kit/errors.ts";
import { entityGroups } from "../../probes/dcgm/layouts.ts";
import type {
  Entity,
  HealthAnswer,
  Incident,
  OpenAnswer,
  OpenArgument,
  ReadAnswer,
  ReadingSet,
  WatchAnswer,
  WatchArgument,
} from "../../probes/dcgm/messages.ts";
import { endsConnection } from "../../probes/dcgm/return-codes.ts";
import type { SourceContext } from "../source.ts";

/** Fields by which entities are known, as dcgm_fields.h numbers them. */
export const identityFields = {
  driver: 1,
  name: 50,
  index: 52,
  serial: 53,
  uuid: 54,
  pciBusId: 57,
  vbios: 85,
} as const;

export interface DcgmSession {
  readonly entities: readonly Entity[];
  /** By entity: what the columns hold. */
  readonly fields: WatchAnswer["fields"];
  /** Rises when entities or fields are no longer the same, or something has its first value. */
  readonly version: number;
  /** The newest of a set; empty where there is none. */
  readonly columns: Readonly<Record<ReadingSet, Float64Array>>;
  /** Which places of a column have ever held a value: what a GPU can't tell has no series. */
  readonly seen: Readonly<Record<ReadingSet, ReadonlySet<number>>>;
  /** Null where there are no health watches. */
  readonly incidents: readonly Incident[] | null;
  /** Connects unless that is done. Returns why there is nothing to connect to; throws where it can't be. */
  open(): Promise<string | null>;
  /** Reads a set. Throws where there is no host engine. */
  round(set: ReadingSet): Promise<void>;
  /** Lets go of the host engine, and leaves it alone for a while. */
  release(): Promise<boolean>;
}

export interface DcgmOptions extends OpenArgument {
  /** Where nobody asked for a host engine there may be none. */
  readonly mayBeAbsent: boolean;
  /** What is to be read now, and what couldn't be. */
  wanted(): Omit<WatchArgument, "withoutGpus">;
  refused(answer: WatchAnswer): void;
}

const key = "dcgm";
const patience = {
  openMilliseconds: 8000,
  watchMilliseconds: 8000,
  readMilliseconds: 800,
  healthMilliseconds: 2000,
  releaseMilliseconds: 2000,
} as const;
const releasedMilliseconds = 60_000;
const retry = { firstMilliseconds: 1000, longestMilliseconds: 30_000 } as const;
/** What is as young as this isn't asked for again: a read is repeated when its series had to be registered anew. */
const youngMilliseconds = 200;
const nothing = new Float64Array(0);

export function createDcgmSession(context: SourceContext, options: DcgmOptions): DcgmSession {
  const { probes, env, gpus: directory, log } = context;
  const { clock } = env;
  let isConnected = false;
  let everConnected = false;
  let watched: WatchAnswer | null = null;
  let order = "";
  let version = 0;
  let retryAt = Number.NEGATIVE_INFINITY;
  let failuresInARow = 0;
  let lastFailure = "";
  let incidents: readonly Incident[] | null = null;
  let columns: Record<ReadingSet, Float64Array> = { fast: nothing, steady: nothing };
  let seen = { fast: new Set<number>(), steady: new Set<number>() };
  let takenAt = { fast: Number.NEGATIVE_INFINITY, steady: Number.NEGATIVE_INFINITY };
  /** GPUs' numbers by UUID; a host engine knows few. */
  const numbers = new Map<string, number>();
  /** One call at a time, whichever source asks. */
  let turn: Promise<unknown> = Promise.resolve();

  function ask<Answer>(call: string, argument: unknown, milliseconds: number): Promise<Answer> {
    return probes.gpu.ask(call, key, argument, milliseconds) as Promise<Answer>;
  }

  function disconnect(): void {
    isConnected = false;
    forget();
  }

  /** What was read is gone; who the entities are is remembered, since their series come back. */
  function forget(): void {
    order = "";
    columns = { fast: nothing, steady: nothing };
    takenAt = { fast: Number.NEGATIVE_INFINITY, steady: Number.NEGATIVE_INFINITY };
    incidents = null;
  }

  async function open(): Promise<string | null> {
    if (isConnected) return null;
    if (clock.monotonic() < retryAt) throw new WarpwatchError("CALL_FAILED", lastFailure);
    const { libraries, targets } = options;
    const answer = await ask<OpenAnswer>(
      "dcgm.open",
      { libraries, targets } satisfies OpenArgument,
      patience.openMilliseconds,
    );
    if (answer.state === "absent") return answer.reason;
    if (answer.state === "down") {
      if (options.mayBeAbsent && !everConnected) return answer.reason;
      throw postponed(answer.reason);
    }
    log.info("connected to a DCGM host engine", {
      address: answer.target,
      version: answer.version,
      library: answer.path,
    });
    isConnected = everConnected = true;
    failuresInARow = 0;
    return null;
  }

  function postponed(reason: string): WarpwatchError {
    const wait = retry.firstMilliseconds * 2 ** Math.min(failuresInARow, 10);
    retryAt = clock.monotonic() + Math.min(wait, retry.longestMilliseconds);
    failuresInARow += 1;
    lastFailure = reason;
    return new WarpwatchError("CALL_FAILED", reason);
  }

  /** Watches are made anew when other fields are wanted, or a GPU must be left alone. */
  async function watch(): Promise<void> {
    const wanted: WatchArgument = { ...options.wanted(), withoutGpus: quarantined() };
    const now = JSON.stringify(wanted);
    if (watched && now === order) return;
    const answer = await ask<WatchAnswer>("dcgm.watch", wanted, patience.watchMilliseconds);
    check(answer);
    forget();
    const isSame = watched !== null && shapeOf(watched) === shapeOf(answer);
    watched = answer;
    order = now;
    if (!isSame) {
      seen = { fast: new Set(), steady: new Set() };
      version += 1;
    }
    options.refused(answer);
  }

  /** Their numbers are remembered: what is left alone isn't listed any more. */
  function quarantined(): number[] {
    for (const { group, id, facts } of watched?.entities ?? []) {
      const uuid = facts[identityFields.uuid];
      if (group === entityGroups.gpu && uuid !== undefined) numbers.set(uuid, id);
    }
    return [...numbers]
      .filter(([uuid]) => directory.quarantineOf(uuid) !== undefined)
      .map(([, id]) => id);
  }

  function check({ code, sentence }: Pick<ReadAnswer, "code" | "sentence">): void {
    if (code === 0) return;
    if (endsConnection(code)) {
      disconnect();
      throw postponed(`the host engine is gone: ${sentence}`);
    }
    throw new WarpwatchError("CALL_FAILED", `the host engine refused: ${sentence}`);
  }

  async function round(set: ReadingSet): Promise<void> {
    const reason = await open();
    if (reason !== null) throw new WarpwatchError("CALL_FAILED", reason);
    await watch();
    if (clock.monotonic() - takenAt[set] < youngMilliseconds) return;
    const answer = await ask<ReadAnswer>("dcgm.read", set, patience.readMilliseconds);
    check(answer);
    takenAt[set] = clock.monotonic();
    columns[set] = answer.column;
    noteSeen(set, answer.column);
    if (answer.changed) order = "";
    if (set === "steady") await look();
  }

  function noteSeen(set: ReadingSet, column: Float64Array): void {
    const before = seen[set].size;
    for (let place = 0; place < column.length; place += 1)
      if (!Number.isNaN(column[place])) seen[set].add(place);
    if (seen[set].size > before) version += 1;
  }

  async function look(): Promise<void> {
    const answer = await ask<HealthAnswer>("dcgm.health", null, patience.healthMilliseconds);
    if (endsConnection(answer.code)) check(answer);
    const before = incidents;
    incidents = answer.code === 0 ? answer.incidents : null;
    if (labelsOf(before) !== labelsOf(incidents)) version += 1;
  }

  /** After what is under way, whether it went well or not. What the child forgot when it ended has to be told anew. */
  function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const guarded = async (): Promise<Result> => {
      try {
        return await work();
      } catch (thrown) {
        if (thrown instanceof WarpwatchError && thrown.code === "PROBE_FAILED") disconnect();
        throw thrown;
      }
    };
    const mine = turn.then(guarded, guarded);
    turn = mine.catch(() => undefined);
    return mine;
  }

  return {
    get entities() {
      return watched?.entities ?? [];
    },
    get fields() {
      return watched?.fields ?? { fast: [], steady: [] };
    },
    get version() {
      return version;
    },
    get columns() {
      return columns;
    },
    get seen() {
      return seen;
    },
    get incidents() {
      return incidents;
    },
    open: () => inTurn(open),
    round: (set) => inTurn(() => round(set)),
    release() {
      retryAt = clock.monotonic() + releasedMilliseconds;
      lastFailure = "the host engine was let go of, for the driver to be exchanged";
      disconnect();
      const call = "dcgm.close";
      const answer = probes.gpu.ask(call, "dcgm-release", null, patience.releaseMilliseconds);
      return answer as Promise<boolean>;
    },
  };
}

/** What the registered series hang on. */
function shapeOf({ entities, fields }: WatchAnswer): string {
  return JSON.stringify([entities, fields]);
}

/** An incident's code is a label. */
function labelsOf(incidents: readonly Incident[] | null): string {
  return JSON.stringify(
    incidents?.map(({ group, id, system, errorCode }) => [group, id, system, errorCode]),
  );
}
