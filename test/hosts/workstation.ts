/** A workstation: one desktop processor, one consumer GPU's sensors, an NVMe and a SATA drive, Wi-Fi, a battery behind a mains adapter. */
import { linesIn, linkTo, type HostTree } from "./tree.ts";
import { workstationDesk } from "./workstation-desk.ts";

const processors = 4;

export function workstation(): HostTree {
  return {
    ...kernelFiles(),
    ...processorFolders(),
    ...diskFiles(),
    ...networkFiles(),
    ...workstationDesk(),
    ...mountFiles(),
  };
}

function kernelFiles(): HostTree {
  const times = (cpu: number): string =>
    [400_100, 900, 120_300, 9_100_500, 20_400, 0, 3100, 0, 5000, 0]
      .map((ticks) => ticks + cpu * 7)
      .join(" ");
  const list = (line: (cpu: number) => string): string =>
    Array.from({ length: processors }, (_, cpu) => line(cpu)).join("\n");
  return {
    "proc/stat": `cpu  ${times(9)}\n${list((cpu) => `cpu${cpu} ${times(cpu)}`)}\nintr 91234567 0 9 0 0 44\nctxt 288112345\nbtime 1795300000\nprocesses 61234\nprocs_running 3\nprocs_blocked 0\nsoftirq 4100200 0 900000 12 30000 500000 0 4000 1500000 188 1166000\n`,
    "proc/loadavg": "1.02 0.88 0.71 3/1402 61299\n",
    "proc/meminfo":
      "MemTotal:       65705620 kB\nMemFree:        21034556 kB\nMemAvailable:   48211020 kB\nBuffers:          512044 kB\nCached:         25012348 kB\nSwapTotal:       8388604 kB\nSwapFree:        8388604 kB\nZswap:                 0 kB\nHugePages_Total:       0\nHugepagesize:       2048 kB\nDirectMap1G:    64487424 kB\n",
    "proc/vmstat":
      "nr_free_pages 5258639\npgpgin 91225233\npgpgout 188986196\npswpin 0\npswpout 0\npgfault 902004980\npgmajfault 40733\noom_kill 0\n",
    "proc/pressure/cpu":
      "some avg10=0.10 avg60=0.20 avg300=0.15 total=91042211\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
    "proc/pressure/io":
      "some avg10=0.00 avg60=0.00 avg300=0.00 total=36542857\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=30116584\n",
    "proc/pressure/irq": "full avg10=0.00 avg60=0.00 avg300=0.00 total=771\n",
    "proc/pressure/memory":
      "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
    "proc/schedstat": `version 16\ntimestamp 4301984523\n${list((cpu) => `cpu${cpu} 0 0 0 0 0 0 ${cpu + 1}81046402410 ${cpu + 1}7123456789 ${cpu + 1}9912345\ndomain0 ${"f".repeat(4)} 0 0 0`)}\n`,
    "proc/mdstat": "Personalities : \nunused devices: <none>\n",
    ...linesIn("proc/sys/kernel", {
      ostype: "Linux",
      osrelease: "6.14.4-200.fc42.x86_64",
      version: "#1 SMP PREEMPT_DYNAMIC Fri Apr 25 15:43:38 UTC 2025",
      arch: "x86_64",
      hostname: "desk-7",
      domainname: "(none)",
      "random/entropy_avail": 256,
      "random/poolsize": 256,
    }),
    "proc/sys/fs/file-nr": "18144\t0\t9223372036854775807\n",
    "etc/os-release":
      'NAME="Fedora Linux"\nVERSION="42 (Workstation Edition)"\nID=fedora\nVERSION_ID=42\nPRETTY_NAME="Fedora Linux 42 (Workstation Edition)"\nVARIANT="Workstation Edition"\nVARIANT_ID=workstation\n',
    ...linesIn("sys/devices/system/clocksource/clocksource0", {
      available_clocksource: "tsc hpet acpi_pm ",
      current_clocksource: "tsc",
    }),
    "sys/fs/selinux/enforce": "1",
  };
}

/** Two cores of two threads; the last thread is switched off, and so has no clock. */
function processorFolders(): HostTree {
  const root = "sys/devices/system/cpu";
  const folders = Array.from({ length: processors }, (_, cpu) => ({
    ...linesIn(`${root}/cpu${cpu}/topology`, { physical_package_id: 0, core_id: cpu >> 1 }),
    ...linesIn(`${root}/cpu${cpu}/thermal_throttle`, {
      core_throttle_count: (cpu >> 1) * 2,
      package_throttle_count: 5,
    }),
    ...(cpu === 0 ? {} : linesIn(`${root}/cpu${cpu}`, { online: cpu === processors - 1 ? 0 : 1 })),
    ...(cpu === processors - 1
      ? {}
      : linesIn(`${root}/cpu${cpu}/cpufreq`, {
          cpuinfo_max_freq: 5_881_000,
          cpuinfo_min_freq: 400_000,
          cpuinfo_transition_latency: 0,
          related_cpus: cpu,
          scaling_available_governors: "performance powersave",
          scaling_cur_freq: 3_402_117 + cpu,
          scaling_driver: "amd-pstate-epp",
          scaling_governor: "powersave",
          scaling_max_freq: 5_881_000,
          scaling_min_freq: 1_977_000,
          scaling_setspeed: "<unsupported>",
        })),
  }));
  return {
    ...linesIn(root, { online: "0-2", offline: "3", isolated: "" }),
    ...Object.assign({}, ...folders),
  };
}

function diskFiles(): HostTree {
  return {
    "proc/diskstats": [
      " 259       0 nvme0n1 901234 2345 81234567 301234 701234 34567 61234567 801234 0 501234 1102468 1234 0 912345 111 23456 222",
      " 259       1 nvme0n1p1 400 10 5000 200 3 0 24 5 0 120 205 0 0 0 0 0 0",
      " 259       2 nvme0n1p2 900800 2335 81229567 301034 701231 34567 61234543 801229 0 501114 1102263 1234 0 912345 111 0 0",
      "   8       0 sda 51234 345 4123456 41234 1234 567 123456 12345 1 31234 53579 0 0 0 0 12 345",
      "   8       1 sda1 51200 345 4123000 41200 1234 567 123456 12345 0 31200 53545 0 0 0 0 0 0",
      "  11       0 sr0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0",
      " 253       0 dm-0 903135 0 81229544 312345 735798 0 61234543 1234567 0 512345 1546912 1234 0 912345 0 0 0",
      " 252       0 zram0 61 0 2408 1 1 0 8 0 0 3 1 0 0 0 0 0 0",
      "",
    ].join("\n"),
    "sys/block/nvme0n1/queue/rotational": "0\n",
    "sys/block/sda/queue/rotational": "1\n",
    "sys/block/dm-0/queue/rotational": "0\n",
    "run/udev/data/b259:0":
      "E:ID_MODEL=WD_BLACK SN850X 2000GB\nE:ID_SERIAL_SHORT=24011F800123\nE:ID_REVISION=620361WD\nE:ID_WWN=eui.e8238fa6bf530001\nE:ID_PATH=pci-0000:01:00.0-nvme-1\n",
    "run/udev/data/b8:0":
      "E:ID_ATA=1\nE:ID_ATA_WRITE_CACHE=1\nE:ID_ATA_WRITE_CACHE_ENABLED=1\nE:ID_ATA_ROTATION_RATE_RPM=7200\nE:ID_MODEL=ST4000DM004-2CV104\nE:ID_SERIAL_SHORT=ZFN0ABCD\nE:ID_REVISION=0001\nE:ID_WWN=0x5000c500a1b2c3d4\n",
    "run/udev/data/b253:0":
      "E:DM_NAME=luks-1b2c\nE:DM_UUID=CRYPT-LUKS2-1b2c-luks-1b2c\nE:ID_FS_TYPE=btrfs\nE:ID_FS_USAGE=filesystem\nE:ID_FS_UUID=7f3e\n",
    ...linesIn("sys/class/nvme/nvme0", {
      firmware_rev: "620361WD",
      model: "WD_BLACK SN850X 2000GB                  ",
      serial: "24011F800123        ",
      state: "live",
      cntlid: 8224,
    }),
  };
}

function networkFiles(): HostTree {
  const wired = { address: "02:42:ac:11:00:02", broadcast: "ff:ff:ff:ff:ff:ff", addr_len: 6 };
  const common = {
    addr_assign_type: 0,
    carrier_changes: 4,
    carrier_down_count: 2,
    carrier_up_count: 2,
    dev_id: "0x0",
    ifalias: "",
    link_mode: 0,
    mtu: 1500,
    name_assign_type: 4,
    netdev_group: 0,
    tx_queue_len: 1000,
    type: 1,
  };
  return {
    "proc/net/dev": [
      "Inter-|   Receive                                                |  Transmit",
      " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed",
      "    lo: 9123456   12345    0    0    0     0          0         0  9123456   12345    0    0    0     0       0          0",
      "enp6s0:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0",
      "wlp5s0: 8123456789 7123456    0  412    0     0          0         0 912345678 2123456    0    3    0     0       0          0",
      "tailscale0: 123456 1234    0    0    0     0          0         0   654321    4321    0    0    0     0       0          0",
      "",
    ].join("\n"),
    // No cable: asking for the speed or the carrier of such an interface is refused, so the files say nothing.
    ...linesIn("sys/class/net/enp6s0", {
      ...common,
      ...wired,
      flags: "0x1003",
      ifindex: 2,
      iflink: 2,
      operstate: "down",
      carrier: 0,
      duplex: "unknown",
      speed: -1,
      dormant: 0,
    }),
    // A wireless interface has no duplex and no speed of its own.
    ...linesIn("sys/class/net/wlp5s0", {
      ...common,
      ...wired,
      flags: "0x1003",
      ifindex: 3,
      iflink: 3,
      operstate: "up",
      carrier: 1,
      link_mode: 1,
      dormant: 0,
    }),
    "proc/net/arp":
      "IP address       HW type     Flags       HW address            Mask     Device\n192.168.1.1      0x1         0x2         02:00:5e:00:01:01     *        wlp5s0\n",
    "proc/net/softnet_stat": `${Array.from({ length: processors - 1 }, (_, cpu) => `00${cpu}f4240 00000000 0000000${cpu} 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 0000000${cpu}`).join("\n")}\n`,
    "proc/net/sockstat":
      "sockets: used 1490\nTCP: inuse 18 orphan 0 tw 2 alloc 31 mem 4\nUDP: inuse 9 mem 7\nUDPLITE: inuse 0\nRAW: inuse 1\nFRAG: inuse 0 memory 0\n",
    "proc/net/udp":
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n  411: 00000000:14E9 00000000:0000 07 00000000:00000000 00:00000000 00000000   193        0 21345 2 0000000000000000 0\n",
    // Kernels since 6.0 may be built without version 2, and then have no line for it.
    "proc/net/rpc/nfs": `net 812 0 812 3\nrpc 812 1 814\nproc3 22 ${countUp(22)}\nproc4 61 ${countUp(61)}\n`,
    "proc/net/netstat":
      "TcpExt: SyncookiesSent ListenDrops\nTcpExt: 0 3\nIpExt: InOctets OutOctets\nIpExt: 812345678 91234567\n",
    "proc/net/snmp":
      "Ip: Forwarding DefaultTTL\nIp: 2 64\nTcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens CurrEstab RetransSegs\nTcp: 1 200 120000 -1 81234 31 4123\nUdp: InDatagrams InErrors\nUdp: 712345 2\n",
    "sys/class/net/lo": null,
    ...linesIn("sys/class/net/lo", { operstate: "unknown", flags: "0x9", mtu: 65536, ifindex: 1 }),
    "sys/class/ieee80211/phy0/device": linkTo("../../../devices/pci0000:00/0000:05:00.0"),
    "sys/devices/pci0000:00/0000:05:00.0": null,
  };
}

function mountFiles(): HostTree {
  return {
    "proc/1/mounts": [
      "/dev/mapper/luks-1b2c / btrfs rw,seclabel,relatime,compress=zstd:1,subvol=/root 0 0",
      "proc /proc proc rw,nosuid 0 0",
      "systemd-1 /proc/sys/fs/binfmt_misc autofs rw,relatime,fd=38 0 0",
      "/dev/mapper/luks-1b2c /home btrfs rw,seclabel,relatime,compress=zstd:1,subvol=/home 0 0",
      "/dev/nvme0n1p1 /boot/efi vfat rw,relatime,fmask=0077 0 0",
      "/dev/sda1 /run/media/ann/My\\040Archive ext4 ro,nosuid,nodev,relatime 0 0",
      "tmpfs /run tmpfs rw,nosuid,nodev 0 0",
      "tmpfs /run/user/1000 tmpfs rw,nosuid,nodev,relatime 0 0",
      "/dev/loop1 /var/lib/snapd/snap/code/190 squashfs ro,nodev,relatime 0 0",
      "",
    ].join("\n"),
    home: null,
    "boot/efi": null,
    "run/media/ann/My Archive": null,
    "run/user/1000": null,
  };
}

function countUp(count: number): string {
  return Array.from({ length: count }, (_, index) => index * 3).join(" ");
}
