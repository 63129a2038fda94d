/** Files and folders that outlive a loss of power: fsync(2) makes a file's content safe, and that of its folder its name. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { systemCode } from "./errors.ts";

/** What lately got or lost its name in the folder keeps to that. */
export function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Makes the folder and those above it that are missing. The last one's name is made safe even where it is there already:
 * whoever made it may have been killed before. A parent that we may not read is left to the system.
 *
 * Node's own recursive way never ends where a parent is there and takes no folder, as /proc: it tries again for ever.
 */
export function makeFolder(folder: string, mode: number): void {
  const parent = dirname(folder);
  if (parent !== folder && !existsSync(parent)) makeFolder(parent, mode);
  try {
    mkdirSync(folder, { mode });
  } catch (thrown) {
    if (systemCode(thrown) !== "EEXIST") throw thrown;
  }
  try {
    syncFolder(parent);
  } catch (thrown) {
    if (!["EACCES", "EPERM", "EINVAL"].includes(systemCode(thrown))) throw thrown;
  }
}

/** Makes a file that is whole from the moment it is there. Throws with the code EEXIST where there is one. */
export function createFile(file: string, content: string, mode: number): void {
  const unfinished = join(dirname(file), `.unfinished-${process.pid}`);
  try {
    writeFileSync(unfinished, content, { mode, flush: true });
    linkSync(unfinished, file);
  } finally {
    rmSync(unfinished, { force: true });
  }
  syncFolder(dirname(file));
}
