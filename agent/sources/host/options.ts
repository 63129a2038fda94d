/** What an operator may choose of the host's families, as the makers of their sources take it; agent/collector-options.ts has the flags. */

import type { AttributionOptions } from "../../attribution/source.ts";
import type { GpuOptions } from "../gpu/all.ts";

/** Whether what has this name is told. */
export type NameFilter = (name: string) => boolean;

export interface HostOptions {
  readonly attribution: AttributionOptions;
  readonly arp: { readonly keepsDevice: NameFilter };
  readonly bcache: { readonly priorityStatistics: boolean };
  /** A null filter: that information isn't told. */
  readonly cpu: {
    readonly guest: boolean;
    readonly info: boolean;
    readonly keepsFlag: NameFilter | null;
    readonly keepsBug: NameFilter | null;
  };
  readonly diskstats: { readonly keepsDevice: NameFilter };
  readonly ethtool: { readonly keepsDevice: NameFilter; readonly keepsMetric: NameFilter };
  readonly filesystem: { readonly keepsMountPoint: NameFilter; readonly keepsType: NameFilter };
  readonly gpu: GpuOptions;
  readonly hwmon: { readonly keepsChip: NameFilter; readonly keepsSensor: NameFilter };
  readonly infiniband: { readonly keepsDevice: NameFilter };
  readonly interrupts: { readonly keepsName: NameFilter; readonly zeros: boolean };
  readonly netclass: { readonly keepsDevice: NameFilter; readonly ignoreInvalidSpeed: boolean };
  readonly netdev: { readonly keepsDevice: NameFilter };
  readonly netstat: { readonly keepsField: NameFilter };
  readonly powersupplyclass: { readonly keepsSupply: NameFilter };
  readonly rapl: { readonly zoneLabel: boolean };
  readonly slabinfo: { readonly keepsSlab: NameFilter };
  readonly stat: { readonly softirqs: boolean };
  /** As given: `vm.user_reserve_kbytes` or `name:column,column`. */
  readonly sysctl: { readonly include: readonly string[]; readonly includeInfo: readonly string[] };
  readonly systemd: {
    readonly keepsUnit: NameFilter;
    readonly tasks: boolean;
    readonly restarts: boolean;
    readonly startTimes: boolean;
  };
  readonly tapestats: { readonly keepsDevice: NameFilter };
  /** Empty: no files of other programs are read. */
  readonly textfile: { readonly folder: string };
  readonly vmstat: { readonly keepsField: NameFilter };
}
