/** The generated pages, as text: what is written from the code is never written by hand. */
import type { Flag } from "../agent/flags.ts";
import { knownSources } from "../agent/sources/all.ts";
import { allRules, optionalRules, shippedRules } from "../alerts/all.ts";
import type { Rule } from "../alerts/rule.ts";
import { commands } from "../cli/commands.ts";
import * as catalogue from "../core/catalog/index.ts";
import type { Metric, MetricFamily } from "../core/catalog/metric.ts";
import { errorTable } from "../core/kit/errors.ts";

type Entry = Metric | MetricFamily;

const generated = "<!-- Written by `npm run generate`; changes made here are lost. -->";

/** Path from the repository's root → text. */
export async function generatedPages(): Promise<ReadonlyMap<string, string>> {
  return new Map([
    ["METRICS.md", metricsPage()],
    ["docs/alerts.md", alertsPage()],
    ["docs/errors.md", errorsPage()],
    ["docs/flags.md", await flagsPage()],
  ]);
}

function metricsPage(): string {
  const sourceOf = new Map<Entry, string[]>();
  for (const source of knownSources())
    for (const metric of source.metrics)
      sourceOf.set(metric, [...(sourceOf.get(metric) ?? []), source.name]);
  // A module's exports come in another order from a bundler than from Node.js.
  const subjects = Object.entries(catalogue).toSorted(([one], [other]) => (one < other ? -1 : 1));
  const sections = subjects.flatMap(([subject, entries]) =>
    typeof entries === "object" ? [subjectSection(subject, Object.values(entries), sourceOf)] : [],
  );
  return `# Metrics

${generated}

Every metric that Warpwatch authors, by subject. Names that begin with \`node_\` are node_exporter's and those that begin
with \`DCGM_FI_\` are dcgm-exporter's, kept as they are; \`warpwatch_\` names follow Prometheus' naming guide.
\`{key}\` in a name stands for a key that the kernel gives.
A class says how often the agent reads it: *fast* every second, *steady* and *slow-kernel* every 15 seconds,
*inventory* every hour; each has a flag. The source is the one that reads it from the machine;
where there is none, one of the two processes counts it itself. *Compatibility* marks what is there
because the original exporter has it.

${sections.join("\n")}`;
}

function subjectSection(
  subject: string,
  values: readonly unknown[],
  sourceOf: ReadonlyMap<Entry, readonly string[]>,
): string {
  const entries = values
    .filter((value): value is Entry => isEntry(value))
    .toSorted((left, right) => (nameOf(left) < nameOf(right) ? -1 : 1));
  if (entries.length === 0) return "";
  const rows = entries.map((entry) => {
    const name = nameOf(entry);
    const known = "name" in entry ? entry : null;
    const labels = known?.labels.map((label) => `\`${label}\``).join(", ") ?? "";
    const unit = known && known.unit !== "none" ? known.unit.replaceAll("_", " ") : "";
    const from = (sourceOf.get(entry) ?? []).join(", ");
    const help = entry.help + (entry.compatibilityOnly ? " *Compatibility.*" : "");
    return `| \`${name}\` | ${known?.kind ?? "family"} | ${unit} | ${labels} | ${entry.sampling} | ${from} | ${cell(help)} |`;
  });
  const title = subject.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return `## ${title[0]?.toUpperCase()}${title.slice(1)}

| name | type | unit | labels | class | source | meaning |
| --- | --- | --- | --- | --- | --- | --- |
${rows.join("\n")}
`;
}

function alertsPage(): string {
  const notJudged = allRules.filter(({ prometheusOnly }) => prometheusOnly !== undefined);
  const reasons = notJudged.map(
    ({ name, prometheusOnly }) => `- \`${name}\`: ${prometheusOnly ?? ""}`,
  );
  return `# Alerts

${generated}

The rules that the collector judges on every frame, each with its runbook. \`critical\` pages a person now, \`warning\`
opens a ticket, \`info\` is kept for a digest. \`docs/configuration.md\` says how to change a threshold, switch a rule off or
on, or add your own; \`docs/alerting.md\` how Prometheus gets the same.

${rulesTable(shippedRules)}
## Off by default

\`rules: { <name>: { enabled: true } }\` switches one on in the collector; Prometheus has them in
\`alerts/yaml/warpwatch-optional.rules.yaml\`.

${rulesTable(optionalRules)}
## In Prometheus only

${reasons.join("\n")}
`;
}

function rulesTable(rules: readonly Rule[]): string {
  const rows = rules.map(({ name, severity, team, forMilliseconds, component, summary }) => {
    const page = `[${name}](../alerts/runbooks/${name}.md)`;
    const wait = forMilliseconds === 0 ? "at once" : `${forMilliseconds / 1000} s`;
    return `| ${page} | ${severity} | ${team} | ${component} | ${wait} | ${cell(summary)} |`;
  });
  return `| alert | severity | team | about | holds for | what it says |
| --- | --- | --- | --- | --- | --- |
${rows.join("\n")}
`;
}

function errorsPage(): string {
  const rows = Object.entries(errorTable).map(
    ([code, remedy]) => `## ${code}\n\n${capital(remedy)}.\n`,
  );
  return `# Errors

${generated}

Every message that Warpwatch ends with says what happened, where, and one of these codes with what to do about it.
The program exits with 2 when its command line was wrong, with 1 when anything else was, and with 0 otherwise.

${rows.join("\n")}`;
}

async function flagsPage(): Promise<string> {
  const sections = await Promise.all(
    commands.map(async (command) => {
      const { name, summary } = command;
      const { flags } = await command.load();
      if (Object.keys(flags).length === 0) return "";
      return `## warpwatch ${name}\n\n${summary}\n\n${flagTable(flags)}\n`;
    }),
  );
  return `# Flags

${generated}

\`warpwatch help <command>\` prints the same. A flag is given as \`--name=value\`; durations are written as \`100ms\`, \`15s\`
or \`1m30s\`.

${sections.join("").trimEnd()}
`;
}

function flagTable(flags: Readonly<Record<string, Flag>>): string {
  const entries = Object.entries(flags);
  const rows = entries.flatMap(([name, flag]) => {
    if (flag.word !== undefined) return [];
    const standIn = flag.default ? `\`${cell(flag.default)}\`` : "";
    const bare = flag.bare === undefined ? "" : ` Without a value: \`${flag.bare}\`.`;
    const repeated = flag.multiple === true ? " May be given more than once." : "";
    const help = flag.help + bare + repeated;
    return [`| \`--${name}\` | ${cell(flag.value)} | ${standIn} | ${cell(help)} |`];
  });
  const table = `| flag | value | default | meaning |\n| --- | --- | --- | --- |\n${rows.join("\n")}\n`;
  return [table, ...wordLists(entries.map(([, flag]) => flag))].join("\n");
}

/** A paragraph for each group of flags that go by a word. */
function wordLists(flags: readonly Flag[]): string[] {
  const groups = new Map<string, string[]>();
  for (const { group = "", word } of flags)
    if (word) groups.set(group, [...(groups.get(group) ?? []), `\`${word}\``]);
  return [...groups].map(([group, words]) => `${cell(group)}: ${words.join(", ")}.\n`);
}

function nameOf(entry: Entry): string {
  return "name" in entry ? entry.name : entry.pattern;
}

function isEntry(value: unknown): value is Entry {
  return typeof value === "object" && value !== null && "help" in value && "sampling" in value;
}

/** Text that can't break out of a table's cell. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
}

function capital(text: string): string {
  return `${text[0]?.toUpperCase() ?? ""}${text.slice(1)}`;
}
