/** A virtual machine whose kernel has no pressure information: virtio disk and network, and none of what real hardware shows. */
import { linesIn, type HostTree } from "./tree.ts";

export function virtualMachine(): HostTree {
  return {
    "proc/stat":
      "cpu  120300 40 60200 5100400 9100 0 2200 81234 0 0\ncpu0 60100 20 30100 2550200 4550 0 1200 40617 0 0\ncpu1 60200 20 30100 2550200 4550 0 1000 40617 0 0\nintr 33123456 0 0 12\nctxt 51234567\nbtime 1795200000\nprocesses 99123\nprocs_running 1\nprocs_blocked 0\nsoftirq 9123456 1 2 3 4 5 6 7 8 9 10\n",
    "proc/loadavg": "0.00 0.01 0.05 1/88 99120\n",
    "proc/meminfo":
      "MemTotal:        4030160 kB\nMemFree:          312044 kB\nMemAvailable:    2912348 kB\nBuffers:           81020 kB\nCached:          2312348 kB\nSwapTotal:             0 kB\nSwapFree:              0 kB\n",
    "proc/vmstat":
      "nr_free_pages 78011\npgpgin 1225233\npgpgout 986196\npswpin 0\npswpout 0\npgfault 2004980\npgmajfault 733\n",
    "proc/schedstat":
      "version 15\ntimestamp 4295412\ncpu0 0 0 0 0 0 0 81046402410 7123456789 99123\n",
    // Fourteen columns: a kernel from before discards were counted.
    "proc/diskstats": [
      " 253       0 vda 31919 8646 2446802 19929 2527 19258 1972360 11084 0 10456 31422",
      " 253       1 vda1 31800 8646 2440002 19920 2520 19258 1972360 11080 0 10450 31410",
      " 253      16 vdb 80 0 4096 12 0 0 0 0 0 12 12",
      "  11       0 sr0 0 0 0 0 0 0 0 0 0 0 0",
      "",
    ].join("\n"),
    "sys/block/vda/queue/rotational": "1\n",
    "run/udev/data/b253:0": "E:ID_PATH=pci-0000:00:05.0\nE:ID_SERIAL=vol-0abc\n",
    "proc/net/dev": [
      "Inter-|   Receive                                                |  Transmit",
      " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed",
      "    lo: 1234 10 0 0 0 0 0 0 1234 10 0 0 0 0 0 0",
      "  eth0:9912345678901 812345678    0    0    0     0          0         0 71234567890 61234567    0    0    0     0       0          0",
      "",
    ].join("\n"),
    ...linesIn("sys/class/net/eth0", {
      address: "52:54:00:12:34:56",
      broadcast: "ff:ff:ff:ff:ff:ff",
      carrier: 1,
      carrier_changes: 2,
      duplex: "unknown",
      flags: "0x1003",
      ifindex: 2,
      iflink: 2,
      mtu: 1500,
      operstate: "up",
      speed: -1,
      tx_queue_len: 1000,
      type: 1,
    }),
    "proc/net/arp":
      "IP address       HW type     Flags       HW address            Mask     Device\n10.0.2.2         0x1         0x2         52:55:0a:00:02:02     *        eth0\n",
    "proc/net/softnet_stat": [
      "0012f4a1 00000000 00000012 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000",
      "00112233 00000001 00000004 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000",
      "",
    ].join("\n"),
    "proc/net/sockstat":
      "sockets: used 190\nTCP: inuse 5 orphan 0 tw 0 alloc 6 mem 1\nUDP: inuse 3 mem 1\nRAW: inuse 0\nFRAG: inuse 0 memory 0\n",
    "proc/net/snmp": "Tcp: RtoAlgorithm ActiveOpens CurrEstab\nTcp: 1 8123 3\n",
    "proc/net/netstat": "TcpExt: SyncookiesSent ListenOverflows\nTcpExt: 0 0\n",
    "proc/mounts": [
      "/dev/vda1 / xfs rw,relatime,attr2,inode64 0 0",
      "proc /proc proc rw 0 0",
      "host-share /mnt/share 9p rw,relatime,trans=virtio 0 0",
      "",
    ].join("\n"),
    "mnt/share": null,
    ...linesIn("proc/sys/kernel", {
      ostype: "Linux",
      osrelease: "4.18.0-553.el8_10.x86_64",
      version: "#1 SMP",
      hostname: "vm-3",
      domainname: "example.internal",
    }),
    "proc/sys/fs/file-nr": "1088\t0\t401234\n",
    "proc/sys/kernel/random/entropy_avail": "3712\n",
    "proc/sys/kernel/random/poolsize": "4096\n",
    "usr/lib/os-release":
      'NAME="Rocky Linux"\nID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="8.10"\n',
    ...linesIn("sys/devices/system/clocksource/clocksource0", {
      available_clocksource: "kvm-clock tsc acpi_pm ",
      current_clocksource: "kvm-clock",
    }),
    "sys/devices/system/cpu/online": "0-1\n",
    "sys/devices/system/cpu/isolated": "\n",
    ...linesIn("sys/devices/system/cpu/cpu0/topology", { physical_package_id: 0, core_id: 0 }),
    ...linesIn("sys/devices/system/cpu/cpu1/topology", { physical_package_id: 1, core_id: 0 }),
    ...linesIn("sys/class/dmi/id", {
      bios_vendor: "SeaBIOS",
      bios_version: "1.16.3",
      chassis_vendor: "QEMU",
      product_name: "Standard PC (Q35 + ICH9, 2009)",
      sys_vendor: "QEMU",
    }),
  };
}
