/** Flags that switch single families off and on, spelled as node_exporter spells them, and what they come to. */
import { WarpwatchError } from "../core/kit/errors.ts";
import type { Flag } from "./flags.ts";

/** What the flags leave on. */
export interface CollectorChoice {
  /** Names of sources. */
  readonly off: ReadonlySet<string>;
  /** Empty: no files of other programs are read. */
  readonly textfileFolder: string;
}

export const everyCollector: CollectorChoice = { off: new Set(), textfileFolder: "" };

/** The host's families, each with its sources where those aren't one of the same name. */
const sourcesOf: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(
    "arp bonding conntrack cpufreq diskstats dmi edac entropy fibrechannel filefd filesystem hwmon infiniband ipvs kernel_hung loadavg mdadm meminfo netclass netdev netstat nfs nfsd nvme os powersupplyclass pressure rapl schedstat selinux sockstat softnet stat tapestats textfile thermal_zone time udp_queues uname vmstat watchdog xfs zfs"
      .split(" ")
      .map((name) => [name, [name]]),
  ),
  cpu: ["cpu", "cpu_details"],
};

const folderFlag = "collector.textfile.directory";

export const collectorFlags: Readonly<Record<string, Flag>> = {
  [folderFlag]: {
    type: "string",
    default: "",
    value: "folder",
    help: "Folder whose *.prom files are served too, in Prometheus' text format.",
  },
  ...Object.fromEntries(
    Object.keys(sourcesOf)
      .sort()
      .flatMap((name): [string, Flag][] => [
        [
          `collector.${name}`,
          { type: "boolean", value: "", help: `Read ${name}; it is on anyway.` },
        ],
        [`no-collector.${name}`, { type: "boolean", value: "", help: `Leave ${name} out.` }],
      ]),
  ),
};

/** Throws FLAG_INVALID for a family that is switched both ways. */
export function chooseCollectors(flags: Readonly<Record<string, unknown>>): CollectorChoice {
  const off = new Set<string>();
  for (const [name, sources] of Object.entries(sourcesOf)) {
    if (flags[`no-collector.${name}`] !== true) continue;
    if (flags[`collector.${name}`] === true)
      throw new WarpwatchError(
        "FLAG_INVALID",
        `--no-collector.${name}: --collector.${name} is given too`,
      );
    for (const source of sources) off.add(source);
  }
  const folder = flags[folderFlag] ?? "";
  if (typeof folder !== "string")
    throw new WarpwatchError("FLAG_INVALID", `--${folderFlag}: needs one value`);
  return { off, textfileFolder: folder };
}
