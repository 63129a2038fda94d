/** `warpwatch doctor`: looks at the machine and at Warpwatch on it, and says what to do. */
import { defaultStateFolder, parseListenAddress, type FlagValues } from "../agent/config.ts";
import { agentFlags } from "../agent/flags.ts";
import { isThisMachine } from "../agent/sources/inventory.ts";
import { loadLibrary, takeInventory, type Inventory } from "../agent/sources/take-inventory.ts";
import { version } from "../core/kit/version.ts";
import { collectorFlags, textOf } from "./collector.ts";
import type { Command, FlagTable } from "./command.ts";
import { examine } from "./doctor/all.ts";
import type { Patient, Report, Verdict } from "./doctor/check.ts";
import { row, type Terminal, type Tone } from "./terminal.ts";

const flags = {
  json: { type: "boolean", value: "", help: "Print one JSON document, for programs." },
  "agent.address": {
    ...agentFlags["web.listen-address"],
    help: "Where the agent listens, or would.",
  },
  "collector.address": {
    ...collectorFlags["web.listen-address"],
    help: "Where the collector listens, or would.",
  },
  "state.folder": agentFlags["state.folder"],
  "path.procfs": agentFlags["path.procfs"],
  "path.sysfs": agentFlags["path.sysfs"],
  "path.rootfs": agentFlags["path.rootfs"],
} as const satisfies FlagTable;

const tones: Readonly<Record<Verdict, Tone>> = {
  ok: "good",
  warn: "caution",
  fail: "bad",
  unknown: "faint",
};
const labelColumns = 7;

export const doctorCommand: Command = {
  operands: "",
  description:
    "Looks at what Warpwatch needs of this machine, at the GPUs' driver, and at the agent and the collector if they run. " +
    "Changes nothing. Each line says ok, warn, fail or unknown, and what to do. Exits with 1 when something fails.",
  flags,
  async run({ flags: given, env, terminal }) {
    const patient: Patient = {
      env,
      paths: {
        procfs: textOf(given, "path.procfs") || flags["path.procfs"].default,
        sysfs: textOf(given, "path.sysfs") || flags["path.sysfs"].default,
        rootfs: textOf(given, "path.rootfs") || flags["path.rootfs"].default,
      },
      stateFolder: textOf(given, "state.folder") || defaultStateFolder(env.variables),
      agent: addressOf(given, "agent.address"),
      collector: addressOf(given, "collector.address"),
    };
    const [inventory, reports] = await Promise.all([lookAtMachine(patient), examine(patient)]);
    const failed = reports.some(({ verdict }) => verdict === "fail");
    terminal.print(
      given["json"] === true
        ? JSON.stringify(
            { version, node: env.node, ok: !failed, inventory, checks: reports },
            null,
            2,
          )
        : reportText(env.node, inventory, reports, terminal),
    );
    return failed ? 1 : 0;
  },
};

/** For people: every check in a line or a few, the remedy under what isn't well. */
export function reportText(
  node: string,
  inventory: Inventory | null,
  reports: readonly Report[],
  terminal: Terminal,
): string {
  const { columns } = terminal;
  const lines = reports.flatMap(({ verdict, name, found, meaning, remedy }) => {
    const paintLabel = (label: string): string => terminal.paint(tones[verdict], label);
    const shown = [row(verdict, `${name}: ${found}`, { labelColumns, columns, paintLabel })];
    if (verdict === "ok") return shown;
    const quiet = {
      labelColumns,
      columns,
      paintLabel: (label: string) => terminal.paint("faint", label),
    };
    shown.push(row("why", meaning, quiet));
    if (remedy !== "") shown.push(row("do", remedy, quiet));
    return shown;
  });
  return [
    `${terminal.paint("strong", `Warpwatch ${version}`)} looks at ${node}`,
    ...machineRows(inventory, columns),
    "",
    ...lines,
    "",
    summaryOf(reports),
  ].join("\n");
}

function machineRows(inventory: Inventory | null, columns: number): string[] {
  if (inventory === null) return [];
  const { node, processor, modules, drives, nics } = inventory;
  const bytes = modules.reduce((sum, module) => sum + module.bytes, 0);
  const facts = [
    [node.vendor, node.model].filter((part) => part !== "").join(" "),
    `${processor.sockets} × ${processor.model} (${processor.cores} cores, ${processor.threads} threads)`,
    bytes === 0 ? "" : `${modules.length} memory modules, ${Math.round(bytes / 1024 ** 3)} GiB`,
    [...new Set(drives.map(({ model }) => model))].join(", "),
    nics.map(({ device, driver }) => (driver === "" ? device : `${device} (${driver})`)).join(", "),
  ].filter((fact) => fact !== "");
  return facts.map((fact) => row("", fact, { labelColumns: 0, columns }).replace(/^ {4}/, "  "));
}

function summaryOf(reports: readonly Report[]): string {
  const count = (verdict: Verdict): number =>
    reports.filter((report) => report.verdict === verdict).length;
  const parts = (["ok", "warn", "fail", "unknown"] as const)
    .filter((verdict) => count(verdict) > 0)
    .map((verdict) => `${count(verdict)} ${verdict}`);
  return `${reports.length} checks: ${parts.join(", ")}`;
}

/** Null where another host is looked at, or the library can't. */
async function lookAtMachine({ paths }: Patient): Promise<Inventory | null> {
  if (!isThisMachine(paths)) return null;
  try {
    return await takeInventory(await loadLibrary(), paths);
  } catch {
    return null;
  }
}

function addressOf(
  given: FlagValues,
  flag: "agent.address" | "collector.address",
): Patient["agent"] {
  return parseListenAddress(flag, textOf(given, flag) || flags[flag].default);
}
