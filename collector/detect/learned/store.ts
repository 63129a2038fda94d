/** Files that keep what detectors learned: each replaced as a whole, so that a crash leaves the one before. */
import { readFileSync } from "node:fs";
import { mkdir, open, rename } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { syncFolder } from "../../../core/kit/durable.ts";
import { systemCode } from "../../../core/kit/errors.ts";

export interface SnapshotStore {
  /** Null when there is none. Throws when there is one that can't be read. */
  load(name: string): Uint8Array | "damaged" | null;
  /** On disk when it resolves. */
  save(name: string, bytes: Uint8Array): Promise<void>;
}

/** CRC-32 of what is before it. */
const checksumBytes = 4;

export function createSnapshotStore(folder: string): SnapshotStore {
  const fileOf = (name: string): string => join(folder, `${name}.snapshot`);
  return {
    load(name) {
      try {
        const bytes = readFileSync(fileOf(name));
        const end = bytes.length - checksumBytes;
        const isWhole = end >= 0 && bytes.readUInt32LE(end) === crc32(bytes.subarray(0, end));
        return isWhole ? bytes.subarray(0, end) : "damaged";
      } catch (thrown) {
        if (systemCode(thrown) === "ENOENT") return null;
        throw thrown;
      }
    },
    async save(name, bytes) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const unfinished = `${fileOf(name)}.unfinished`;
      const file = await open(unfinished, "w", 0o600);
      try {
        const checksum = Buffer.alloc(checksumBytes);
        checksum.writeUInt32LE(crc32(bytes));
        await file.writeFile(bytes);
        await file.writeFile(checksum);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(unfinished, fileOf(name));
      syncFolder(folder);
    },
  };
}
