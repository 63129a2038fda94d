/**
 * The reserve: disk space that is set aside while there is some, and given back when the disk is full, so that alerts and
 * what is to be told of them can still be written. Its bytes are random, since a file system may store others in no space.
 */
import { randomFillSync } from "node:crypto";
import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";

export interface Reserve {
  readonly isThere: boolean;
  /** False when there was none to give back. */
  release(): boolean;
  /** Sets it aside again where that leaves room for as much; whether it is there. */
  restore(): boolean;
}

export const reserveName = "reserve";
const defaultReserveBytes = 16 * 1024 * 1024;
const chunkBytes = 1024 * 1024;

export function createReserve(folder: string, bytes = defaultReserveBytes): Reserve {
  const file = join(folder, reserveName);
  let isThere = sizeOf(file) === bytes || make(file, bytes);

  return {
    get isThere() {
      return isThere;
    },
    release() {
      if (!isThere) return false;
      isThere = false;
      rmSync(file, { force: true });
      return true;
    },
    restore() {
      isThere ||= make(file, bytes);
      return isThere;
    },
  };
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function make(file: string, bytes: number): boolean {
  try {
    rmSync(file, { force: true });
    const { bavail, bsize } = statfsSync(dirname(file));
    if (bavail * bsize < 2 * bytes) return false;
    const descriptor = openSync(file, "wx", 0o600);
    try {
      const chunk = randomFillSync(Buffer.alloc(Math.min(chunkBytes, bytes)));
      for (let left = bytes; left > 0; left -= chunk.length)
        writeSync(descriptor, chunk, 0, Math.min(chunk.length, left));
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    return true;
  } catch {
    // Without it alerts are kept in memory when the disk is full, and that is told.
    rmSync(file, { force: true });
    return false;
  }
}
