/** The host's sources that are read only when a flag asks for them (`--collector.<name>`): an explicit list, one line each. */
import type { Source } from "../source.ts";
import { buddyinfoSource } from "./buddyinfo.ts";
import { cgroupsSource } from "./cgroups.ts";
import { createEthtoolSource } from "./ethtool.ts";
import { createInterruptsSource } from "./interrupts.ts";
import { ksmdSource } from "./ksmd.ts";
import { logindSource } from "./logind.ts";
import { meminfoNumaSource } from "./meminfo-numa.ts";
import { mountstatsSource } from "./mountstats.ts";
import { networkRouteSource } from "./network-route.ts";
import type { HostOptions } from "./options.ts";
import { pcideviceSource } from "./pcidevice.ts";
import { processesSource } from "./processes.ts";
import { createSlabinfoSource } from "./slabinfo.ts";
import { softirqsSource } from "./softirqs.ts";
import { createSysctlSource } from "./sysctl.ts";
import { createSystemdSource } from "./systemd.ts";
import { tcpstatSource } from "./tcpstat.ts";
import { xfrmSource } from "./xfrm.ts";
import { zoneinfoSource } from "./zoneinfo.ts";

/** The options are the operator's choice; a source that takes some gets its own part: `createSlabinfoSource(options.slabinfo)`. */
export function createOptionalSources(options: HostOptions): Source[] {
  return [
    buddyinfoSource,
    cgroupsSource,
    createEthtoolSource(options.ethtool),
    createInterruptsSource(options.interrupts),
    ksmdSource,
    meminfoNumaSource,
    networkRouteSource,
    pcideviceSource,
    processesSource,
    createSlabinfoSource(options.slabinfo),
    softirqsSource,
    createSysctlSource(options.sysctl),
    mountstatsSource,
    logindSource,
    createSystemdSource(options.systemd),
    tcpstatSource,
    xfrmSource,
    zoneinfoSource,
  ];
}
