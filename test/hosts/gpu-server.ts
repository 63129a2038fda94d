/** A GPU server of the DGX class, drawn from a seed: 256 processors, 12 NVMe drives, 10 fabric ports and 32 pods' interfaces. */
import { gpuServerFilesystems } from "./gpu-server-filesystems.ts";
import { gpuServerDevices } from "./gpu-server-devices.ts";
import { gpuServerFabric } from "./gpu-server-fabric.ts";
import { gpuServerNetwork, interfaceNames } from "./gpu-server-network.ts";
import { gpuServerPci } from "./gpu-server-pci.ts";
import { gpuServerPods } from "./gpu-server-pods.ts";
import type { HostTree } from "./tree.ts";

export interface GpuServerOptions {
  readonly processors?: number;
  readonly drives?: number;
  readonly ports?: number;
  readonly pods?: number;
  /** Interrupt lines: the kernel prints a number for each at every reading of /proc/stat. */
  readonly interrupts?: number;
  readonly seed?: number;
}

export function gpuServer(options: GpuServerOptions = {}): HostTree {
  const { processors = 256, drives = 12, ports = 10, pods = 32, interrupts = 3000 } = options;
  const draw = createDraw(options.seed ?? 1);
  return {
    "proc/stat": processorFile(processors, interrupts, draw),
    "proc/loadavg": "96.12 88.05 71.33 130/9120 884213\n",
    "proc/meminfo": memoryFile(draw),
    "proc/vmstat": pagingFile(draw),
    ...pressureFiles(draw),
    "proc/diskstats": diskFile(drives, draw),
    "proc/net/dev": networkFile(ports, pods, draw),
    ...gpuServerNetwork(ports, pods, processors, draw),
    ...gpuServerDevices({ processors, drives, ports, draw }),
    ...gpuServerFilesystems(draw),
    ...mountFiles(drives, pods),
    ...identityFiles(drives),
    ...gpuServerFabric(ports, draw),
    ...gpuServerPci({ drives, ports, draw }),
    ...gpuServerPods(pods),
  };
}

/** A linear congruential generator: the same seed draws the same host. */
export type Draw = (limit: number) => number;

function createDraw(seed: number): Draw {
  let state = seed >>> 0;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 4_294_967_296) * limit);
  };
}

function processorFile(processors: number, interrupts: number, draw: Draw): string {
  const times = (): string =>
    [9e7, 4e4, 3e7, 6e8, 2e6, 0, 4e5, 0, 0, 0].map((limit) => draw(limit)).join(" ");
  const counts = Array.from({ length: interrupts }, () => (draw(4) === 0 ? draw(1e8) : 0));
  return [
    `cpu  ${times()}`,
    ...Array.from({ length: processors }, (_, cpu) => `cpu${cpu} ${times()}`),
    `intr ${draw(1e12)} ${counts.join(" ")}`,
    `ctxt ${draw(1e13)}`,
    "btime 1789000000",
    `processes ${draw(1e8)}`,
    `procs_running ${draw(200)}`,
    "procs_blocked 0",
    `softirq ${draw(1e10)}${" 1".repeat(10)}`,
    "",
  ].join("\n");
}

const memoryKeys =
  "MemTotal MemFree MemAvailable Buffers Cached SwapCached Active Inactive Active(anon) Inactive(anon) Active(file) Inactive(file) Unevictable Mlocked SwapTotal SwapFree Zswap Zswapped Dirty Writeback AnonPages Mapped Shmem KReclaimable Slab SReclaimable SUnreclaim KernelStack PageTables SecPageTables NFS_Unstable Bounce WritebackTmp CommitLimit Committed_AS VmallocTotal VmallocUsed VmallocChunk Percpu HardwareCorrupted AnonHugePages ShmemHugePages ShmemPmdMapped FileHugePages FilePmdMapped CmaTotal CmaFree Unaccepted Balloon Hugepagesize Hugetlb DirectMap4k DirectMap2M DirectMap1G";
const memoryCounts = ["HugePages_Total", "HugePages_Free", "HugePages_Rsvd", "HugePages_Surp"];

function memoryFile(draw: Draw): string {
  const sizes = memoryKeys
    .split(" ")
    .map((key) => `${`${key}:`.padEnd(15)} ${String(draw(2e9)).padStart(8)} kB`);
  const counts = memoryCounts.map((key) => `${key}:${String(draw(1000)).padStart(8)}`);
  return `${[...sizes, ...counts].join("\n")}\n`;
}

function pagingFile(draw: Draw): string {
  const others = Array.from({ length: 180 }, (_, index) => `nr_statistic_${index} ${draw(1e9)}`);
  const kept = ["pgpgin", "pgpgout", "pswpin", "pswpout", "pgfault", "pgmajfault", "oom_kill"];
  return `${[...others.slice(0, 60), ...kept.map((key) => `${key} ${draw(1e11)}`), ...others.slice(60)].join("\n")}\n`;
}

function pressureFiles(draw: Draw): HostTree {
  const line = (kind: string): string =>
    `${kind} avg10=0.00 avg60=0.12 avg300=0.08 total=${draw(1e12)}\n`;
  return {
    "proc/pressure/cpu": line("some") + line("full"),
    "proc/pressure/io": line("some") + line("full"),
    "proc/pressure/memory": line("some") + line("full"),
  };
}

function diskFile(drives: number, draw: Draw): string {
  const counts = (): string => Array.from({ length: 17 }, () => draw(1e9)).join(" ");
  const lines = [`   9       0 md0 ${counts()}`];
  for (let drive = 0; drive < drives; drive += 1) {
    const minor = String(drive * 4).padStart(7);
    lines.push(` 259 ${minor} nvme${drive}n1 ${counts()}`);
    for (const part of [1, 2])
      lines.push(` 259 ${String(drive * 4 + part).padStart(7)} nvme${drive}n1p${part} ${counts()}`);
  }
  return `${lines.join("\n")}\n`;
}

function networkFile(ports: number, pods: number, draw: Draw): string {
  const rows = interfaceNames(ports, pods).map((name) => {
    const counts = Array.from({ length: 16 }, (_, column) => draw(column % 8 < 2 ? 1e15 : 100));
    return `${name.padStart(6)}: ${counts.join(" ")}`;
  });
  return `Inter-|   Receive  |  Transmit\n face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed\n${rows.join("\n")}\n`;
}

function mountFiles(drives: number, pods: number): HostTree {
  const data = Array.from({ length: Math.min(drives, 6) }, (_, drive) => `raid/${drive}`);
  const volumes = Array.from(
    { length: pods },
    (_, pod) => `var/lib/kubelet/pods/${pod}/volumes/kubernetes.io~projected/token`,
  );
  const table = [
    "/dev/md0 / ext4 rw,relatime 0 0",
    "proc /proc proc rw 0 0",
    "sysfs /sys sysfs rw 0 0",
    "tmpfs /run tmpfs rw,nosuid 0 0",
    ...data.map((path, drive) => `/dev/nvme${drive}n1p2 /${path} xfs rw,noatime 0 0`),
    ...volumes.map((path) => `tmpfs /${path} tmpfs rw,relatime 0 0`),
    ...volumes.map((_, pod) => `overlay /run/containerd/${pod}/rootfs overlay rw 0 0`),
    "",
  ];
  return {
    "proc/1/mounts": table.join("\n"),
    run: null,
    ...Object.fromEntries([...data, ...volumes].map((path) => [path, null])),
  };
}

function identityFiles(drives: number): HostTree {
  const tree: Record<string, string> = {
    "proc/sys/kernel/ostype": "Linux\n",
    "proc/sys/kernel/osrelease": "6.8.0-51-generic\n",
    "proc/sys/kernel/version": "#52-Ubuntu SMP\n",
    "proc/sys/kernel/arch": "x86_64\n",
    "proc/sys/kernel/hostname": "gpu-node-1\n",
    "proc/sys/kernel/domainname": "(none)\n",
    "etc/os-release": 'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\n',
    "sys/devices/system/clocksource/clocksource0/available_clocksource": "tsc hpet \n",
    "sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc\n",
  };
  for (let drive = 0; drive < drives; drive += 1) {
    tree[`sys/block/nvme${drive}n1/queue/rotational`] = "0\n";
    tree[`run/udev/data/b259:${drive * 4}`] =
      `E:ID_MODEL=SAMSUNG_MZQL23T8\nE:ID_SERIAL_SHORT=S${drive}\nE:ID_REVISION=GDC56\nE:ID_WWN=eui.${drive}\n`;
  }
  return tree;
}
