/** Flags that switch single families on and off, spelled as node_exporter spells them, and what they come to. */
import { WarpwatchError } from "../core/kit/errors.ts";
import { optionFlags, readOptions, type GivenFlags } from "./collector-options.ts";
import type { Flag } from "./flags.ts";
import type { HostOptions } from "./sources/host/options.ts";

/** What the flags leave on, and what of it is told. */
export interface CollectorChoice {
  /** Names of sources. */
  readonly off: ReadonlySet<string>;
  readonly options: HostOptions;
}

/** The families that are read unless a flag says otherwise. */
const onFamilies =
  "arp attribution bcache bcachefs bonding btrfs chrony conntrack container_runtimes cpu cpufreq disk_latency diskstats dmi dmmultipath edac entropy fibrechannel filefd filesystem gpu_cgroups gpu_stack hwmon infiniband ipmi ipvs kernel_hung kernel_log loadavg mdadm meminfo netclass netdev netstat network_utilization nfs nfsd nvme nvme_smart os pci powersupplyclass pressure rapl schedstat selinux smartctl sockstat softnet stat stuck_processes tapestats tcp_retransmits textfile thermal_zone time timex udp_queues uname vmstat watchdog xfs zfs";
/** And those that are read only when a flag asks for it: they have many series, or cost more than they tell. */
const offFamilies =
  "buddyinfo cgroups ethtool interrupts ksmd logind meminfo_numa mountstats network_route pcidevice processes slabinfo softirqs sysctl systemd tcpstat xfrm zoneinfo";

/** Families that more than one source reads, or one of another name. */
const sourcesOf: Readonly<Record<string, readonly string[]>> = {
  attribution: ["attribution", "gpu_processes"],
  cpu: ["cpu", "cpu_details", "cpu_info"],
  filesystem: ["filesystem", "mount_info"],
  mdadm: ["mdadm", "mdadm_details"],
};

const disableDefaults = "collector.disable-defaults";

const switchOf = (help: string, group: string, word: string): Flag => ({
  type: "boolean",
  value: "",
  help,
  group,
  word,
});

export const collectorFlags: Readonly<Record<string, Flag>> = {
  [disableDefaults]: {
    type: "boolean",
    value: "",
    help: "Leave out every collector that isn't asked for by its own flag.",
  },
  ...optionFlags,
  ...Object.fromEntries(
    onFamilies.split(" ").flatMap((name): [string, Flag][] => {
      const group = "Collectors that are on; --no-collector.<name> leaves one out";
      return [
        [`collector.${name}`, switchOf(`Read ${name}; it is on anyway.`, group, "")],
        [`no-collector.${name}`, switchOf(`Leave ${name} out.`, group, name)],
      ];
    }),
  ),
  ...Object.fromEntries(
    offFamilies.split(" ").flatMap((name): [string, Flag][] => {
      const group = "Collectors that are off; --collector.<name> takes one in";
      return [
        [`collector.${name}`, switchOf(`Read ${name}.`, group, name)],
        [`no-collector.${name}`, switchOf(`Leave ${name} out; it is anyway.`, group, "")],
      ];
    }),
  ),
};

/** Throws FLAG_INVALID for a family that is switched both ways, and for an option that can't be. */
export function chooseCollectors(flags: GivenFlags): CollectorChoice {
  const off = new Set<string>();
  const isOnByDefault = flags[disableDefaults] !== true;
  const choose = (families: string, byDefault: boolean): void => {
    for (const name of families.split(" "))
      if (!isOn(flags, name, byDefault))
        for (const source of sourcesOf[name] ?? [name]) off.add(source);
  };
  choose(onFamilies, isOnByDefault);
  choose(offFamilies, false);
  return { off, options: readOptions(flags) };
}

/** The collector of which the source is a part; undefined where it is none's. */
export function collectorOf(source: string): string | undefined {
  const names = `${onFamilies} ${offFamilies}`.split(" ");
  return names.find((name) => (sourcesOf[name] ?? [name]).includes(source));
}

/** What is chosen where nobody chose. */
export const defaultCollectors: CollectorChoice = chooseCollectors({});

function isOn(flags: GivenFlags, name: string, byDefault: boolean): boolean {
  const isAsked = flags[`collector.${name}`] === true;
  const isRefused = flags[`no-collector.${name}`] === true;
  if (isAsked && isRefused)
    throw new WarpwatchError(
      "FLAG_INVALID",
      `--no-collector.${name}: --collector.${name} is given too`,
    );
  return isAsked || (byDefault && !isRefused);
}
