/** `warpwatch check`: reads configuration files as the processes would and names every mistake by file, line and key. */
import { loadPlace } from "../agent/place.ts";
import { cautionsAbout, loadCollectorConfig } from "../collector/config.ts";
import { fleetFileSchema } from "../collector/fleet/file.ts";
import { targetGroupsSchema } from "../collector/ingest/scrape/file-discovery.ts";
import { ConfigError, formatIssue, loadConfigFile, type ConfigIssue } from "../core/kit/config.ts";
import { WarpwatchError } from "../core/kit/errors.ts";
import { loadScenario } from "../simulator/script.ts";
import type { Command, FlagTable } from "./command.ts";

interface Kind {
  readonly title: string;
  /** Reads the file and says in a few words what is in it. Throws ConfigError. */
  read(file: string): string;
  /** What is no mistake and should be said. */
  cautions?(file: string): readonly ConfigIssue[];
}

const kinds: Readonly<Record<string, Kind>> = {
  collector: {
    title: "collector configuration",
    read: readCollector,
    cautions: cautionsAbout,
  },
  place: {
    title: "place of a node",
    read: (file) => `rack ${loadPlace(file).rack || "not given"}`,
  },
  fleet: {
    title: "fleet file",
    read: (file) => count(loadConfigFile(file, fleetFileSchema).nodes.length, "node"),
  },
  targets: {
    title: "target file",
    read: (file) => {
      const groups = loadConfigFile(file, targetGroupsSchema);
      return count(
        groups.reduce((sum, group) => sum + group.targets.length, 0),
        "target",
      );
    },
  },
  scenario: {
    title: "fault script",
    read: (file) => count(loadScenario(file).faults.length, "fault"),
  },
};

const names = Object.keys(kinds);

const flags = {
  as: {
    type: "string",
    default: "collector",
    value: "kind",
    help: `What the files are: ${names.join(", ")}.`,
  },
} as const satisfies FlagTable;

export const checkCommand: Command = {
  operands: "<file>...",
  description:
    "Reads each file as the processes would and prints every mistake as file:line: key: what is wrong. " +
    "Files that a collector configuration names are checked with it, and what is valid there and has no effect is a caution. Exits with 1 when there was a mistake.",
  flags,
  async run({ flags: given, operands, terminal }) {
    const name = typeof given["as"] === "string" ? given["as"] : flags.as.default;
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined;
    if (!kind)
      throw new WarpwatchError("FLAG_INVALID", `--as: "${name}" is not one of ${names.join(", ")}`);
    if (operands.length === 0) throw new WarpwatchError("FLAG_INVALID", "check needs a file");
    let mistakes = 0;
    for (const file of operands) {
      const found = attempt(() => {
        const content = kind.read(file);
        terminal.print(`${file}: ${terminal.paint("good", "good")}, ${kind.title}: ${content}`);
        for (const caution of kind.cautions?.(file) ?? [])
          terminal.print(`${terminal.paint("caution", "caution")}: ${formatIssue(caution)}`);
      });
      for (const issue of found) terminal.print(formatIssue(issue));
      mistakes += found.length;
    }
    if (mistakes > 0) terminal.complain(count(mistakes, "mistake"));
    return mistakes > 0 ? 1 : 0;
  },
};

function readCollector(file: string): string {
  const config = loadCollectorConfig(file);
  const named = [
    ...(config.fleet.file === "" ? [] : [{ path: config.fleet.file, kind: kinds["fleet"] }]),
    ...config.scrape.flatMap((job) =>
      job.files
        .filter((path) => !path.includes("*"))
        .map((path) => ({ path, kind: kinds["targets"] })),
    ),
  ];
  const issues = named.flatMap(({ path, kind }) => attempt(() => void kind?.read(path)));
  if (issues.length > 0) throw new ConfigError(issues);
  return [
    count(config.rules.length, "rule"),
    count(config.scrape.length, "scrape job"),
    count(config.notifiers.length, "notifier"),
  ].join(", ");
}

/** The mistakes that the call throws. */
function attempt(call: () => void): readonly ConfigIssue[] {
  try {
    call();
    return [];
  } catch (thrown) {
    if (thrown instanceof ConfigError) return thrown.issues;
    throw thrown;
  }
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
