/** The contract of a subcommand: what the command line says of it, and how it runs. */
import type { FlagValues } from "../agent/config.ts";
import type { Flag } from "../agent/flags.ts";
import type { Env } from "../core/kit/env.ts";
import type { Terminal } from "./terminal.ts";

/** What a command accepts; its help and docs/flags.md are written from it. */
export type FlagTable = Readonly<Record<string, Flag>>;

export interface Invocation {
  /** Only the flags that were given: what stands in for the others is the command's to say. */
  readonly flags: FlagValues;
  readonly operands: readonly string[];
  readonly env: Env;
  readonly terminal: Terminal;
  /** Aborts when the user or the system wants the process to end. */
  readonly signal: AbortSignal;
}

export interface Command {
  /** What may stand after the flags: `<file>...`; empty when nothing may. */
  readonly operands: string;
  /** A paragraph for the command's own help. */
  readonly description: string;
  readonly flags: FlagTable;
  /** SIGHUP asks it to reload rather than to end. */
  readonly reloads?: boolean;
  /** Resolves to the exit code once everything it started has stopped. */
  run(invocation: Invocation): Promise<number>;
}
