/** Files that keep what detectors learned: each replaced as a whole, so that a crash leaves the one before. */
import { readFileSync } from "node:fs";
import { mkdir, open, rename } from "node:fs/promises";
import { join } from "node:path";
import { syncFolder } from "../../../core/kit/durable.ts";
import { systemCode } from "../../../core/kit/errors.ts";

export interface SnapshotStore {
  /** Null when there is none. Throws when there is one that can't be read. */
  load(name: string): Uint8Array | null;
  /** On disk when it resolves. */
  save(name: string, bytes: Uint8Array): Promise<void>;
}

export function createSnapshotStore(folder: string): SnapshotStore {
  const fileOf = (name: string): string => join(folder, `${name}.snapshot`);
  return {
    load(name) {
      try {
        return readFileSync(fileOf(name));
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
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(unfinished, fileOf(name));
      syncFolder(folder);
    },
  };
}
