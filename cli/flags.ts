/** The command line: flags from a table through `node:util`'s parseArgs, and mistakes as one clear sentence. */
import { parseArgs } from "node:util";
import type { FlagValues } from "../agent/config.ts";
import { WarpwatchError } from "../core/kit/errors.ts";
import { nearest } from "../core/kit/nearest.ts";
import type { FlagTable } from "./command.ts";

export interface ParsedLine {
  readonly flags: FlagValues;
  readonly operands: readonly string[];
  readonly wantsHelp: boolean;
}

/** Throws FLAG_INVALID with the flag's name; suggests the nearest flag for one that doesn't exist. */
export function parseLine(args: readonly string[], table: FlagTable): ParsedLine {
  const options = Object.fromEntries(
    Object.entries(table).map(([name, flag]) => [
      name,
      { type: flag.type, multiple: flag.multiple ?? false },
    ]),
  );
  const { values, positionals, tokens } = parseArgs({
    args: args.map((word) => withBareValue(word, table)),
    options: { ...options, help: { type: "boolean", short: "h" } },
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const { help, ...flags } = values;
  if (help === true) return { flags: {}, operands: [], wantsHelp: true };
  for (const token of tokens) {
    if (token.kind !== "option" || token.name === "help") continue;
    const flag = Object.hasOwn(table, token.name) ? table[token.name] : undefined;
    if (!flag) throw unknownFlag(token.rawName, Object.keys(table));
    if (flag.type === "boolean" && token.value !== undefined)
      throw new WarpwatchError("FLAG_INVALID", `--${token.name}: takes no value`);
    if (flag.type === "string" && token.value === undefined)
      throw new WarpwatchError("FLAG_INVALID", `--${token.name}: needs a value, ${flag.value}`);
  }
  return { flags, operands: positionals, wantsHelp: false };
}

/** `--name` for `--name=value` where the flag has a value of its own for that. */
function withBareValue(word: string, table: FlagTable): string {
  const name = word.startsWith("--") ? word.slice(2) : "";
  const bare = Object.hasOwn(table, name) ? table[name]?.bare : undefined;
  return bare === undefined ? word : `${word}=${bare}`;
}

function unknownFlag(rawName: string, known: readonly string[]): WarpwatchError {
  const meant = nearest(rawName.replace(/^-+/, ""), known);
  const suggestion = meant === null ? "" : `; did you mean --${meant}?`;
  return new WarpwatchError("FLAG_INVALID", `${rawName}: there is no such flag${suggestion}`);
}
