/**
 * What a chain holds, without its frames' bodies: where they are in the journal's table, and what they span. It is kept
 * once per chain, when no frame is added any more; until then each commit lists the frames that it brought. Both only say
 * what the frames' own rows say too.
 */
import type { DatabaseSync } from "node:sqlite";
import { numbersChecksum } from "./checksum.ts";

export interface ChainContents {
  /** Unix milliseconds. */
  oldest: number;
  newest: number;
  frames: number;
  /** What they take in the database. */
  bytes: number;
  /** What the origin sent: sequences, and how many frames. */
  firstSequence: number;
  lastSequence: number;
  sent: number;
}

/** One frame as a commit lists it. */
export interface ListedFrame {
  readonly chain: number;
  readonly sequence: number;
  readonly oldest: number;
  readonly newest: number;
  readonly bytes: number;
  readonly closing: boolean;
}

/** What a frame takes in the database beside its body: its columns, and its place in the lists. */
const frameRowBytes = 96;
/** Numbers before the places, and per listed frame. */
const headNumbers = 7;
const listedNumbers = 6;
const nothing = new Float64Array(0);

export function emptyContents(): ChainContents {
  return {
    oldest: Infinity,
    newest: 0,
    frames: 0,
    bytes: 0,
    firstSequence: Infinity,
    lastSequence: -Infinity,
    sent: 0,
  };
}

export function addFrame(contents: ChainContents, frame: ListedFrame): void {
  contents.oldest = Math.min(contents.oldest, frame.oldest);
  contents.newest = Math.max(contents.newest, frame.newest);
  contents.frames += 1;
  contents.bytes += frame.bytes + frameRowBytes;
  if (frame.closing) return;
  contents.firstSequence = Math.min(contents.firstSequence, frame.sequence);
  contents.lastSequence = Math.max(contents.lastSequence, frame.sequence);
  contents.sent += 1;
}

export interface ContentsTable {
  /** Within the caller's transaction. `places`: the row numbers of the frames, rising. */
  save(chain: number, contents: Readonly<ChainContents>, places: readonly number[]): void;
  /** Null where there is none or it is damaged. */
  load(chain: number): { contents: ChainContents; places: number[] } | null;
  remove(chain: number): void;
}

export function openContents(sqlite: DatabaseSync): ContentsTable {
  const save = sqlite.prepare(
    "INSERT OR REPLACE INTO contents (chain, body, checksum) VALUES (?, ?, ?)",
  );
  const load = sqlite.prepare("SELECT body, checksum FROM contents WHERE chain = ?");
  const remove = sqlite.prepare("DELETE FROM contents WHERE chain = ?");
  return {
    save(chain, contents, places) {
      const { oldest, newest, frames, bytes, firstSequence, lastSequence, sent } = contents;
      const head = [oldest, newest, frames, bytes, firstSequence, lastSequence, sent];
      const numbers = Float64Array.of(...head, ...places);
      save.run(chain, bytesOf(numbers), numbersChecksum(chain, numbers));
    },
    load(chain) {
      const row = load.get(chain);
      const numbers = row ? soundNumbers(chain, row["body"], row["checksum"]) : null;
      if (!numbers) return null;
      const [oldest, newest, frames, bytes, firstSequence, lastSequence, sent] =
        numbers as unknown as Head;
      const contents = { oldest, newest, frames, bytes, firstSequence, lastSequence, sent };
      return { contents, places: [...numbers.subarray(headNumbers)] };
    },
    remove: (chain) => void remove.run(chain),
  };
}

type Head = [number, number, number, number, number, number, number];

export interface Listing {
  /** Within the caller's transaction: the frames of one commit, in rows from `first` on. */
  add(first: number, frames: readonly ListedFrame[]): void;
  /** Hands on each frame with its row number; false when a part of the listing is damaged. */
  read(visit: (place: number, frame: ListedFrame) => void): boolean;
  /** The row behind the last that is listed. */
  end(): number;
  clear(): void;
}

export function openListing(sqlite: DatabaseSync): Listing {
  const add = sqlite.prepare("INSERT INTO listing (first, body, checksum) VALUES (?, ?, ?)");
  const all = sqlite.prepare("SELECT first, body, checksum FROM listing ORDER BY first");
  const newest = sqlite.prepare(
    "SELECT first, octet_length(body) AS bytes FROM listing ORDER BY first DESC LIMIT 1",
  );
  const clear = sqlite.prepare("DELETE FROM listing");

  return {
    add(first, frames) {
      const numbers = new Float64Array(frames.length * listedNumbers);
      frames.forEach(({ chain, sequence, oldest, newest, bytes, closing }, index) => {
        const at = index * listedNumbers;
        numbers[at] = chain;
        numbers[at + 1] = sequence;
        numbers[at + 2] = oldest;
        numbers[at + 3] = newest;
        numbers[at + 4] = bytes;
        numbers[at + 5] = closing ? 1 : 0;
      });
      add.run(first, bytesOf(numbers), numbersChecksum(first, numbers));
    },
    read(visit) {
      let isSound = true;
      for (const row of all.iterate()) {
        const first = Number(row["first"]);
        const sound = soundNumbers(first, row["body"], row["checksum"]);
        isSound &&= sound !== null;
        const numbers = sound ?? nothing;
        for (let at = 0; at < numbers.length; at += listedNumbers)
          visit(first + at / listedNumbers, {
            chain: numbers[at]!,
            sequence: numbers[at + 1]!,
            oldest: numbers[at + 2]!,
            newest: numbers[at + 3]!,
            bytes: numbers[at + 4]!,
            closing: numbers[at + 5] === 1,
          });
      }
      return isSound;
    },
    end() {
      const row = newest.get();
      return row ? Number(row["first"]) + Math.ceil(Number(row["bytes"]) / listedNumbers / 8) : 0;
    },
    clear: () => void clear.run(),
  };
}

function bytesOf(numbers: Float64Array): Uint8Array {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}

/** Null where the checksum says that they were damaged on disk. */
function soundNumbers(owner: number, body: unknown, checksum: unknown): Float64Array | null {
  const bytes = body as Uint8Array;
  if (bytes.length % 8 !== 0) return null;
  // A copy, as SQLite's bytes needn't begin where a number may.
  const numbers = new Float64Array(Uint8Array.from(bytes).buffer);
  return numbersChecksum(owner, numbers) === checksum ? numbers : null;
}
