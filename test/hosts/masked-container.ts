/**
 * A host as a container sees it whose runtime hides what it can: /proc/sys and the sensors are empty, parts of /sys are
 * missing, files that only root may read have no bit left, and what is masked reads as nothing.
 */
import { linesIn, linkTo, type HostTree } from "./tree.ts";

/** What only the host's root may read. The tree can't say so: whoever writes it takes the bits away. */
export const forbiddenPaths: readonly string[] = [
  "sys/class/powercap/intel-rapl:0/energy_uj",
  "sys/class/hwmon/hwmon0/temp2_input",
  "proc/schedstat",
  "proc/1",
];

export function maskedContainer(): HostTree {
  return {
    "proc/stat":
      "cpu  7180 12 4886 303072 761 0 83 1948 0 0\ncpu0 7180 12 4886 303072 761 0 83 1948 0 0\nintr 9 0 9\nctxt 765830\nbtime 1795329575\nprocesses 7142\nprocs_running 2\nprocs_blocked 0\nsoftirq 11 1 1 1 1 1 1 1 1 1 2\n",
    "proc/loadavg": "0.50 0.40 0.30 1/20 77\n",
    "proc/meminfo":
      "MemTotal:        2048000 kB\nMemFree:         1024000 kB\nMemAvailable:    1500000 kB\n",
    "proc/vmstat": "pgfault 1\npgmajfault 2\noom_kill 0\n",
    "proc/diskstats": "",
    "proc/schedstat": "version 15\ncpu0 0 0 0 0 0 0 1 2 3\n",
    "proc/1/mounts": "overlay / overlay rw 0 0\n",
    "proc/mounts":
      "overlay / overlay rw,relatime,lowerdir=/l 0 0\nproc /proc proc rw 0 0\ntmpfs /proc/acpi tmpfs ro 0 0\ntmpfs /sys/firmware tmpfs ro 0 0\ntmpfs /dev/shm tmpfs rw 0 0\n/dev/vda1 /etc/hosts ext4 rw,relatime 0 0\n",
    "etc/hosts": "127.0.0.1 localhost\n",
    "proc/net/dev":
      "Inter-|   Receive  |  Transmit\n face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed\n    lo: 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n  eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n",
    // Masked the way runtimes do it: something empty lies over it.
    "proc/sys": null,
    "proc/acpi": null,
    "proc/pressure": null,
    "proc/net/arp": "",
    "proc/net/softnet_stat": "",
    "proc/net/sockstat": "",
    "proc/net/netstat": "",
    "proc/net/snmp": "",
    "proc/mdstat": "",
    "sys/firmware": null,
    "sys/class/thermal": null,
    "sys/class/nvme": null,
    "sys/class/dmi/id": null,
    "sys/devices/system/edac": null,
    // The class is there, and the devices that its links lead to aren't.
    "sys/class/net/eth0": linkTo("../../devices/virtual/net/eth0"),
    ...linesIn("sys/class/hwmon/hwmon0", {
      name: "acpitz",
      temp1_input: 27_800,
      temp2_input: 29_800,
    }),
    "sys/class/hwmon/hwmon0/device": linkTo("../../../devices/hidden"),
    ...linesIn("sys/class/powercap/intel-rapl:0", {
      name: "package-0",
      energy_uj: 123,
      max_energy_range_uj: 262_143_328_850,
    }),
    "sys/devices/system/cpu": null,
    "etc/os-release": linkTo("../usr/lib/os-release"),
  };
}
