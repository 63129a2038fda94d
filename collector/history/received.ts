/**
 * Which frames the journal held that have left it for Parquet files: what an agent sends again after hours is known by
 * its origin, boot and sequence, and not kept twice.
 */
import type { DatabaseSync } from "node:sqlite";
import { textChecksum } from "./checksum.ts";
import { createSequenceRanges, type SequenceRanges } from "../sequence-ranges.ts";

export interface Received {
  holds(key: string, boot: string, sequence: number): boolean;
  /** Within the transaction that takes the chains out of the journal. */
  note(chains: readonly number[], nowMilliseconds: number): void;
}

/** No agent's spool reaches further back. */
const keptMilliseconds = 8 * 86_400_000;
/** Boots of origins. */
const maximumBoots = 50_000;

/** `sequencesOf`: what the origin sent of a chain that is in the journal. */
export function createReceived(
  sqlite: DatabaseSync,
  sequencesOf: (chain: number) => Iterable<readonly [first: number, last: number]>,
): Received {
  const known = new Map<string, SequenceRanges>();
  for (const row of sqlite.prepare("SELECT * FROM received").iterate()) {
    const [origin, boot, ranges] = [row["origin"], row["boot"], row["ranges"]].map(String) as Texts;
    const isSound =
      row["checksum"] === null || row["checksum"] === checksumOf(origin, boot, ranges);
    // Without it a frame may be kept twice, which is better than one that is taken for kept and isn't.
    if (isSound)
      known.set(
        nameOf(origin, boot),
        createSequenceRanges(JSON.parse(ranges) as [number, number][]),
      );
  }
  const originOf = sqlite.prepare("SELECT job, instance, boot FROM chain WHERE id = ?");
  const save = sqlite.prepare(
    "INSERT OR REPLACE INTO received (origin, boot, ranges, noted, checksum) VALUES (?, ?, ?, ?, ?)",
  );

  function noteChain(chain: number, ranges: SequenceRanges): void {
    for (const [first, last] of sequencesOf(chain)) ranges.add(first, last);
  }

  function forgetOld(nowMilliseconds: number): void {
    const gone = sqlite
      .prepare("DELETE FROM received WHERE noted < ? RETURNING origin, boot")
      .all(nowMilliseconds - keptMilliseconds);
    const over = sqlite
      .prepare(
        "DELETE FROM received WHERE rowid IN (SELECT rowid FROM received ORDER BY noted DESC LIMIT -1 OFFSET ?) RETURNING origin, boot",
      )
      .all(maximumBoots);
    for (const row of [...gone, ...over])
      known.delete(nameOf(String(row["origin"]), String(row["boot"])));
  }

  return {
    holds: (key, boot, sequence) => known.get(nameOf(key, boot))?.has(sequence) ?? false,
    note(chains, nowMilliseconds) {
      const touched = new Map<string, { origin: string; boot: string }>();
      for (const chain of chains) {
        const row = originOf.get(chain);
        if (!row) continue;
        const origin = `${String(row["job"])}/${String(row["instance"])}`;
        const boot = String(row["boot"]);
        const name = nameOf(origin, boot);
        const ranges = known.get(name) ?? createSequenceRanges();
        known.set(name, ranges);
        noteChain(chain, ranges);
        touched.set(name, { origin, boot });
      }
      for (const [name, { origin, boot }] of touched) {
        const ranges = JSON.stringify(known.get(name)?.list() ?? []);
        save.run(origin, boot, ranges, nowMilliseconds, checksumOf(origin, boot, ranges));
      }
      forgetOld(nowMilliseconds);
    },
  };
}

function nameOf(origin: string, boot: string): string {
  return `${origin} ${boot}`;
}

type Texts = [string, string, string];

function checksumOf(...texts: Texts): number {
  return textChecksum(JSON.stringify(texts));
}
