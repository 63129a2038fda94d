/** What a process is doing and since when it has been that process: /proc/<pid>/stat, as proc(5) has it. */
import { closeSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";

export interface ProcessState {
  readonly command: string;
  /** A letter: R, S, D, Z … */
  readonly letter: string;
  /** Clock ticks after boot at which it began: with the number it is unique. */
  readonly startedAt: string;
}

/** A command has 15 bytes at most, and what is needed stands in the first 22 of 52 fields. */
const buffer = Buffer.allocUnsafeSlow(1024);
/** Counted from behind the command: state, parent, … start time. */
const startField = 19;

/** Null where the process has gone or may not be looked at. */
export function readProcessState(procfs: string, process: string): ProcessState | null {
  const length = readInto(join(procfs, process, "stat"));
  const text = buffer.toString("utf8", 0, length);
  // The command may hold blanks and parentheses.
  const close = text.lastIndexOf(")");
  const open = text.indexOf("(");
  if (open === -1 || close < open) return null;
  const fields = text.slice(close + 2).split(" ");
  const [letter = ""] = fields;
  const startedAt = fields[startField];
  if (startedAt === undefined) return null;
  return { command: text.slice(open + 1, close), letter, startedAt };
}

/** The numbers of all processes there are, as names of their folders. */
export function listProcesses(procfs: string): string[] {
  return readdirSync(procfs).filter((name) => /^\d+$/.test(name));
}

function readInto(path: string): number {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch {
    return 0;
  }
  try {
    return readSync(descriptor, buffer, 0, buffer.length, 0);
  } catch {
    return 0;
  } finally {
    closeSync(descriptor);
  }
}
