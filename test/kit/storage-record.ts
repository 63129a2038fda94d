/** Reads what the storage shim wrote down (test/standins/storage/storage.h), and adds notes of the test's own to it. */
import { appendFileSync, readFileSync } from "node:fs";

export type StorageEntry =
  | { readonly kind: "created"; readonly inode: number; readonly path: string }
  | {
      readonly kind: "written";
      readonly inode: number;
      readonly path: string;
      readonly offset: number;
      readonly data: Buffer;
    }
  | {
      readonly kind: "truncated";
      readonly inode: number;
      readonly path: string;
      readonly length: number;
    }
  | {
      readonly kind: "sync begun" | "sync ended";
      readonly inode: number;
      readonly path: string;
    }
  | { readonly kind: "renamed" | "linked"; readonly path: string; readonly to: string }
  | { readonly kind: "unlinked" | "folder made" | "folder removed"; readonly path: string }
  | { readonly kind: "note"; readonly text: string };

export interface StorageRecord {
  readonly entries: readonly StorageEntry[];
  /** Unix milliseconds of each. */
  readonly times: readonly number[];
}

const magic = 0x53_54_4f_52;
const headBytes = 48;
const noteKind = 100;

/** One record head with a text instead of a path; whoever appends it says that it has just come to know this. */
export function noteInRecord(file: string, text: string): void {
  const bytes = Buffer.from(text);
  const head = Buffer.alloc(headBytes);
  head.writeUInt32LE(magic, 0);
  head.writeUInt32LE(noteKind, 4);
  head.writeBigUInt64LE(BigInt(Date.now()), 32);
  head.writeUInt32LE(bytes.length, 40);
  appendFileSync(file, Buffer.concat([head, bytes]));
}

export function readStorageRecord(file: string): StorageRecord {
  const bytes = readFileSync(file);
  const entries: StorageEntry[] = [];
  const times: number[] = [];
  for (let at = 0; at < bytes.length;) {
    if (bytes.readUInt32LE(at) !== magic) throw new Error(`the record is damaged at ${at}`);
    const operation = bytes.readUInt32LE(at + 4);
    const [inode = 0, offset = 0, length = 0, time = 0] = [8, 16, 24, 32].map((field) =>
      Number(bytes.readBigUInt64LE(at + field)),
    );
    const pathEnd = at + headBytes + bytes.readUInt32LE(at + 40);
    const secondEnd = pathEnd + bytes.readUInt32LE(at + 44);
    const path = bytes.toString("utf8", at + headBytes, pathEnd);
    const to = bytes.toString("utf8", pathEnd, secondEnd);
    const hasData = operation === 2;
    const data = bytes.subarray(secondEnd, secondEnd + (hasData ? length : 0));
    entries.push(entryOf(operation, { inode, offset, path, to, data }));
    times.push(time);
    at = secondEnd + data.length;
  }
  return { entries, times };
}

interface Fields {
  readonly inode: number;
  readonly offset: number;
  readonly path: string;
  readonly to: string;
  readonly data: Buffer;
}

function entryOf(operation: number, { inode, offset, path, to, data }: Fields): StorageEntry {
  if (operation === noteKind) return { kind: "note", text: path };
  if (operation === 1) return { kind: "created", inode, path };
  if (operation === 2) return { kind: "written", inode, path, offset, data };
  if (operation === 3) return { kind: "truncated", inode, path, length: offset };
  if (operation === 4) return { kind: "sync begun", inode, path };
  if (operation === 5) return { kind: "sync ended", inode, path };
  if (operation === 6) return { kind: "renamed", path, to };
  if (operation === 7) return { kind: "linked", path, to };
  const names = { 8: "unlinked", 9: "folder made", 10: "folder removed" } as const;
  if (operation === 8 || operation === 9 || operation === 10)
    return { kind: names[operation], path };
  throw new Error(`the record holds an unknown operation ${operation}`);
}
