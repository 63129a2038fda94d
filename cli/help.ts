/** Help texts, written from the tables of commands and flags. */
import type { Flag } from "../agent/flags.ts";
import type { Command } from "./command.ts";
import type { CommandEntry } from "./commands.ts";
import { row, wrap, type Terminal } from "./terminal.ts";

/** Longer ones don't fit a line of a terminal. */
const longestDefault = 60;
/** Of the words under a heading. */
const indent = "  ";

export function overviewText(
  commands: readonly CommandEntry[],
  version: string,
  terminal: Terminal,
): string {
  const labelColumns = Math.max(...commands.map(({ name }) => name.length));
  const { columns } = terminal;
  return [
    `${terminal.paint("strong", "warpwatch")} ${version}: measures GPU nodes, judges what it sees, and tells you before it breaks`,
    "",
    "Usage: warpwatch <command> [flags]",
    "",
    ...commands.map(({ name, summary }) =>
      row(name, summary, {
        labelColumns,
        columns,
        paintLabel: (label) => terminal.paint("strong", label),
      }),
    ),
    "",
    "warpwatch help <command> lists a command's flags; warpwatch --version prints the version.",
  ].join("\n");
}

export function commandText(name: string, command: Command, terminal: Terminal): string {
  const { columns } = terminal;
  const entries = Object.entries(command.flags);
  const labelColumns = Math.min(
    40,
    Math.max(0, ...entries.map(([flagName, flag]) => labelOf(flagName, flag).length)),
  );
  const operands = command.operands === "" ? "" : ` ${command.operands}`;
  const lines = [
    `Usage: warpwatch ${name}${entries.length > 0 ? " [flags]" : ""}${operands}`,
    "",
    ...wrap(command.description, columns),
  ];
  for (const group of new Set(entries.map(([, flag]) => flag.group))) {
    const members = entries.filter(([, flag]) => flag.group === group);
    lines.push("", `${group ?? "Flags"}:`);
    for (const [flagName, flag] of members)
      if (flag.word === undefined)
        lines.push(
          row(labelOf(flagName, flag), helpOf(flag), {
            labelColumns,
            columns,
            paintLabel: (label) => terminal.paint("strong", label),
          }),
        );
    const words = members.flatMap(([, { word }]) => (word ? [word] : []));
    if (words.length > 0)
      lines.push(...wrap(words.join(", "), columns - indent.length).map((line) => indent + line));
  }
  return lines.join("\n");
}

function labelOf(name: string, flag: Flag): string {
  if (flag.type === "boolean") return `--${name}`;
  return flag.bare === undefined ? `--${name}=<${flag.value}>` : `--${name}[=<${flag.value}>]`;
}

function helpOf(flag: Flag): string {
  const repeated = flag.multiple === true ? " May be given more than once." : "";
  if (flag.bare !== undefined) return `${flag.help} Without a value: ${flag.bare}.`;
  if (flag.default === undefined || flag.default === "") return flag.help + repeated;
  const standIn =
    flag.default.length > longestDefault
      ? " Default: see docs/flags.md."
      : ` Default: ${flag.default}.`;
  return `${flag.help}${repeated}${standIn}`;
}
