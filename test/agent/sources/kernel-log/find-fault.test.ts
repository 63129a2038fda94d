import { describe, expect, test } from "vitest";
import { findFault } from "../../../../agent/sources/kernel-log/find-fault.ts";

/** Line → kind, severity, and some of its fields. The lines have the forms in which kernels and drivers write them. */
const lines: readonly [string, string, string, Record<string, string>][] = [
  [
    "NVRM: Xid (PCI:0000:9b:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.",
    "xid",
    "critical",
    { address: "0000:9b:00", xid: "79", action: "reboot" },
  ],
  [
    "NVRM: Xid (PCI:0000:3b:00): 31, pid=4711, name=python3, Ch 00000008, intr 00000000. MMU Fault",
    "xid",
    "warning",
    { pid: "4711", process: "python3", action: "restart_app" },
  ],
  ["NVRM: Xid (0000:3b:00.0): 63, pid=1, Row remapping event", "xid", "info", { xid: "63" }],
  [
    "NVRM: Xid (PCI:0009:01:00): 154, GPU recovery action changed from 0x0 (None) to 0x1 (GPU Reset Required)",
    "xid",
    "warning",
    { recovery_action: "GPU Reset Required" },
  ],
  [
    "NVRM: Xid (PCI:0000:19:00): 149, NETIR_LINK_EVT  Fatal   XC0 i0 Link 08 (0x004505c6 0x00000000 0x00000000 0x00000000 0x00000000 0x00000000)",
    "xid",
    "critical",
    { unit: "NETIR_LINK_EVT", subcode: "4", link: "8" },
  ],
  ["NVRM: Xid (PCI:0000:19:00): 99999, something new", "xid", "warning", { action: "unknown" }],
  [
    "NVRM: GPU 0000:9b:00.0: GPU has fallen off the bus.",
    "xid",
    "critical",
    { address: "0000:9b:00.0", action: "reboot" },
  ],
  [
    "nvidia-nvswitch3: SXid (PCI:0000:c1:00.0): 12028, Non-fatal, Link 32 egress non-posted PRIV error (First)",
    "sxid",
    "info",
    { device: "nvidia-nvswitch3", sxid: "12028", link: "32", scope: "port" },
  ],
  [
    "nvidia-nvswitch0: SXid (PCI:0000:c1:00.0): 22003, Fatal, Link 10 Minion Halt",
    "sxid",
    "critical",
    { scope: "fabric" },
  ],
  [
    "NVRM: API mismatch: the client has the version 535.104.05, but this kernel module has the version 550.54.15.",
    "gpu_driver",
    "critical",
    { problem: "API mismatch" },
  ],
  [
    "amdgpu 0000:83:00.0: amdgpu: GPU reset begin!",
    "gpu_driver",
    "critical",
    { address: "0000:83:00.0" },
  ],
  [
    "Memory cgroup out of memory: Killed process 81234 (python3) total-vm:1234kB, anon-rss:1kB",
    "out_of_memory_kill",
    "warning",
    { pid: "81234", process: "python3" },
  ],
  [
    "INFO: task kworker/u8:2:1234 blocked for more than 120 seconds.",
    "hung_task",
    "warning",
    { process: "kworker/u8:2", pid: "1234", seconds: "120" },
  ],
  [
    "watchdog: BUG: soft lockup - CPU#3 stuck for 22s! [nvidia-smi:999]",
    "kernel_fault",
    "critical",
    {},
  ],
  [
    "nvidia 0000:9b:00.0: PCIe Bus Error: severity=Uncorrectable (Fatal), type=Transaction Layer, (Requester ID)",
    "pcie_error",
    "critical",
    { driver: "nvidia", address: "0000:9b:00.0", layer: "Transaction Layer" },
  ],
  [
    "pcieport 0000:00:01.1: AER: PCIe Bus Error: severity=Correctable, type=Physical Layer, (Receiver ID)",
    "pcie_error",
    "info",
    { address: "0000:00:01.1" },
  ],
  [
    "mce: [Hardware Error]: CPU 2: Machine Check Exception: 5 Bank 4: b200000000070f0f",
    "machine_check",
    "critical",
    {},
  ],
  [
    "EDAC MC0: 3 CE memory read error on CPU_SrcID#0_MC#0_Chan#1_DIMM#0 (channel:1 slot:0)",
    "memory_error",
    "info",
    { controller: "MC0", count: "3", error: "CE" },
  ],
  ["EDAC i10nm MC3: 1 UE memory read error on any memory", "memory_error", "critical", {}],
  [
    "CPU7: Package temperature is above threshold, cpu clock is throttled (total events = 4)",
    "thermal",
    "warning",
    { cpu: "7" },
  ],
  [
    "mlx5_core 0000:c1:00.0 ens1f0np0: Link down",
    "link_change",
    "warning",
    { interface: "ens1f0np0", link: "down" },
  ],
  [
    "ixgbe 0000:01:00.0 eth0: NIC Link is Up 10 Gbps, Flow Control: RX/TX",
    "link_change",
    "info",
    { interface: "eth0", link: "Up" },
  ],
  [
    "bond0: (slave eth1): link status definitely down, disabling slave",
    "link_change",
    "warning",
    { interface: "eth1" },
  ],
  [
    "mlx5_core 0000:c1:00.0: poll_health:800:(pid 0): device's health compromised - reached miss count",
    "network_device",
    "critical",
    { driver: "mlx5_core" },
  ],
  [
    "nvme nvme3: I/O tag 12 (100c) QID 5 timeout, aborting",
    "drive_error",
    "warning",
    { device: "nvme3" },
  ],
  ["nvme nvme3: Disabling device after reset failure: -19", "drive_error", "critical", {}],
  [
    "blk_update_request: I/O error, dev sdb, sector 123456 op 0x0:(READ)",
    "drive_error",
    "warning",
    { device: "sdb", sector: "123456" },
  ],
  [
    "EXT4-fs error (device sda1): ext4_find_entry:1455: inode #2: comm ls: reading directory lblock 0",
    "filesystem_error",
    "critical",
    { device: "sda1" },
  ],
  [
    "XFS (nvme0n1p1): Filesystem has been shut down due to log error (0x2).",
    "filesystem_error",
    "critical",
    { device: "nvme0n1p1" },
  ],
  [
    "nfs: server filer1 not responding, still trying",
    "filesystem_error",
    "warning",
    { server: "filer1" },
  ],
  ["nfs: server filer1 OK", "filesystem_error", "info", { server: "filer1" }],
];

describe("findFault", () => {
  test.each(lines)("reads %s", (line, kind, severity, fields) => {
    const finding = findFault(line);
    expect({ kind: finding?.kind, severity: finding?.severity }).toEqual({ kind, severity });
    expect(finding?.fields).toMatchObject(fields);
  });

  test.each([
    "Linux version 6.18.44 (builder@host)",
    "NVRM: loading NVIDIA UNIX x86_64 Kernel Module  550.54.15",
    "EXT4-fs (sda1): mounted filesystem with ordered data mode",
    "nvme nvme0: 16/0/0 default/read/poll queues",
    "mlx5_core 0000:c1:00.0: firmware version: 28.39.1002",
    "audit: type=1400 Xid nonsense 79,",
    "",
  ])("finds no fault in %s", (line) => {
    expect(findFault(line)).toBeUndefined();
  });

  test("is not slowed down by a line made to be slow", () => {
    const started = performance.now();
    for (const line of ["mlx5_core ".repeat(500), `NVRM: ${"a".repeat(5000)}`, "(".repeat(5000)])
      findFault(line);
    expect(performance.now() - started).toBeLessThan(1000);
  });
});
