/** The journal: frames are committed in groups and only then acknowledged; what it holds is known without reading it. */
import type { DatabaseSync } from "node:sqlite";
import { history } from "../../core/catalog/index.ts";
import type { Clock, Timer } from "../../core/kit/clock.ts";
import { describeError } from "../../core/kit/errors.ts";
import type { Log } from "../../core/kit/log.ts";
import type { SelfMetrics } from "../../core/kit/self-metrics.ts";
import { encodeSchemaMessage } from "../../core/wire/frame-codec.ts";
import type { Frame, Schema } from "../../core/wire/frame.ts";
import { chainChecksum, frameChecksum, messageChecksum } from "./checksum.ts";
import {
  openContents,
  openListing,
  type ContentsTable,
  type ListedFrame,
  type Listing,
} from "./chain-contents.ts";
import { createChainIndex, type ChainIndex } from "./chain-index.ts";
import {
  createChainWriter,
  timeSpan,
  type ChainEntry,
  type ChainStart,
  type ChainWriter,
} from "./chain-writer.ts";
import { isDiskFull, transact } from "./database.ts";
import { createReceived } from "./received.ts";
import type { CheckRoom } from "./room.ts";

export interface Journal {
  /** Resolves when the frame is on disk, rejects when it isn't and won't be. A caller may leave the promise alone. */
  append(frame: Frame): Promise<void>;
  /** Commits what waits, now. */
  flush(): void;
  /** No chain that is there now grows any more, and what each holds is on disk. Throws STATE_UNUSABLE. */
  seal(): void;
  /** Takes the chains out of sight within the caller's transaction; `sweep` frees their space in time. */
  detach(chains: readonly number[]): void;
  /** The caller's transaction is on disk. */
  detached(chains: readonly number[]): void;
  /** Frees the space of what was written before any chain that is still there, a little at a time. */
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
  /** The chain its frames go to, once it is on disk; 0 while there is none. */
  chain: number;
}

interface StoredSchema {
  readonly id: number;
  readonly checksum: number;
}

const defaultCommitMilliseconds = 100;
/** A group of this size doesn't wait for its time. */
const groupFrames = 1000;
const groupBytes = 4 * 1024 * 1024;
/** As many are deleted at a stretch. */
const sweptFrames = 256;
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
  const received = createReceived(sqlite, (chain) => index.sequencesOf(chain));
  options.metrics.gauge(history.journalBytes, () => index.bytes);
  const writers = new Map<string, Writer>();
  const contents = openContents(sqlite);
  const listing = openListing(sqlite);
  const insert = createInserts(sqlite, index, contents, listing);
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
      const apply = transact(sqlite, () => insert.all(committing.entries));
      apply();
      if (isFailing) log.info("frames are written to history again");
      isFailing = false;
      stored.increase({}, committing.frames);
      options.grown?.(committing.bytes);
      committing.resolve();
    } catch (thrown) {
      for (const { writer } of committing.entries) {
        writer.chains.restart({ lost: true });
        // The number that it was given may become another's.
        writer.chain = 0;
      }
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
    transact(sqlite, () => {
      for (const [chain, held] of index.all())
        if (held.places) contents.save(chain, held, held.places);
      listing.clear();
    });
    for (const [chain] of index.all()) index.saved(chain);
  }

  function detach(chains: readonly number[]): void {
    received.note(chains, clock.now());
    const drop = sqlite.prepare("DELETE FROM chain WHERE id = ?");
    for (const chain of chains) {
      drop.run(chain);
      contents.remove(chain);
    }
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

/** Inserts within a transaction; what they return makes the inserts known once that transaction is on disk. */
function createInserts(
  sqlite: DatabaseSync,
  index: ChainIndex,
  contents: ContentsTable,
  listing: Listing,
) {
  let schemas = new WeakMap<Schema, StoredSchema>();
  const addSchema = sqlite.prepare("INSERT INTO schema (body) VALUES (?)");
  const addChain = sqlite.prepare(
    "INSERT INTO chain (schema, job, instance, boot, hour, series, repeated, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
  );
  const addFrame = sqlite.prepare(
    "INSERT INTO frame (id, chain, sequence, oldest, newest, bytes, closing, body, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
  );
  /** Chains that another took the place of, whose last frames are on disk. */
  const ended = new Set<number>();

  function storeSchema(schema: Schema): StoredSchema {
    const message = encodeSchemaMessage(schema);
    const id = Number(addSchema.run(message).lastInsertRowid);
    return { id, checksum: messageChecksum(message) };
  }

  function startChain(start: ChainStart): number {
    const { schema, origin } = start;
    const known = schemas.get(schema) ?? storeSchema(schema);
    schemas.set(schema, known);
    const { job, instance, boot } = origin;
    const groups = JSON.stringify(start.repeated);
    const series = schema.series.length;
    const sum = chainChecksum(known.checksum, origin, series, groups);
    return Number(
      addChain.run(known.id, job, instance, boot, start.hour, series, groups, sum).lastInsertRowid,
    );
  }

  /** Once they are there, nothing of it needs to be held in memory. */
  function saveEnded(): number[] {
    const chains = [...ended];
    for (const chain of chains) {
      const held = index.get(chain);
      if (held?.places) contents.save(chain, held, held.places);
    }
    return chains;
  }

  return {
    forgetSchemas() {
      schemas = new WeakMap();
    },
    all(entries: Group["entries"]): () => void {
      const first = index.nextPlace;
      const listed: ListedFrame[] = [];
      const starts = new Map<number, ChainStart>();
      const endedNow: number[] = [];
      const saved = saveEnded();
      for (const { writer, entry } of entries) {
        const { start, frame } = entry;
        if (start) {
          if (writer.chain > 0) endedNow.push(writer.chain);
          writer.chain = startChain(start);
          starts.set(writer.chain, start);
        }
        const { chain } = writer;
        const { sequence, oldest, newest, closing, body } = frame;
        const bytes = body.length;
        const place = first + listed.length;
        const sum = frameChecksum(chain, frame, body);
        addFrame.run(place, chain, sequence, oldest, newest, bytes, closing ? 1 : 0, body, sum);
        listed.push({ chain, sequence, oldest, newest, bytes, closing });
      }
      listing.add(first, listed);
      return () => {
        for (const chain of saved) {
          index.saved(chain);
          ended.delete(chain);
        }
        for (const [chain, { origin, hour, schema }] of starts)
          index.begin(chain, origin, hour, schema.series.length);
        for (const frame of listed) index.add(frame);
        for (const chain of endedNow) ended.add(chain);
      };
    },
  };
}

async function sweepAll(sqlite: DatabaseSync, index: ChainIndex, log: Log): Promise<void> {
  const oldest = sqlite.prepare("SELECT MIN(id) AS first FROM frame");
  const drop = sqlite.prepare("DELETE FROM frame WHERE id < ?");
  for (;;) {
    const first = Number(oldest.get()?.["first"] ?? Infinity);
    const end = Math.min(first + sweptFrames, index.firstPlace);
    if (!(first < end)) return;
    try {
      transact(sqlite, () => drop.run(end));
    } catch (thrown) {
      log.warn(`space of history's journal can't be freed now: ${describeError(thrown)}`);
      return;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}
