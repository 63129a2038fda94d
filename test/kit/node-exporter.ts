/** Debian's prometheus-node-exporter, limited to the families that the host sources have and to the newest release's default filters. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import type { HostPaths } from "../../core/kit/env.ts";
import { freePort, startProgram, untilAnswered, type Program } from "./programs.ts";

export interface NodeExporter {
  readonly url: string;
  readonly program: Program;
}

const programName = "prometheus-node-exporter";
export const installHint = `apt-get install -y --no-install-recommends ${programName}`;

/** Those that both have. */
export const comparedCollectors: readonly string[] = [
  "arp",
  "bcache",
  "bonding",
  "btrfs",
  "conntrack",
  "cpu",
  "cpufreq",
  "diskstats",
  "dmi",
  "edac",
  "entropy",
  "fibrechannel",
  "filefd",
  "filesystem",
  "hwmon",
  "infiniband",
  "ipvs",
  "loadavg",
  "mdadm",
  "meminfo",
  "netclass",
  "netdev",
  "netstat",
  "nfs",
  "nfsd",
  "nvme",
  "os",
  "powersupplyclass",
  "pressure",
  "rapl",
  "schedstat",
  "selinux",
  "sockstat",
  "softnet",
  "stat",
  "tapestats",
  "textfile",
  "thermal_zone",
  "time",
  "timex",
  "udp_queues",
  "uname",
  "vmstat",
  "xfs",
  "zfs",
];

/** Debian narrows some filters and 1.5 lacks later additions; these are upstream's of 1.9. */
const filters = [
  "--collector.netdev.device-exclude=^$",
  String.raw`--collector.diskstats.device-exclude=^(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+$`,
  "--collector.filesystem.mount-points-exclude=^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)",
  "--collector.filesystem.fs-types-exclude=^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|erofs|sysfs|tracefs)$",
];

const defaultFamilies: readonly string[] = [
  ...comparedCollectors.map((name) => `--collector.${name}`),
  ...filters,
  "--no-collector.netdev.netlink",
];

/** Where the program is, or null. */
export function findNodeExporter(): string | null {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/bin"];
  for (const folder of folders) {
    const path = join(folder, programName);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      continue;
    }
  }
  return null;
}

/** Starts it on a free port of the loopback interface and waits until it answers. */
export async function startNodeExporter(
  path: string,
  paths: HostPaths,
  families: readonly string[] = defaultFamilies,
): Promise<NodeExporter> {
  const port = await freePort();
  const program = startProgram(path, [
    `--web.listen-address=127.0.0.1:${port}`,
    "--web.disable-exporter-metrics",
    "--collector.disable-defaults",
    ...families,
    `--path.procfs=${paths.procfs}`,
    `--path.sysfs=${paths.sysfs}`,
    `--path.rootfs=${paths.rootfs}`,
    `--path.udev.data=${join(paths.rootfs, "run/udev/data")}`,
  ]);
  const url = `http://127.0.0.1:${port}/metrics`;
  await untilAnswered(url, program);
  return { url, program };
}
