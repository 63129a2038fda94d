/** The host's sources: an explicit list, in the order in which they are read. */
import type { Source } from "../source.ts";
import { arpSource } from "./arp.ts";
import { bondingSource } from "./bonding.ts";
import { conntrackSource } from "./conntrack.ts";
import { createCpuSource } from "./cpu.ts";
import { cpuDetailsSource } from "./cpu-details.ts";
import { cpufreqSource } from "./cpufreq.ts";
import { diskstatsSource } from "./diskstats.ts";
import { dmiSource } from "./dmi.ts";
import { edacSource } from "./edac.ts";
import { fibrechannelSource } from "./fibrechannel.ts";
import { filefdSource } from "./filefd.ts";
import { filesystemSource } from "./filesystem.ts";
import { hwmonSource } from "./hwmon.ts";
import { infinibandSource } from "./infiniband.ts";
import { ipvsSource } from "./ipvs.ts";
import { createFileShare } from "./kept-file.ts";
import { entropySource, kernelHungSource } from "./kernel-values.ts";
import { loadavgSource } from "./loadavg.ts";
import { mdadmSource } from "./mdadm.ts";
import { meminfoSource } from "./meminfo.ts";
import { netclassSource } from "./netclass.ts";
import { netdevSource } from "./netdev.ts";
import { netstatSource } from "./netstat.ts";
import { nfsSource } from "./nfs.ts";
import { nfsdSource } from "./nfsd.ts";
import { nvmeSource } from "./nvme.ts";
import { osSource } from "./os.ts";
import { powerSupplySource } from "./power-supply.ts";
import { pressureSource } from "./pressure.ts";
import { raplSource } from "./rapl.ts";
import { schedstatSource } from "./schedstat.ts";
import { selinuxSource } from "./selinux.ts";
import { sockstatSource } from "./sockstat.ts";
import { softnetSource } from "./softnet.ts";
import { createStatSource } from "./stat.ts";
import { tapestatsSource } from "./tapestats.ts";
import { thermalZoneSource } from "./thermal-zone.ts";
import { timeSource } from "./time.ts";
import { udpQueuesSource } from "./udp-queues.ts";
import { unameSource } from "./uname.ts";
import { vmstatSource } from "./vmstat.ts";
import { watchdogSource } from "./watchdog.ts";
import { xfsSource } from "./xfs.ts";
import { zfsSource } from "./zfs.ts";

const share = createFileShare();

export const hostSources: readonly Source[] = [
  createCpuSource(share),
  createStatSource(share),
  loadavgSource,
  meminfoSource,
  vmstatSource,
  pressureSource,
  diskstatsSource,
  filesystemSource,
  netdevSource,
  timeSource,
  unameSource,
  osSource,
  arpSource,
  bondingSource,
  conntrackSource,
  cpuDetailsSource,
  cpufreqSource,
  dmiSource,
  edacSource,
  fibrechannelSource,
  filefdSource,
  hwmonSource,
  infinibandSource,
  entropySource,
  kernelHungSource,
  mdadmSource,
  netclassSource,
  netstatSource,
  nvmeSource,
  powerSupplySource,
  raplSource,
  schedstatSource,
  selinuxSource,
  sockstatSource,
  softnetSource,
  tapestatsSource,
  thermalZoneSource,
  udpQueuesSource,
  watchdogSource,
  ipvsSource,
  nfsSource,
  nfsdSource,
  xfsSource,
  zfsSource,
];
