/** The audit log of a collector that isn't running: its state file, opened for reading only. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describeError, WarpwatchError } from "../../core/kit/errors.ts";
import type { AuditReader } from "./audit.ts";
import type { AuditKey } from "./audit-key.ts";
import { createAuditReader } from "./audit-reader.ts";

interface AuditFile extends AuditReader {
  readonly file: string;
  close(): void;
}

const sqliteBusy = 5;

/** Null where a collector has the file: it answers for it. Throws STATE_UNUSABLE where there is none or it can't be read. */
export function openAuditFile(folder: string, keys: readonly AuditKey[]): AuditFile | null {
  const file = join(folder, "collector", "state.db");
  if (!existsSync(file))
    throw new WarpwatchError("STATE_UNUSABLE", `${file} isn't there: no collector ran here`);
  let sqlite: DatabaseSync | undefined;
  try {
    sqlite = new DatabaseSync(file, { readOnly: true });
    const open = sqlite;
    return { ...createAuditReader(open, keys), file, close: () => open.close() };
  } catch (cause) {
    sqlite?.close();
    if (isBusy(cause)) return null;
    throw new WarpwatchError("STATE_UNUSABLE", `${file} can't be read: ${describeError(cause)}`, {
      cause,
    });
  }
}

function isBusy(thrown: unknown): boolean {
  return (
    typeof thrown === "object" &&
    thrown !== null &&
    "errcode" in thrown &&
    (Number(thrown.errcode) & 0xff) === sqliteBusy
  );
}
