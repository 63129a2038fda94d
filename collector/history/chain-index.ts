/** What the journal holds, in memory: the chains with their origin, time and size; read at start without the frames' bodies. */
import type { DatabaseSync } from "node:sqlite";
import type { Origin } from "../../core/wire/frame.ts";
import {
  addFrame,
  emptyContents,
  openContents,
  openListing,
  type ChainContents,
  type ListedFrame,
} from "./chain-contents.ts";

export interface ChainInfo extends Readonly<ChainContents> {
  readonly key: string;
  readonly boot: string;
  /** Unix time in hours at which the chain began to be written. */
  readonly hour: number;
  readonly series: number;
  /** Rows of its frames, to which more may be added; null once they are in the database. */
  readonly places: readonly number[] | null;
}

export interface ChainIndex {
  /** Of all chains. */
  readonly bytes: number;
  /** The row of the next frame. */
  readonly nextPlace: number;
  /** No frame in a row before this one is part of a chain. */
  readonly firstPlace: number;
  /** Oldest first. */
  all(): IterableIterator<[number, ChainInfo]>;
  get(chain: number): ChainInfo | undefined;
  holds(key: string, boot: string, sequence: number): boolean;
  /** What the origin sent of it, as ranges. */
  sequencesOf(chain: number): Iterable<readonly [first: number, last: number]>;
  begin(chain: number, origin: Origin, hour: number, series: number): void;
  /** It is in the row `nextPlace`. */
  add(frame: ListedFrame): void;
  /** Its contents are in the database, and no frame of it follows. */
  saved(chain: number): void;
  remove(chains: readonly number[]): void;
}

interface Entry extends ChainContents, Pick<ChainInfo, "key" | "boot" | "hour" | "series"> {
  /** Infinity while it has no frame. */
  firstPlace: number;
  places: number[] | null;
}

export function createChainIndex(sqlite: DatabaseSync): ChainIndex {
  const chains = readChains(sqlite);
  const saved = openContents(sqlite);
  const byOrigin = new Map<string, Set<number>>();
  let bytes = 0;
  let nextPlace = findNextPlace(sqlite);
  for (const [chain, entry] of chains) {
    note(chain, entry);
    bytes += entry.bytes;
  }
  const sequenceAt = sqlite.prepare("SELECT sequence, closing FROM frame WHERE id = ?");

  function note(chain: number, { key }: Entry): void {
    const known = byOrigin.get(key);
    if (known) known.add(chain);
    else byOrigin.set(key, new Set([chain]));
  }

  function placesOf(chain: number, { places }: Entry): readonly number[] {
    return places ?? saved.load(chain)?.places ?? [];
  }

  function* sequencesOf(chain: number): Generator<readonly [first: number, last: number]> {
    const entry = chains.get(chain) ?? emptyEntry;
    if (isUnbroken(entry)) yield [entry.firstSequence, entry.lastSequence];
    else
      for (const place of placesOf(chain, entry)) {
        const row = sequenceAt.get(place);
        const sequence = Number(row?.["sequence"]);
        if (row?.["closing"] === 0) yield [sequence, sequence];
      }
  }

  /** Sequences rise within a chain. */
  function sends(chain: number, boot: string, sequence: number): boolean {
    const entry = chains.get(chain) ?? emptyEntry;
    if (entry.boot !== boot) return false;
    if (sequence < entry.firstSequence || sequence > entry.lastSequence) return false;
    if (isUnbroken(entry)) return true;
    const places = placesOf(chain, entry);
    let [low, high] = [0, places.length - 1];
    while (low <= high) {
      const middle = (low + high) >> 1;
      const row = sequenceAt.get(places[middle] ?? 0);
      const found = Number(row?.["sequence"]);
      if (found === sequence) return row?.["closing"] === 0;
      if (found < sequence) low = middle + 1;
      else high = middle - 1;
    }
    return false;
  }

  return {
    get bytes() {
      return bytes;
    },
    get nextPlace() {
      return nextPlace;
    },
    get firstPlace() {
      // Chains and their first frames are written in the same order.
      for (const { firstPlace } of chains.values()) if (firstPlace < nextPlace) return firstPlace;
      return nextPlace;
    },
    all: () => chains.entries(),
    get: (chain) => chains.get(chain),
    holds(key, boot, sequence) {
      for (const chain of byOrigin.get(key) ?? []) if (sends(chain, boot, sequence)) return true;
      return false;
    },
    sequencesOf,
    begin(chain, { job, instance, boot }, hour, series) {
      const entry = newEntry({ key: `${job}/${instance}`, boot, hour, series });
      chains.set(chain, entry);
      note(chain, entry);
    },
    add(frame) {
      const entry = chains.get(frame.chain);
      if (entry) {
        bytes -= entry.bytes;
        place(entry, nextPlace, frame);
        bytes += entry.bytes;
      }
      nextPlace += 1;
    },
    saved(chain) {
      const entry = chains.get(chain);
      if (entry) entry.places = null;
    },
    remove(gone) {
      for (const chain of gone) {
        const entry = chains.get(chain);
        if (!entry) continue;
        bytes -= entry.bytes;
        chains.delete(chain);
        const known = byOrigin.get(entry.key);
        known?.delete(chain);
        if (known?.size === 0) byOrigin.delete(entry.key);
      }
    },
  };
}

function newEntry(info: Pick<ChainInfo, "key" | "boot" | "hour" | "series">): Entry {
  return { ...info, ...emptyContents(), firstPlace: Infinity, places: [] };
}

const emptyEntry = newEntry({ key: "", boot: "", hour: 0, series: 0 });

function place(entry: Entry, row: number, frame: ListedFrame): void {
  addFrame(entry, frame);
  entry.firstPlace = Math.min(entry.firstPlace, row);
  entry.places?.push(row);
}

/** Nothing is missing between its first and its last. */
function isUnbroken({ firstSequence, lastSequence, sent }: ChainContents): boolean {
  return lastSequence - firstSequence + 1 === sent;
}

/** Also behind rows that are gone and still listed. */
function findNextPlace(sqlite: DatabaseSync): number {
  const row = sqlite.prepare("SELECT MAX(id) AS last FROM frame").get();
  return Math.max(Number(row?.["last"] ?? 0) + 1, openListing(sqlite).end());
}

/** By their number, rising. */
function readChains(sqlite: DatabaseSync): Map<number, Entry> {
  const chains = new Map<number, Entry>();
  const open = new Map<number, Entry>();
  const contents = openContents(sqlite);
  const rows = sqlite.prepare(
    "SELECT id, job, instance, boot, hour, series FROM chain ORDER BY id",
  );
  for (const row of rows.iterate()) {
    const chain = Number(row["id"]);
    const entry = newEntry({
      key: `${String(row["job"])}/${String(row["instance"])}`,
      boot: String(row["boot"]),
      hour: Number(row["hour"]),
      series: Number(row["series"]),
    });
    const known = contents.load(chain);
    if (known) {
      const [firstPlace = Infinity] = known.places;
      Object.assign(entry, known.contents, { firstPlace, places: null });
    } else open.set(chain, entry);
    chains.set(chain, entry);
  }
  if (open.size > 0) fillOpen(sqlite, open);
  return chains;
}

/** From what the commits listed; where that is damaged, or an earlier version wrote none, from the frames themselves. */
function fillOpen(sqlite: DatabaseSync, open: ReadonlyMap<number, Entry>): void {
  const isSound = openListing(sqlite).read((row, frame) => {
    const entry = open.get(frame.chain);
    if (entry) place(entry, row, frame);
  });
  if (isSound && [...open.values()].every(({ frames }) => frames > 0)) return;
  for (const entry of open.values())
    Object.assign(entry, emptyContents(), { firstPlace: Infinity, places: [] });
  const rows = sqlite.prepare(
    "SELECT id, chain, sequence, oldest, newest, bytes, closing FROM frame ORDER BY id",
  );
  for (const row of rows.iterate()) {
    const chain = Number(row["chain"]);
    const entry = open.get(chain);
    if (!entry) continue;
    place(entry, Number(row["id"]), {
      chain,
      sequence: Number(row["sequence"]),
      oldest: Number(row["oldest"]),
      newest: Number(row["newest"]),
      bytes: Number(row["bytes"]),
      closing: row["closing"] === 1,
    });
  }
}
