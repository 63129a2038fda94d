/** Keys of the audit log's chain: whoever has the state file and not the key can't write a chain that verifies. */
import { createHmac, hash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { systemCode, WarpwatchError } from "../../core/kit/errors.ts";

export interface AuditKey {
  /** Tells keys apart and gives none away. */
  readonly id: string;
  /** HMAC-SHA-256. */
  sign(bytes: Uint8Array): Buffer;
}

const maximumKeys = 10;

/**
 * One key a line, of 32 characters or more: the first is the one that is written with, the others are former ones. None for
 * an empty path. Throws CONFIG_UNREADABLE, and CONFIG_INVALID_VALUE for a file that won't do.
 */
export function readAuditKeys(file: string): AuditKey[] {
  if (file === "") return [];
  const lines = read(file)
    .split(/\r?\n/)
    .filter((line) => line.trim() !== "");
  if (lines.length === 0 || lines.length > maximumKeys)
    throw unusable(file, `must have 1 to ${maximumKeys} keys, one a line`);
  return lines.map((line, index) => {
    if (!/^[\w+/=.-]{32,512}$/.test(line))
      throw unusable(
        file,
        `line ${index + 1} is no key: it takes 32 to 512 letters, digits or +/=._-, as \`openssl rand -hex 32\` makes them`,
      );
    return makeAuditKey(line);
  });
}

export function makeAuditKey(text: string): AuditKey {
  const key = Buffer.from(text);
  return {
    id: hash("sha256", `warpwatch audit key\n${text}`).slice(0, 16),
    sign: (bytes) => createHmac("sha256", key).update(bytes).digest(),
  };
}

function read(file: string): string {
  try {
    const { mode } = statSync(file);
    if ((mode & 0o007) === 0) return readFileSync(file, "utf8");
  } catch (cause) {
    throw unusable(file, `can't be read (${systemCode(cause) || "unknown reason"})`, cause);
  }
  throw unusable(file, "can be read by other users: set its mode to 600, or 640 for a group");
}

function unusable(file: string, sentence: string, cause?: unknown): WarpwatchError {
  const code = cause === undefined ? "CONFIG_INVALID_VALUE" : "CONFIG_UNREADABLE";
  return new WarpwatchError(code, `the audit log's key file ${file} ${sentence}`, { cause });
}
