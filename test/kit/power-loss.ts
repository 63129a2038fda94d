/**
 * What a loss of power may leave of a folder: what was synced before it is there; of the rest some is, in any order, down to
 * sectors of 512 bytes. Names follow one of two rules: `ordered`, as a journaling file system keeps them (ext4), in the order
 * in which they were made; `strict`, as POSIX promises, each on its own unless its folder was synced.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { Random } from "./random.ts";
import type { StorageEntry, StorageRecord } from "./storage-record.ts";

export interface PowerLoss {
  /** Entries that came before it. */
  readonly cut: number;
  readonly names: "ordered" | "strict";
  /** How much of what wasn't synced is there. */
  readonly writes: "none" | "all" | "some" | "sectors";
}

type Change = {
  readonly index: number;
  readonly offset: number;
  /** null: the file was cut or extended to `offset`. */
  readonly data: Buffer | null;
};

interface File {
  readonly changes: Change[];
  /** Changes before this entry are on disk. */
  syncedBefore: number;
}

interface NameChange {
  readonly index: number;
  /** The name that now stands for the file; null: it is gone. */
  readonly path: string;
  readonly file: File | "folder" | null;
}

interface History {
  readonly names: readonly NameChange[];
  /** Per folder: name changes in it before this entry are on disk. */
  readonly syncedFolders: ReadonlyMap<string, number>;
  /** Before this entry all names are on disk where they keep their order. */
  readonly orderedBefore: number;
}

const sectorBytes = 512;

/** Writes the folder, as it may be found afterwards, to `target`. */
export function buildPowerLoss(
  record: StorageRecord,
  folder: string,
  target: string,
  loss: PowerLoss,
  random: Random,
): void {
  const history = readHistory(record.entries.slice(0, loss.cut));
  const tree = namesAfter(history, folder, loss, random);
  mkdirSync(target, { recursive: true, mode: 0o700 });
  for (const [path, file] of tree) {
    const place = join(target, relative(folder, path));
    if (file === "folder") mkdirSync(place, { recursive: true, mode: 0o700 });
    // SQLite's shared memory: it means nothing after a restart of the machine.
    else if (!path.endsWith("-shm"))
      writeFileSync(place, contentOf(file, loss.writes, random), { mode: 0o600 });
  }
}

function readHistory(entries: readonly StorageEntry[]): History {
  const names: NameChange[] = [];
  const current = new Map<string, File | "folder">();
  const byInode = new Map<number, File>();
  const syncing = new Map<number, number[]>();
  const syncedFolders = new Map<string, number>();
  let orderedBefore = 0;

  function name(index: number, path: string, file: NameChange["file"]): void {
    names.push({ index, path, file });
    if (file === null) current.delete(path);
    else current.set(path, file);
  }

  function sync(inode: number, path: string): void {
    const before = syncing.get(inode)?.shift();
    if (before === undefined) return;
    const file = byInode.get(inode);
    if (current.get(path) === "folder" || !file) {
      syncedFolders.set(path, Math.max(before, syncedFolders.get(path) ?? 0));
      orderedBefore = Math.max(orderedBefore, before);
      return;
    }
    // The first sync of a new file takes the journal with it.
    if (file.syncedBefore === 0) orderedBefore = Math.max(orderedBefore, before);
    file.syncedBefore = Math.max(file.syncedBefore, before);
  }

  entries.forEach((entry, index) => {
    if (entry.kind === "note") return;
    if (entry.kind === "created") {
      const file: File = { changes: [], syncedBefore: 0 };
      byInode.set(entry.inode, file);
      name(index, entry.path, file);
    } else if (entry.kind === "written")
      byInode.get(entry.inode)?.changes.push({ index, offset: entry.offset, data: entry.data });
    else if (entry.kind === "truncated")
      byInode.get(entry.inode)?.changes.push({ index, offset: entry.length, data: null });
    else if (entry.kind === "sync begun")
      syncing.set(entry.inode, [...(syncing.get(entry.inode) ?? []), index]);
    else if (entry.kind === "sync ended") sync(entry.inode, entry.path);
    else if (entry.kind === "folder made") {
      // A folder may get the number that a file had.
      name(index, entry.path, "folder");
    } else if (entry.kind === "unlinked" || entry.kind === "folder removed")
      name(index, entry.path, null);
    else if (entry.kind === "renamed" || entry.kind === "linked") {
      const moved = current.get(entry.path) ?? null;
      name(index, entry.to, moved);
      if (entry.kind === "renamed") name(index, entry.path, null);
    }
  });
  return { names, syncedFolders, orderedBefore };
}

/** Folders before what is in them. */
function namesAfter(
  { names, syncedFolders, orderedBefore }: History,
  folder: string,
  loss: PowerLoss,
  random: Random,
): [string, File | "folder"][] {
  const tree = new Map<string, File | "folder">([[folder, "folder"]]);
  const last = names.at(-1)?.index ?? 0;
  const end =
    loss.writes === "all"
      ? Infinity
      : Math.max(orderedBefore, random.between(orderedBefore, last + 2));
  for (const { index, path, file } of names) {
    const isSynced = index < (syncedFolders.get(dirname(path)) ?? 0);
    const isKept = loss.names === "ordered" ? index < end : coin(loss.writes, random);
    if (!isSynced && !isKept) continue;
    if (file === null) tree.delete(path);
    else tree.set(path, file);
  }
  const isThere = (path: string): boolean =>
    path === folder || (tree.get(dirname(path)) === "folder" && isThere(dirname(path)));
  return [...tree]
    .filter(([path]) => isThere(path))
    .toSorted(([one], [other]) => one.length - other.length);
}

function coin(writes: PowerLoss["writes"], random: Random): boolean {
  if (writes === "none") return false;
  return writes === "all" || random.below(2) === 0;
}

function contentOf(file: File, writes: PowerLoss["writes"], random: Random): Buffer {
  let content = Buffer.alloc(0);
  const write = (offset: number, data: Buffer): void => {
    if (offset + data.length > content.length)
      content = Buffer.concat([content, Buffer.alloc(offset + data.length - content.length)]);
    data.copy(content, offset);
  };
  for (const { index, offset, data } of file.changes) {
    const isSynced = index < file.syncedBefore;
    if (data === null) {
      if (!isSynced && !coin(writes, random)) continue;
      const grown = Buffer.alloc(Math.max(0, offset - content.length));
      content = Buffer.concat([content.subarray(0, offset), grown]);
    } else if (isSynced || writes === "all") write(offset, data);
    else if (writes === "some" && random.below(2) === 0) write(offset, data);
    else if (writes === "sectors") writeSectors(offset, data, write, random);
  }
  return content;
}

function writeSectors(
  offset: number,
  data: Buffer,
  write: (offset: number, data: Buffer) => void,
  random: Random,
): void {
  for (let at = 0; at < data.length;) {
    const end = Math.min(data.length, at + sectorBytes - ((offset + at) % sectorBytes));
    if (random.below(2) === 0) write(offset + at, data.subarray(at, end));
    at = end;
  }
}
