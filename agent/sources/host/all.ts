/** The host's sources: an explicit list, in the order in which they are read. */
import { defaultCollectors } from "../../collector-flags.ts";
import type { Source } from "../source.ts";
import { createArpSource } from "./arp.ts";
import { createBcacheSource } from "./bcache.ts";
import { bcachefsSource } from "./bcachefs.ts";
import { bondingSource } from "./bonding.ts";
import { btrfsSource } from "./btrfs.ts";
import { chronySource } from "./chrony.ts";
import { conntrackSource } from "./conntrack.ts";
import { createCpuSource } from "./cpu.ts";
import { cpuDetailsSource } from "./cpu-details.ts";
import { createCpuInfoSource } from "./cpu-info.ts";
import { cpufreqSource } from "./cpufreq.ts";
import { createDiskstatsSource } from "./diskstats.ts";
import { dmiSource } from "./dmi.ts";
import { dmmultipathSource } from "./dmmultipath.ts";
import { edacSource } from "./edac.ts";
import { fibrechannelSource } from "./fibrechannel.ts";
import { filefdSource } from "./filefd.ts";
import { createFilesystemSource } from "./filesystem.ts";
import { createGpuServerSources } from "./gpu-server.ts";
import { createHwmonSource } from "./hwmon.ts";
import { createInfinibandSource } from "./infiniband.ts";
import { ipmiSource } from "./ipmi.ts";
import { ipvsSource } from "./ipvs.ts";
import { createFileShare } from "./kept-file.ts";
import { entropySource, kernelHungSource } from "./kernel-values.ts";
import { loadavgSource } from "./loadavg.ts";
import { mdadmSource } from "./mdadm.ts";
import { mdadmDetailsSource } from "./mdadm-details.ts";
import { meminfoSource } from "./meminfo.ts";
import { createMountInfoSource } from "./mount-info.ts";
import { createNetclassSource } from "./netclass.ts";
import { createNetdevSource } from "./netdev.ts";
import { createNetstatSource } from "./netstat.ts";
import { nfsSource } from "./nfs.ts";
import { nfsdSource } from "./nfsd.ts";
import { nvmeSource } from "./nvme.ts";
import { nvmeSmartSource } from "./nvme-smart.ts";
import { createOptionalSources } from "./optional.ts";
import type { HostOptions } from "./options.ts";
import { osSource } from "./os.ts";
import { createPowerSupplySource } from "./power-supply.ts";
import { pressureSource } from "./pressure.ts";
import { createRaplSource } from "./rapl.ts";
import { schedstatSource } from "./schedstat.ts";
import { selinuxSource } from "./selinux.ts";
import { smartctlSource } from "./smartctl.ts";
import { sockstatSource } from "./sockstat.ts";
import { softnetSource } from "./softnet.ts";
import { createStatSource } from "./stat.ts";
import { createTapestatsSource } from "./tapestats.ts";
import { thermalZoneSource } from "./thermal-zone.ts";
import { timeSource } from "./time.ts";
import { createTimexSource } from "./timex.ts";
import { udpQueuesSource } from "./udp-queues.ts";
import { unameSource } from "./uname.ts";
import { createVmstatSource } from "./vmstat.ts";
import { watchdogSource } from "./watchdog.ts";
import { xfsSource } from "./xfs.ts";
import { zfsSource } from "./zfs.ts";

/** The options are the operator's choice; a source that takes some gets its own part of them. */
export function createHostSources(options: HostOptions): Source[] {
  const share = createFileShare();
  return [
    createCpuSource(share, options.cpu),
    createStatSource(share, options.stat),
    loadavgSource,
    meminfoSource,
    createVmstatSource(options.vmstat),
    pressureSource,
    createDiskstatsSource(share, options.diskstats),
    createFilesystemSource(options.filesystem),
    createMountInfoSource(options.filesystem),
    createNetdevSource(share, options.netdev),
    timeSource,
    createTimexSource(),
    unameSource,
    osSource,
    createArpSource(options.arp),
    createBcacheSource(options.bcache),
    bcachefsSource,
    bondingSource,
    btrfsSource,
    conntrackSource,
    cpuDetailsSource,
    createCpuInfoSource(options.cpu),
    cpufreqSource,
    dmiSource,
    dmmultipathSource,
    edacSource,
    fibrechannelSource,
    filefdSource,
    createHwmonSource(options.hwmon),
    createInfinibandSource(options.infiniband),
    entropySource,
    kernelHungSource,
    mdadmSource,
    mdadmDetailsSource,
    createNetclassSource(options.netclass),
    createNetstatSource(options.netstat),
    nvmeSource,
    createPowerSupplySource(options.powersupplyclass),
    createRaplSource(options.rapl),
    schedstatSource,
    selinuxSource,
    sockstatSource,
    softnetSource,
    createTapestatsSource(options.tapestats),
    thermalZoneSource,
    udpQueuesSource,
    watchdogSource,
    ipvsSource,
    nfsSource,
    nfsdSource,
    xfsSource,
    zfsSource,
    chronySource,
    nvmeSmartSource,
    smartctlSource,
    ipmiSource,
    ...createGpuServerSources(share, options),
  ];
}

/** As they are where nobody chose. */
export const hostSources: readonly Source[] = [
  ...createHostSources(defaultCollectors.options),
  ...createOptionalSources(defaultCollectors.options),
];
