/** What the journal holds, in memory: the chains with their origin, time and size; read from the database's index at start. */
import type { DatabaseSync } from "node:sqlite";
import type { Origin } from "../../core/wire/frame.ts";

export interface ChainInfo {
  readonly key: string;
  readonly boot: string;
  /** Unix time in hours at which the chain began to be written. */
  readonly hour: number;
  readonly series: number;
  /** Unix milliseconds. */
  oldest: number;
  newest: number;
  frames: number;
  bytes: number;
}

export interface ChainIndex {
  /** Of all chains. */
  readonly bytes: number;
  /** Oldest first. */
  all(): IterableIterator<[number, ChainInfo]>;
  holds(key: string, boot: string, sequence: number): boolean;
  begin(chain: number, origin: Origin, hour: number, series: number): void;
  add(chain: number, oldest: number, newest: number, bytes: number): void;
  remove(chains: readonly number[]): void;
  /** A removed chain whose frames still take space. */
  takeGarbage(): number | null;
  returnGarbage(chain: number): void;
}

/** What a frame takes in the database beside its body: its columns, and its place in the index. */
const frameRowBytes = 96;

export function createChainIndex(sqlite: DatabaseSync): ChainIndex {
  const chains = new Map<number, ChainInfo>();
  const byOrigin = new Map<string, Set<number>>();
  const garbage: number[] = [];
  let bytes = 0;

  function put(chain: number, info: ChainInfo): void {
    chains.set(chain, info);
    let known = byOrigin.get(info.key);
    if (!known) byOrigin.set(info.key, (known = new Set()));
    known.add(chain);
    bytes += info.bytes;
  }

  for (const row of sqlite.prepare(contents).iterate()) {
    const chain = Number(row["chain"]);
    if (row["hour"] === null) garbage.push(chain);
    else
      put(chain, {
        key: `${String(row["job"])}/${String(row["instance"])}`,
        boot: String(row["boot"]),
        hour: Number(row["hour"]),
        series: Number(row["series"]),
        oldest: Number(row["oldest"]),
        newest: Number(row["newest"]),
        frames: Number(row["frames"]),
        bytes: Number(row["bytes"]) + Number(row["frames"]) * frameRowBytes,
      });
  }
  const find = sqlite.prepare(
    "SELECT 1 FROM frame WHERE chain = ? AND sequence = ? AND closing = 0",
  );

  return {
    get bytes() {
      return bytes;
    },
    all: () => chains.entries(),
    holds(key, boot, sequence) {
      for (const chain of byOrigin.get(key) ?? [])
        if (chains.get(chain)?.boot === boot && find.get(chain, sequence) !== undefined)
          return true;
      return false;
    },
    begin(chain, { job, instance, boot }, hour, series) {
      const key = `${job}/${instance}`;
      put(chain, { key, boot, hour, series, oldest: Infinity, newest: 0, frames: 0, bytes: 0 });
    },
    add(chain, oldest, newest, size) {
      const info = chains.get(chain);
      if (!info) return;
      info.oldest = Math.min(info.oldest, oldest);
      info.newest = Math.max(info.newest, newest);
      info.frames += 1;
      info.bytes += size + frameRowBytes;
      bytes += size + frameRowBytes;
    },
    remove(gone) {
      for (const chain of gone) {
        const info = chains.get(chain);
        if (!info) continue;
        bytes -= info.bytes;
        chains.delete(chain);
        garbage.push(chain);
        const known = byOrigin.get(info.key);
        known?.delete(chain);
        if (known?.size === 0) byOrigin.delete(info.key);
      }
    },
    takeGarbage: () => garbage.pop() ?? null,
    returnGarbage: (chain) => void garbage.push(chain),
  };
}

/** Answered from the index `frame_by_chain` alone. */
const contents = `
  SELECT f.chain, c.job, c.instance, c.boot, c.hour, c.series, f.oldest, f.newest, f.frames, f.bytes
  FROM (SELECT chain, MIN(oldest) AS oldest, MAX(newest) AS newest, COUNT(*) AS frames, SUM(bytes) AS bytes
        FROM frame GROUP BY chain) f
  LEFT JOIN chain c ON c.id = f.chain
  ORDER BY f.chain`;
