/** The one binary's entry: picks the subcommand, parses its flags, runs it, and turns whatever goes wrong into one sentence. */
import { createEnv } from "../core/kit/env.ts";
import { describeError, WarpwatchError } from "../core/kit/errors.ts";
import { version } from "../core/kit/version.ts";
import { commands, type CommandEntry } from "./commands.ts";
import { nearest } from "../core/kit/nearest.ts";
import { parseLine } from "./flags.ts";
import { commandText, overviewText } from "./help.ts";
import { underSignals } from "./process.ts";
import { createTerminal, type Terminal } from "./terminal.ts";

const exitFailed = 1;
const exitUsage = 2;

/** Sets the process's exit code; never throws. */
export async function main(args: readonly string[]): Promise<void> {
  const env = createEnv();
  const { stdout: output, stderr: errors } = process;
  const terminal = createTerminal({ output, errors, variables: env.variables });
  try {
    process.exitCode = await dispatch(args, terminal);
  } catch (thrown) {
    terminal.complain(`warpwatch: ${describeError(thrown)}`);
    const isUsage = thrown instanceof WarpwatchError && thrown.code === "FLAG_INVALID";
    process.exitCode = isUsage ? exitUsage : exitFailed;
  }
}

async function dispatch(args: readonly string[], terminal: Terminal): Promise<number> {
  const [name = "help", ...rest] = args;
  if (name === "--version" || name === "-v" || name === "version") {
    terminal.print(version);
    return 0;
  }
  if (name === "help" || name === "--help" || name === "-h") {
    const wanted = rest[0];
    terminal.print(
      wanted === undefined
        ? overviewText(commands, version, terminal)
        : await commandHelp(wanted, terminal),
    );
    return 0;
  }
  const command = await findCommand(name).load();
  const { flags, operands, wantsHelp } = parseLine(rest, command.flags);
  if (wantsHelp) {
    terminal.print(commandText(name, command, terminal));
    return 0;
  }
  if (operands.length > 0 && command.operands === "")
    throw new WarpwatchError("FLAG_INVALID", `${operands[0]}: ${name} takes flags only`);
  return underSignals(terminal, command.reloads === true, (signal) =>
    command.run({ flags, operands, env: createEnv(), terminal, signal }),
  );
}

async function commandHelp(name: string, terminal: Terminal): Promise<string> {
  return commandText(name, await findCommand(name).load(), terminal);
}

function findCommand(name: string): CommandEntry {
  const found = commands.find((command) => command.name === name);
  if (found) return found;
  const meant = nearest(
    name,
    commands.map((command) => command.name),
  );
  const suggestion = meant === null ? "" : `; did you mean ${meant}?`;
  throw new WarpwatchError("FLAG_INVALID", `${name}: there is no such command${suggestion}`);
}
