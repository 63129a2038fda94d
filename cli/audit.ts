/** `warpwatch audit`: shows the audit log, or verifies that nobody changed it; from a running collector, or from the state file of one that isn't. */
import { join } from "node:path";
import { defaultStateFolder, type FlagValues } from "../agent/config.ts";
import { parseAuditHead } from "../collector/api/audit.ts";
import { parseMoment } from "../collector/api/time-parameter.ts";
import {
  auditKinds,
  type AuditHead,
  type AuditRecord,
  type AuditVerdict,
} from "../collector/state/audit.ts";
import { readAuditKeys, type AuditKey } from "../collector/state/audit-key.ts";
import { singleLine, WarpwatchError } from "../core/kit/errors.ts";
import {
  openCollectorSource,
  openFileSource,
  type AuditSelection,
  type AuditSource,
} from "./audit-source.ts";
import { textOf } from "./collector.ts";
import type { Command, FlagTable, Invocation } from "./command.ts";
import type { Terminal } from "./terminal.ts";

const defaultUrl = "http://127.0.0.1:9411";
const flags = {
  "state.folder": {
    type: "string",
    default: "",
    value: "folder",
    help: "The collector's state folder: its log, and the token to ask it with while it runs.",
  },
  "collector.url": {
    type: "string",
    default: "",
    value: "url",
    help: `A collector to ask instead; of one that runs here, ${defaultUrl}.`,
  },
  "token.file": {
    type: "string",
    default: "",
    value: "file",
    help: "The collector's token; if not given, the one in the state folder.",
  },
  since: {
    type: "string",
    default: "",
    value: "duration|time",
    help: "show: only what happened since: 1d ago, or 2026-01-31T12:00:00Z.",
  },
  kind: {
    type: "string",
    default: "",
    value: "kind",
    help: `show: only ${auditKinds.join(", ")}.`,
  },
  limit: {
    type: "string",
    default: "100",
    value: "number",
    help: "show: at most so many, the newest; at most 1000.",
  },
  head: {
    type: "string",
    default: "",
    value: "number:hash",
    help: "verify: an entry that was noted elsewhere and must be in the log as it was.",
  },
  "key-file": {
    type: "string",
    default: "",
    value: "file",
    help: "verify: the file that audit.key_file names; the chain must then be under a key of it.",
  },
  json: { type: "boolean", value: "", help: "Print JSON, for programs." },
} as const satisfies FlagTable;

export const auditCommand: Command = {
  operands: "show|verify",
  description:
    "The audit log tells of every alert, notification, silence, acknowledgement and action of the last 90 days; each entry " +
    "carries a hash over the one before it. verify exits with 1 when an entry was changed, moved, taken out or cut off.",
  flags,
  async run(invocation) {
    const { operands, terminal, flags: given } = invocation;
    const [task, ...rest] = operands;
    if ((task !== "show" && task !== "verify") || rest.length > 0)
      throw new WarpwatchError(
        "FLAG_INVALID",
        "say what to do with the log: audit show or audit verify",
      );
    const keys = readAuditKeys(textOf(given, "key-file"));
    const source = openSource(invocation, keys);
    try {
      if (task === "show") {
        const entries = await source.list(readSelection(given, invocation.env.clock.now()));
        show(terminal, entries.toReversed(), given["json"] === true);
        return 0;
      }
      const verdict = await verify(source, readHead(given), keys);
      return report(terminal, source, verdict, given["json"] === true);
    } finally {
      source.close();
    }
  },
};

/** The file where nobody has it open; else its collector, which then runs on this machine. */
function openSource({ flags: given, env }: Invocation, keys: readonly AuditKey[]): AuditSource {
  const folder = textOf(given, "state.folder") || defaultStateFolder(env.variables);
  const url = textOf(given, "collector.url");
  const file = url === "" ? openFileSource(folder, keys) : null;
  const tokenFile = textOf(given, "token.file") || join(folder, "token");
  return file ?? openCollectorSource(url || defaultUrl, tokenFile);
}

function readSelection(given: FlagValues, now: number): AuditSelection {
  const since = textOf(given, "since");
  const sinceMilliseconds = since === "" ? 0 : parseMoment(since, now);
  if (sinceMilliseconds === null)
    throw invalid(
      "since",
      `"${since}" is neither a duration as 1d nor a time as 2026-01-31T12:00:00Z`,
    );
  const kind = textOf(given, "kind");
  if (kind !== "" && !auditKinds.some((known) => known === kind))
    throw invalid("kind", `"${kind}" is not one of ${auditKinds.join(", ")}`);
  const limit = Number(textOf(given, "limit") || flags.limit.default);
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000)
    throw invalid("limit", "must be 1 to 1000");
  return { sinceMilliseconds, kind, limit };
}

function readHead(given: FlagValues): AuditHead | undefined {
  const head = parseAuditHead(textOf(given, "head"));
  if (head === null) throw invalid("head", "must be an entry's number, a colon and its hash");
  return head;
}

function show(terminal: Terminal, entries: readonly AuditRecord[], json: boolean): void {
  if (json) {
    for (const entry of entries) terminal.print(JSON.stringify(entry));
    return;
  }
  for (const { sequence, timeMilliseconds, kind, actor, subject, details } of entries) {
    const facts = Object.entries(details).map(
      ([name, value]) => `${name}=${JSON.stringify(value)}`,
    );
    const time = new Date(timeMilliseconds).toISOString();
    const head = `${time} ${kind.padEnd(15)} ${singleLine(actor)}`;
    terminal.print(`${terminal.paint("faint", `${sequence}`)} ${head} ${singleLine(subject)}`);
    if (facts.length > 0) terminal.print(`    ${singleLine(facts.join(" "))}`);
  }
  if (entries.length === 0) terminal.print("No such entry is in the log.");
}

/** A collector verifies with the key it has: it must be one of those that are given here. */
async function verify(
  source: AuditSource,
  kept: AuditHead | undefined,
  keys: readonly AuditKey[],
): Promise<AuditVerdict> {
  const verdict = await source.verify(kept);
  if (!verdict.ok || keys.length === 0 || keys.some(({ id }) => id === verdict.key)) return verdict;
  const complaint =
    verdict.key === ""
      ? "no entry is under the key that is given"
      : `it is under the key ${verdict.key}, which isn't in the file that is given`;
  return { ...verdict, ok: false, complaint };
}

function report(
  terminal: Terminal,
  source: AuditSource,
  verdict: AuditVerdict,
  json: boolean,
): number {
  const { ok, entries, from, head, key, complaint } = verdict;
  if (json) terminal.print(JSON.stringify(verdict));
  else if (ok)
    terminal.print(
      `${terminal.paint("good", "good")}: ${entries} entries from ${from} on follow on each other${key === "" ? "" : ` under the key ${key}`} (${source.name})\n` +
        `head ${head.sequence}:${head.hash}`,
    );
  else
    terminal.complain(
      `${terminal.paint("bad", "changed")}: ${singleLine(complaint)} (${source.name})`,
    );
  return ok ? 0 : 1;
}

function invalid(flag: string, sentence: string): WarpwatchError {
  return new WarpwatchError("FLAG_INVALID", `--${flag}: ${sentence}`);
}
