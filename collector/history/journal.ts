/** The journal: frames are committed in groups and only then acknowledged; what it holds is known without reading it. */
import type { DatabaseSync } from "node:sqlite";
import { history } from "../../core/catalog/index.ts";
import type { Clock, Timer } from "../../core/kit/clock.ts";
import { describeError } from "../../core/kit/errors.ts";
import type { Log } from "../../core/kit/log.ts";
import type { SelfMetrics } from "../../core/kit/self-metrics.ts";
import type { Frame, Schema } from "../../core/wire/frame.ts";
import { chainChecksum, frameChecksum } from "./checksum.ts";
import { createChainIndex, type ChainIndex } from "./chain-index.ts";
import { createChainWriter, timeSpan, type ChainEntry, type ChainWriter } from "./chain-writer.ts";
import { isDiskFull, transact } from "./database.ts";
import { createReceived } from "./received.ts";
import type { CheckRoom } from "./room.ts";

export interface Journal {
  /** Resolves when the frame is on disk, rejects when it isn't and won't be. A caller may leave the promise alone. */
  append(frame: Frame): Promise<void>;
  /** Commits what waits, now. */
  flush(): void;
  /** No chain that is there now grows any more. */
  seal(): void;
  /** Takes the chains out of sight within the caller's transaction; `sweep` frees their space. */
  detach(chains: readonly number[]): void;
  /** The caller's transaction is on disk. */
  detached(chains: readonly number[]): void;
  /** Frees the space of detached chains, a little at a time. */
  sweep(): Promise<void>;
  readonly index: ChainIndex;
  close(): void;
}

export interface JournalOptions {
  readonly sqlite: DatabaseSync;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: SelfMetrics;
  readonly commitMilliseconds?: number;
  /** Beyond it the oldest chains go. */
  readonly maximumBytes: number;
  /** A group of this size is on disk. */
  readonly grown?: (bytes: number) => void;
  readonly checkRoom: CheckRoom;
}

interface Group {
  readonly entries: { readonly writer: Writer; readonly entry: ChainEntry }[];
  readonly known: Set<string>;
  frames: number;
  bytes: number;
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

interface Writer {
  readonly chains: ChainWriter;
  /** The chain its frames go to, once it is on disk. */
  chain: number;
}

const defaultCommitMilliseconds = 100;
/** A group of this size doesn't wait for its time. */
const groupFrames = 1000;
const groupBytes = 4 * 1024 * 1024;
/** Origins whose last frame is remembered; one that is forgotten begins a new chain. */
const maximumWriters = 20_000;

export function createJournal(options: JournalOptions): Journal {
  const { sqlite, clock, log } = options;
  const stored = options.metrics.counter(history.framesStored);
  const dropped = options.metrics.counter(history.framesDropped);
  // A counter that is born at 1 shows no increase, so each is there from the start.
  for (const reason of ["disk_full", "write_failed", "journal_full"])
    dropped.increase({ reason }, 0);
  const seconds = options.metrics.histogram(history.commitSeconds);
  const index = createChainIndex(sqlite);
  const received = createReceived(sqlite);
  options.metrics.gauge(history.journalBytes, () => index.bytes);
  const writers = new Map<string, Writer>();
  const insert = createInserts(sqlite, index);
  let group: Group | null = null;
  let timer: Timer | null = null;
  let isFailing = false;

  /** Late frames have a writer of their own, so that they don't break the chain of the live ones. */
  function writerFor(key: string, frame: Frame): Writer {
    const live = writers.get(key);
    const sameBoot = live?.chains.boot === frame.schema.origin.boot;
    const isLate =
      live !== undefined &&
      (sameBoot
        ? frame.sequence <= live.chains.lastSequence
        : timeSpan(frame).newest <= live.chains.newest);
    const name = isLate ? `${key} late` : key;
    const writer = writers.get(name) ?? { chains: createChainWriter(), chain: 0 };
    writers.delete(name);
    writers.set(name, writer);
    const [oldest] = writers.keys();
    if (writers.size > maximumWriters && oldest !== undefined) writers.delete(oldest);
    return writer;
  }

  function isKnown(key: string, boot: string, sequence: number): boolean {
    return received.holds(key, boot, sequence) || index.holds(key, boot, sequence);
  }

  function commit(): void {
    timer?.cancel();
    timer = null;
    const committing = group;
    group = null;
    if (!committing) return;
    const began = clock.monotonic();
    try {
      options.checkRoom();
      const done = transact(sqlite, () => committing.entries.map((entry) => insert.entry(entry)));
      for (const apply of done) apply();
      if (isFailing) log.info("frames are written to history again");
      isFailing = false;
      stored.increase({}, committing.frames);
      options.grown?.(committing.bytes);
      committing.resolve();
    } catch (thrown) {
      for (const { writer } of committing.entries) writer.chains.restart({ lost: true });
      insert.forgetSchemas();
      const reason = isDiskFull(thrown) ? "disk_full" : "write_failed";
      dropped.increase({ reason }, committing.frames);
      // Ten times a second it would be the same; the counter goes on.
      if (!isFailing)
        log.error(`frames can't be written to history, and are dropped: ${describeError(thrown)}`);
      isFailing = true;
      committing.reject(thrown);
    }
    seconds.observe({}, (clock.monotonic() - began) / 1000);
    if (index.bytes > options.maximumBytes) dropOldest();
  }

  function dropOldest(): void {
    const chains: number[] = [];
    let bytes = 0;
    let frames = 0;
    for (const [id, chain] of index.all()) {
      if (index.bytes - bytes <= options.maximumBytes * 0.95) break;
      chains.push(id);
      ({ bytes, frames } = { bytes: bytes + chain.bytes, frames: frames + chain.frames });
    }
    try {
      transact(sqlite, () => detach(chains));
      detached(chains);
      dropped.increase({ reason: "journal_full" }, frames);
      log.error(
        "the journal of history is full, so its oldest frames were dropped: see why compaction fails",
      );
      void sweep();
    } catch (thrown) {
      log.error(`the journal of history can't be cut back: ${describeError(thrown)}`);
    }
  }

  function seal(): void {
    commit();
    for (const writer of writers.values()) writer.chains.restart({ lost: false });
  }

  function detach(chains: readonly number[]): void {
    received.note(chains, clock.now());
    const drop = sqlite.prepare("DELETE FROM chain WHERE id = ?");
    for (const chain of chains) drop.run(chain);
    sqlite.exec("DELETE FROM schema WHERE id NOT IN (SELECT schema FROM chain)");
  }

  function detached(chains: readonly number[]): void {
    const gone = new Set(chains);
    for (const writer of writers.values())
      if (gone.has(writer.chain)) writer.chains.restart({ lost: false });
    index.remove(chains);
    insert.forgetSchemas();
  }

  let sweeping: Promise<void> | null = null;
  function sweep(): Promise<void> {
    sweeping ??= sweepAll(sqlite, index, log).finally(() => (sweeping = null));
    return sweeping;
  }

  return {
    index,
    flush: commit,
    seal,
    detach,
    detached,
    sweep,
    append(frame) {
      const { job, instance, boot } = frame.schema.origin;
      const key = `${job}/${instance}`;
      const name = `${key} ${boot} ${frame.sequence}`;
      if (group?.known.has(name) === true) return group.promise;
      const last = writers.get(key)?.chains;
      const isNext = last?.boot === boot && frame.sequence > last.lastSequence;
      if (!isNext && isKnown(key, boot, frame.sequence)) return Promise.resolve();
      const writer = writerFor(key, frame);
      const open = (group ??= createGroup());
      open.known.add(name);
      open.frames += 1;
      for (const entry of writer.chains.write(frame, clock.now())) {
        open.entries.push({ writer, entry });
        open.bytes += entry.frame.body.length;
      }
      const { promise } = open;
      if (open.frames >= groupFrames || open.bytes >= groupBytes) commit();
      else timer ??= clock.after(options.commitMilliseconds ?? defaultCommitMilliseconds, commit);
      return promise;
    },
    close: commit,
  };
}

function createGroup(): Group {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // What fails is counted and logged; a sender who waits still sees it.
  promise.catch(() => undefined);
  return { entries: [], known: new Set(), frames: 0, bytes: 0, promise, resolve, reject };
}

/** Inserts within a transaction; what they return makes the insert known once that transaction is on disk. */
function createInserts(sqlite: DatabaseSync, index: ChainIndex) {
  let schemas = new WeakMap<Schema, number>();
  const addSchema = sqlite.prepare("INSERT INTO schema (body) VALUES (?)");
  const addChain = sqlite.prepare(
    "INSERT INTO chain (schema, job, instance, boot, hour, series, repeated, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
  );
  const addFrame = sqlite.prepare(
    "INSERT INTO frame (chain, sequence, oldest, newest, bytes, closing, body, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
  );
  return {
    forgetSchemas() {
      schemas = new WeakMap();
    },
    entry({ writer, entry }: Group["entries"][number]): () => void {
      const { start, frame } = entry;
      if (start) {
        const { schema, origin } = start;
        let id = schemas.get(schema);
        if (id === undefined) {
          id = Number(addSchema.run(start.schemaBody).lastInsertRowid);
          schemas.set(schema, id);
        }
        const { job, instance, boot } = origin;
        const groups = JSON.stringify(start.repeated);
        const series = schema.series.length;
        const sum = chainChecksum(start.schemaBody, origin, series, groups);
        writer.chain = Number(
          addChain.run(id, job, instance, boot, start.hour, series, groups, sum).lastInsertRowid,
        );
      }
      const { chain } = writer;
      const { sequence, oldest, newest, body } = frame;
      const closing = frame.closing ? 1 : 0;
      const sum = frameChecksum(chain, frame, body);
      addFrame.run(chain, sequence, oldest, newest, body.length, closing, body, sum);
      return () => {
        if (start) index.begin(chain, start.origin, start.hour, start.schema.series.length);
        index.add(chain, oldest, newest, body.length);
      };
    },
  };
}

async function sweepAll(sqlite: DatabaseSync, index: ChainIndex, log: Log): Promise<void> {
  const drop = sqlite.prepare("DELETE FROM frame WHERE chain = ?");
  for (let chain = index.takeGarbage(); chain !== null; chain = index.takeGarbage()) {
    const id = chain;
    try {
      transact(sqlite, () => drop.run(id));
    } catch (thrown) {
      log.warn(`space of history's journal can't be freed now: ${describeError(thrown)}`);
      index.returnGarbage(id);
      return;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}
