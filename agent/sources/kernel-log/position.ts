/** How far the kernel log was read, kept over a restart of the agent so that nothing is reported twice and nothing in between is missed. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface LogPosition {
  /** The last record read in this boot; -1 where none is known. */
  readonly sequence: number;
  /** Keeps it, if it has moved. Throws when the folder can't be written. */
  keep(sequence: number): void;
}

/** An empty folder keeps nothing: the log is read from now on. */
export function openPosition(stateFolder: string, procfs: string): LogPosition {
  const path = join(stateFolder, "kernel-log-position");
  const boot = stateFolder === "" ? "" : readText(join(procfs, "sys/kernel/random/boot_id"));
  const [keptBoot, kept = ""] = boot === "" ? [] : readText(path).split(" ");
  const found = boot !== "" && keptBoot === boot && /^\d{1,16}$/.test(kept) ? Number(kept) : -1;
  let last = found;
  return {
    sequence: found,
    keep(sequence) {
      if (boot === "" || sequence <= last) return;
      writeFileSync(`${path}.new`, `${boot} ${sequence}\n`, { mode: 0o600 });
      renameSync(`${path}.new`, path);
      last = sequence;
    },
  };
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return "";
  }
}
