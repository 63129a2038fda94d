/** How the rest of the machine fails, as the kernel logs it; forms after the kernel's own sources (mm, drivers/pci/pcie/aer.c, drivers/edac, fs). */
import type { KernelSeverity } from "../../../core/catalog/kernel-log.ts";
import { pattern, type Groups, type Pattern } from "./finding.ts";

export const hostPatterns: readonly Pattern[] = [
  pattern(
    "out_of_memory_kill",
    "warning",
    /(?<scope>Memory cgroup out of memory|Out of memory(?: and no killable processes)?): Killed process (?<pid>\d+) \((?<process>[^)]*)\)/,
    ({ process = "" }) => ({ subject: process }),
  ),
  pattern(
    "hung_task",
    "warning",
    /INFO: task (?<process>.+):(?<pid>\d+) blocked for more than (?<seconds>\d+) seconds/,
  ),
  pattern(
    "kernel_fault",
    "critical",
    /(?<problem>BUG: (?:soft|hard) lockup|BUG: unable to handle|kernel BUG at|Kernel panic|Oops:|general protection fault|rcu: INFO: .*detected stalls?|NMI watchdog: Watchdog detected hard LOCKUP)/,
  ),
  pattern(
    "pcie_error",
    "warning",
    /(?<driver>\S+) (?<address>[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]): (?:AER: )?PCIe Bus Error: severity=(?<aer>[^,]+), type=(?<layer>[^,]+)/,
    ({ address = "", aer = "", layer = "" }) => ({
      severity: aerSeverity(aer),
      subject: `${address} ${aer} ${layer}`,
      gpuAddress: address,
    }),
    ["info", "warning", "critical"],
  ),
  pattern(
    "machine_check",
    "warning",
    /\[Hardware Error\]: (?<problem>Machine check events logged|CPU \d+: Machine Check(?: Exception)?: .*|CPU:\d+ \(\S+\) \S*_STATUS.*|Corrected error, no action required|Uncorrected, software (?:restartable|containable) error|event severity: .*|System Fatal error)/,
    ({ problem = "" }) => ({ severity: machineCheckSeverity(problem) }),
    ["info", "warning", "critical"],
  ),
  pattern(
    "memory_error",
    "warning",
    /EDAC (?:\S+ )?(?<controller>MC\d+): (?<count>\d+) (?<error>CE|UE) (?<detail>.*)/,
    ({ controller = "", error = "" }) => ({
      severity: error === "UE" ? "critical" : "info",
      subject: `${controller} ${error}`,
    }),
    ["info", "critical"],
  ),
  pattern("memory_error", "critical", /Memory failure: (?<page>0x[0-9a-f]+): (?<detail>.*)/),
  pattern(
    "thermal",
    "warning",
    /CPU(?<cpu>\d+): (?<sensor>Core|Package) temperature(?:\/speed)? (?<change>above threshold|is above threshold|normal)/,
    ({ change = "" }) => ({ severity: change === "normal" ? "info" : "warning" }),
    ["info", "warning"],
  ),
  pattern(
    "link_change",
    "warning",
    /^(?<driver>\S+) (?<address>[0-9a-f]{4,}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])[: ]+(?:(?<interface>[\w.@-]+)(?: \([^)]*\))?:? )?(?:NIC )?[Ll]ink(?: is)? (?<link>[Uu]p|[Dd]own)/,
    readLink,
    ["info", "warning"],
  ),
  pattern(
    "link_change",
    "warning",
    /^(?<master>\S+): (?:\(slave (?<interface>\S+)\): )?link status (?:definitely )?(?<link>up|down)/,
    readLink,
    ["info", "warning"],
  ),
  pattern(
    "network_device",
    "critical",
    /(?<driver>mlx[45]_core|bnxt_en|ice|irdma) (?<address>[0-9a-f:.]+).*(?<problem>device's health compromised|synd 0x|health recovery (?:failed|flow aborted)|High Temperature|firmware (?:fatal|internal) error|Firmware reset|TX timeout detected|Detected insufficient power)/,
    ({ address = "", problem = "" }) => ({ subject: `${address} ${problem}` }),
  ),
  pattern(
    "network_device",
    "warning",
    /NETDEV WATCHDOG: (?<interface>\S+) .*transmit queue \d+ timed out/,
  ),
  pattern(
    "drive_error",
    "critical",
    /nvme (?<device>nvme\d+): (?<problem>.*(?:controller is down|Device not ready|Removing after probe failure|resetting controller|Disabling device after reset failure|I\/O (?:tag )?\d+ .*timeout))/,
    ({ device = "", problem = "" }) => ({
      severity: /Removing|Disabling|not ready/.test(problem) ? "critical" : "warning",
      subject: device,
    }),
    ["warning", "critical"],
  ),
  pattern(
    "drive_error",
    "warning",
    /(?:I\/O|critical \w+|protection|\w+ medium) error, dev (?<device>\w+), sector (?<sector>\d+)/,
  ),
  pattern(
    "filesystem_error",
    "critical",
    /(?<fstype>EXT[234])-fs (?:error|\((?<mounted>[^)]+)\):).*?(?:\(device (?<device>[^)]+)\)|Remounting filesystem read-only)/,
    ({ device, mounted = "" }) => ({ subject: device ?? mounted }),
  ),
  pattern(
    "filesystem_error",
    "critical",
    /(?<fstype>XFS) \((?<device>[^)]+)\): (?<problem>.*(?:[Cc]orruption|Internal error|Filesystem has been shut down|xfs_do_force_shutdown|(?:metadata|log) I\/O error))/,
    ({ device = "" }) => ({ subject: device }),
  ),
  pattern(
    "filesystem_error",
    "critical",
    /(?<fstype>BTRFS) (?:error|critical) \(device (?<device>[^)]+)\)/,
    ({ device = "" }) => ({ subject: device }),
  ),
  pattern(
    "filesystem_error",
    "warning",
    /nfs: server (?<server>\S+) (?<state>not responding|OK)/,
    ({ state = "" }) => ({ severity: state === "OK" ? "info" : "warning" }),
    ["info", "warning"],
  ),
];

/** `Correctable` was put right by the link itself; `Uncorrectable (Fatal)` takes the link down. */
function aerSeverity(text: string): KernelSeverity {
  if (/^Correct/i.test(text)) return "info";
  return /\(Fatal\)/i.test(text) ? "critical" : "warning";
}

function machineCheckSeverity(problem: string): KernelSeverity {
  if (/^Corrected|severity: corrected|severity: info/.test(problem)) return "info";
  return /Exception|Fatal|severity: fatal|^Uncorrected/.test(problem) ? "critical" : "warning";
}

function readLink({ address, master, interface: name, link = "" }: Groups) {
  const severity: KernelSeverity = link.toLowerCase() === "up" ? "info" : "warning";
  return { severity, subject: `${name ?? address ?? master ?? ""} ${link.toLowerCase()}` };
}
