/**
 * Why a source finds nothing, in one sentence that says what to do about it: a mount that isn't there, or the option
 * that the kernel has to be built or started with. Options are those of the kernel's Kconfig files.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { HostPaths } from "../../../core/kit/env.ts";

const hidden = "it is hidden from this process, as container runtimes do, or the kernel has none";

/** By source: what it needs beside the mount. */
const needs = {
  arp: "the kernel lacks CONFIG_INET",
  block: "the kernel lacks CONFIG_BLOCK",
  bonding: "no interfaces are bonded: the module bonding isn't loaded (CONFIG_BONDING)",
  buddyinfo: hidden,
  conntrack:
    "the kernel tracks no connections: the module nf_conntrack isn't loaded (CONFIG_NF_CONNTRACK)",
  cpu: hidden,
  cpufreq: "a virtual machine, or the kernel lacks CONFIG_CPU_FREQ and a driver for it",
  dmi: "the firmware has no DMI tables, they are hidden, or the kernel lacks CONFIG_DMIID",
  edac: "no EDAC driver is loaded (CONFIG_EDAC), or the firmware keeps errors to itself",
  entropy: hidden,
  fibrechannel:
    "there is no Fibre Channel adapter, or its driver isn't loaded (CONFIG_SCSI_FC_ATTRS)",
  filefd: "the kernel lacks CONFIG_SYSCTL, or it is hidden from this process",
  gpu_cgroups: "the kernel lacks CONFIG_CGROUPS and CONFIG_MEMCG, or cgroups aren't mounted there",
  hwmon: "a virtual machine, or no sensor driver is loaded (CONFIG_HWMON)",
  infiniband:
    "there is no RDMA adapter, or its driver (mlx5_ib, bnxt_re, irdma) isn't loaded (CONFIG_INFINIBAND)",
  interrupts: hidden,
  ipvs: "the kernel balances no load: the module ip_vs isn't loaded (CONFIG_IP_VS)",
  kernel_hung: "the kernel is older than 6.13 or lacks CONFIG_DETECT_HUNG_TASK",
  loadavg: hidden,
  mdadm: "the module md isn't loaded (CONFIG_BLK_DEV_MD)",
  meminfo: hidden,
  network: "the kernel lacks CONFIG_NET, or no interface is in this network namespace",
  nfs: "the module nfs isn't loaded (CONFIG_NFS_FS)",
  nfsd: "no NFS server runs here: the module nfsd isn't loaded (CONFIG_NFSD)",
  nvme: "there is no NVMe drive, or the module nvme isn't loaded (CONFIG_BLK_DEV_NVME)",
  pci: "no GPU, network adapter or NVMe drive is on the bus, or the kernel lacks CONFIG_PCI",
  power_supply: "servers tell of theirs through IPMI, or the kernel lacks CONFIG_POWER_SUPPLY",
  pressure: "the kernel is older than 4.20 or lacks CONFIG_PSI",
  processes: hidden,
  protocols: "the kernel lacks CONFIG_INET",
  rapl: "the processor has no energy counters, the kernel lacks CONFIG_INTEL_RAPL, or only root may read them",
  schedstat: "the kernel lacks CONFIG_SCHEDSTATS",
  softirqs: hidden,
  tapestats: "there is no tape drive, or the module st isn't loaded (CONFIG_CHR_DEV_ST)",
  thermal_zone: "virtual machines have none, or the kernel lacks CONFIG_THERMAL",
  vmstat: hidden,
  watchdog: "no watchdog driver is loaded, or the kernel lacks CONFIG_WATCHDOG_SYSFS",
  xfs: "no XFS filesystem is mounted (CONFIG_XFS_FS)",
  zfs: "the module zfs isn't loaded",
  zoneinfo: hidden,
} as const satisfies Record<string, string>;

/** `path` is what was looked for, by the source of that name. */
export function missing(source: keyof typeof needs, paths: HostPaths, path: string): string {
  return `nothing is at ${path}: ${missingMount(paths, path) ?? needs[source]}`;
}

/** Every kernel has these: where they aren't, something else is mounted there, or nothing. */
function missingMount({ procfs, sysfs }: HostPaths, path: string): string | null {
  if (path.startsWith(procfs) && !existsSync(join(procfs, "stat")))
    return "that isn't the host's /proc: mount it and say where with --path.procfs";
  if (path.startsWith(sysfs) && !existsSync(join(sysfs, "devices")))
    return "that isn't the host's /sys: mount it and say where with --path.sysfs";
  return null;
}
