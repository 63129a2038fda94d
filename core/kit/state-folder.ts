/** The state folder: what a process keeps between starts, readable by its own user only; and the local token in it. */
import { randomBytes } from "node:crypto";
import { chmodSync, lstatSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { createFile, makeFolder } from "./durable.ts";
import { systemCode, WarpwatchError } from "./errors.ts";

export interface LocalToken {
  readonly token: string;
  readonly file: string;
  /** Made by this call. Logs name the file, never the token: they are kept and sent elsewhere. */
  readonly created: boolean;
}

const ownerOnlyFolder = 0o700;
const ownerOnlyFile = 0o600;
const tokenName = "token";

/**
 * Makes the folder, for its owner only whatever the umask. One that is there and open to others is closed to them if it
 * is empty or was used before; otherwise it isn't ours to close, and is refused. Throws STATE_UNUSABLE.
 */
export function prepareStateFolder(folder: string): void {
  try {
    makeFolder(folder, ownerOnlyFolder);
    const found = statSync(folder);
    if (!found.isDirectory()) throw unusable(folder, "is not a folder");
    if (found.uid !== process.getuid?.()) throw unusable(folder, "belongs to another user");
    if ((found.mode & 0o077) === 0) return;
    const names = readdirSync(folder);
    if (names.length > 0 && !names.includes(tokenName))
      throw unusable(
        folder,
        "is open to other users and holds other files: choose a folder of its own",
      );
    chmodSync(folder, ownerOnlyFolder);
  } catch (thrown) {
    if (thrown instanceof WarpwatchError) throw thrown;
    throw unusable(folder, `can't be used (${systemCode(thrown) || "unknown reason"})`, thrown);
  }
}

/** Reads the token, or makes one at the first start. Throws STATE_UNUSABLE. */
export function readLocalToken(folder: string, name = tokenName): LocalToken {
  const file = join(folder, name);
  const token = randomBytes(32).toString("base64url");
  try {
    createFile(file, `${token}\n`, ownerOnlyFile);
    return { token, file, created: true };
  } catch (thrown) {
    if (systemCode(thrown) !== "EEXIST")
      throw unusable(file, `can't be written (${systemCode(thrown)})`, thrown);
  }
  return { token: readExisting(file, 0o077, lstatSync), file, created: false };
}

/**
 * Reads a token that somebody else keeps, as a Kubernetes secret that is mounted: its group may read it, others may not.
 * Throws STATE_UNUSABLE.
 */
export function readTokenFile(file: string): LocalToken {
  return { token: readExisting(file, 0o007, statSync), file, created: false };
}

function readExisting(file: string, closedTo: number, look: typeof lstatSync): string {
  let text: string;
  try {
    const found = look(file);
    if (!found.isFile()) throw unusable(file, "is not a plain file");
    if ((found.mode & closedTo) !== 0)
      throw unusable(
        file,
        "can be read by other users: set its mode to 600, or delete it for a new token",
      );
    text = readFileSync(file, "utf8").trim();
  } catch (thrown) {
    if (thrown instanceof WarpwatchError) throw thrown;
    throw unusable(file, `can't be read (${systemCode(thrown)})`, thrown);
  }
  if (!/^[\w-]{32,512}$/.test(text))
    throw unusable(file, "doesn't hold a token: delete it and a new one is made");
  return text;
}

function unusable(path: string, sentence: string, cause?: unknown): WarpwatchError {
  return new WarpwatchError("STATE_UNUSABLE", `${path} ${sentence}`, { cause });
}
