/** Flags that say what of a family is told, spelled as node_exporter spells them, with its defaults. */
import { WarpwatchError } from "../core/kit/errors.ts";
import type { Flag } from "./flags.ts";
import { compileFlagPattern } from "./patterns.ts";
import type { HostOptions, NameFilter } from "./sources/host/options.ts";

export type GivenFlags = Readonly<Record<string, unknown>>;

const group = "What of a collector is told";

const pattern = (help: string, standIn = ""): Flag => ({
  type: "string",
  value: "regexp",
  default: standIn,
  group,
  help,
});
const words = (help: string): Flag => ({
  type: "string",
  multiple: true,
  value: "name",
  group,
  help,
});
const toggle = (help: string): Flag => ({ type: "boolean", value: "", group, help });

/** Two flags of which one may be given: all but these, or none but these. */
function pair(name: string, what: string, standIn = ""): Record<string, Flag> {
  return {
    [`collector.${name}-include`]: pattern(`Only these ${what}.`),
    [`collector.${name}-exclude`]: pattern(`All ${what} but these.`, standIn),
  };
}

export const optionFlags: Readonly<Record<string, Flag>> = {
  ...pair("arp.device", "interfaces"),
  "collector.bcache.priorityStats": toggle(
    "Tell how full caches are; the kernel takes long to count it.",
  ),
  "collector.attribution.kubelet-socket": {
    type: "string",
    default: "",
    value: "path",
    group,
    help: "The kubelet's pod-resources socket; looked for where it always is if not given.",
  },
  "collector.attribution.job-folder": {
    type: "string",
    default: "",
    value: "folder",
    group,
    help: "Folder with a file per GPU index that holds the HPC jobs on it.",
  },
  "collector.attribution.processes": toggle(
    "Tell the GPU memory of each process, with its number and command, instead of each owner's.",
  ),
  "gpu.dcgm-address": {
    type: "string",
    default: "",
    value: "address",
    group,
    help: "Where a DCGM host engine runs: host:port or the path of its socket; embedded to run one, none for no DCGM. Looked for where it usually is if not given.",
  },
  "gpu.dcgm-collectors": {
    type: "string",
    default: "",
    value: "file",
    group,
    help: "File of DCGM's fields to tell, as dcgm-exporter's --collectors; every one that has a name here if not given.",
  },
  "no-collector.cpu.guest": toggle("Leave the time of virtual machines' processors out."),
  "collector.cpu.info": toggle("Tell each processor's model."),
  "collector.cpu.info.flags-include": pattern("Tell these of the processors' features."),
  "collector.cpu.info.bugs-include": pattern("Tell these of the processors' known faults."),
  ...pair(
    "diskstats.device",
    "block devices",
    String.raw`^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$`,
  ),
  ...pair("ethtool.device", "interfaces"),
  "collector.ethtool.metrics-include": pattern("Only these counts of drivers.", ".*"),
  ...pair(
    "filesystem.mount-points",
    "mount points",
    "^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)",
  ),
  ...pair(
    "filesystem.fs-types",
    "types of filesystem",
    "^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|erofs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tracefs)$",
  ),
  ...pair("hwmon.chip", "chips"),
  ...pair("hwmon.sensor", "sensors (matched as chip;sensor)"),
  ...pair("infiniband.device", "adapters"),
  ...pair("interrupts.name", "interrupts (matched as name;devices)"),
  "no-collector.interrupts.include-zeros": toggle("Leave out what never happened."),
  "collector.netclass.ignored-devices": pattern("All interfaces but these.", "^$"),
  "collector.netclass.ignore-invalid-speed": toggle("Leave out speeds below zero."),
  ...pair("netdev.device", "interfaces"),
  "collector.netstat.fields": pattern(
    "Only these statistics.",
    "^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|Icmp6?_(InMsgs|OutMsgs)|TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)|Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)|Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$",
  ),
  "collector.powersupply.ignored-supplies": pattern("All power supplies but these.", "^$"),
  "collector.rapl.enable-zone-label": toggle("The zone is a label rather than part of the name."),
  "collector.slabinfo.slabs-include": pattern("Only these slabs.", ".*"),
  "collector.slabinfo.slabs-exclude": pattern("And none of these."),
  "collector.stat.softirq": toggle("Tell deferred interrupt work by kind."),
  "collector.sysctl.include": words("A setting of the kernel to tell, as a number."),
  "collector.sysctl.include-info": words("A setting of the kernel to tell, as text."),
  "collector.systemd.unit-include": pattern("Only these units.", ".+"),
  "collector.systemd.unit-exclude": pattern(
    "And none of these.",
    String.raw`.+\.(automount|device|mount|scope|slice)`,
  ),
  "collector.systemd.enable-task-metrics": toggle("Tell services' tasks."),
  "collector.systemd.enable-restarts-metrics": toggle("Tell how often services were restarted."),
  "collector.systemd.enable-start-time-metrics": toggle("Tell when units were started."),
  "collector.tapestats.ignored-devices": pattern("All tape drives but these.", "^$"),
  "collector.textfile.directory": {
    type: "string",
    default: "",
    value: "folder",
    group,
    help: "Folder whose *.prom files are served too, in Prometheus' text format.",
  },
  "collector.vmstat.fields": pattern("Only these statistics.", "^(oom_kill|pgpg|pswp|pg.*fault).*"),
};

/** Throws FLAG_INVALID with the flag's name. */
export function readOptions(flags: GivenFlags): HostOptions {
  const text = (name: string): string => textOf(flags, name);
  const isOn = (name: string): boolean => flags[name] === true;
  const keeps = (name: string): NameFilter => matcher(name, text(name));
  const drops = (name: string): NameFilter => inverse(keeps(name));
  const chosen = (name: string): NameFilter | null => (text(name) === "" ? null : keeps(name));
  const paired = (name: string): NameFilter => pairOf(flags, `collector.${name}`);
  return {
    attribution: {
      kubeletSocket: text("collector.attribution.kubelet-socket"),
      jobFolder: text("collector.attribution.job-folder"),
      tellsProcesses: isOn("collector.attribution.processes"),
    },
    arp: { keepsDevice: paired("arp.device") },
    bcache: { priorityStatistics: isOn("collector.bcache.priorityStats") },
    cpu: {
      guest: !isOn("no-collector.cpu.guest"),
      info: ["", ".flags-include", ".bugs-include"].some((end) =>
        isAsked(flags[`collector.cpu.info${end}`]),
      ),
      keepsFlag: chosen("collector.cpu.info.flags-include"),
      keepsBug: chosen("collector.cpu.info.bugs-include"),
    },
    diskstats: { keepsDevice: paired("diskstats.device") },
    ethtool: {
      keepsDevice: paired("ethtool.device"),
      keepsMetric: keeps("collector.ethtool.metrics-include"),
    },
    filesystem: {
      keepsMountPoint: paired("filesystem.mount-points"),
      keepsType: paired("filesystem.fs-types"),
    },
    gpu: {
      dcgm: {
        address: text("gpu.dcgm-address"),
        collectorsFile: text("gpu.dcgm-collectors"),
      },
    },
    hwmon: { keepsChip: paired("hwmon.chip"), keepsSensor: paired("hwmon.sensor") },
    infiniband: { keepsDevice: paired("infiniband.device") },
    interrupts: {
      keepsName: paired("interrupts.name"),
      zeros: !isOn("no-collector.interrupts.include-zeros"),
    },
    netclass: {
      keepsDevice: drops("collector.netclass.ignored-devices"),
      ignoreInvalidSpeed: isOn("collector.netclass.ignore-invalid-speed"),
    },
    netdev: { keepsDevice: paired("netdev.device") },
    netstat: { keepsField: keeps("collector.netstat.fields") },
    powersupplyclass: { keepsSupply: drops("collector.powersupply.ignored-supplies") },
    rapl: { zoneLabel: isOn("collector.rapl.enable-zone-label") },
    slabinfo: { keepsSlab: bothOf(flags, "collector.slabinfo.slabs", "part") },
    stat: { softirqs: isOn("collector.stat.softirq") },
    sysctl: {
      include: listOf(flags, "collector.sysctl.include"),
      includeInfo: listOf(flags, "collector.sysctl.include-info"),
    },
    systemd: {
      // Only these two are held against the whole name.
      keepsUnit: bothOf(flags, "collector.systemd.unit", "whole"),
      tasks: isOn("collector.systemd.enable-task-metrics"),
      restarts: isOn("collector.systemd.enable-restarts-metrics"),
      startTimes: isOn("collector.systemd.enable-start-time-metrics"),
    },
    tapestats: { keepsDevice: drops("collector.tapestats.ignored-devices") },
    textfile: { folder: text("collector.textfile.directory") },
    vmstat: { keepsField: keeps("collector.vmstat.fields") },
  };
}

function isAsked(value: unknown): boolean {
  return value === true || (typeof value === "string" && value !== "");
}

const keepsAll: NameFilter = () => true;

/** What of a name a pattern has to match. */
type Extent = "part" | "whole";

function matcher(flag: string, text: string, extent: Extent = "part"): NameFilter {
  // Our own are quick and need no translation.
  const isDefault = text === optionFlags[flag]?.default;
  const { source, flags } = isDefault ? new RegExp(text) : compileFlagPattern(flag, text);
  const compiled = new RegExp(extent === "whole" ? `^(?:${source})$` : source, flags);
  return (name) => compiled.test(name);
}

function inverse(filter: NameFilter): NameFilter {
  return (name) => !filter(name);
}

/** What is left out by default is left out unless something is chosen; an empty pattern is none. */
function pairOf(flags: GivenFlags, name: string): NameFilter {
  const include = textOf(flags, `${name}-include`);
  const given = flags[`${name}-exclude`];
  if (include !== "" && given !== undefined && given !== "")
    throw new WarpwatchError(
      "FLAG_INVALID",
      `--${name}-include: --${name}-exclude is given too, and only one of them may be`,
    );
  if (include !== "") return matcher(`${name}-include`, include);
  const exclude = textOf(flags, `${name}-exclude`);
  return exclude === "" ? keepsAll : inverse(matcher(`${name}-exclude`, exclude));
}

/** Matched by the one and not by the other. */
function bothOf(flags: GivenFlags, name: string, extent: Extent): NameFilter {
  const include = matcher(`${name}-include`, textOf(flags, `${name}-include`), extent);
  const exclude = textOf(flags, `${name}-exclude`);
  if (exclude === "") return include;
  const excludes = matcher(`${name}-exclude`, exclude, extent);
  return (unit) => include(unit) && !excludes(unit);
}

function textOf(flags: GivenFlags, name: string): string {
  const value = flags[name] ?? optionFlags[name]?.default ?? "";
  if (typeof value !== "string")
    throw new WarpwatchError("FLAG_INVALID", `--${name}: needs one value`);
  return value;
}

function listOf(flags: GivenFlags, name: string): string[] {
  const value = flags[name] ?? [];
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  return list.map((one) => {
    if (typeof one !== "string" || one === "")
      throw new WarpwatchError("FLAG_INVALID", `--${name}: needs a name`);
    return one;
  });
}
