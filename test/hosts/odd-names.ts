/** A host that is sound and whose names aren't: quotes, backslashes, line feeds, other scripts, bytes that are no text, very long ones. */
import { linesIn, linkTo, type HostTree } from "./tree.ts";

const quoted = 'eth"0"';
const backslashed = "back\\slash";
const greek = "\u03b4\u03af\u03ba\u03c4\u03c5\u03bf";
const long = `n${"0123456789".repeat(20)}`;

export function oddNames(): HostTree {
  return {
    "proc/stat":
      "cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 5 5\nctxt 1\nbtime 1795329575\nprocesses 1\nprocs_running 1\nprocs_blocked 0\n",
    "proc/loadavg": "0.00 0.00 0.00 1/1 1\n",
    "proc/meminfo": "MemTotal:       1000 kB\nActive(odd_one):     7 kB\nUnder_Score:      8 kB\n",
    "proc/net/dev": [
      "Inter-|   Receive  |  Transmit",
      " face |bytes packets errs drop fifo frame compressed multicast|bytes packets errs drop fifo colls carrier compressed",
      ...[quoted, backslashed, greek, long, "eth0.100@if7", "a-b.c"].map(
        (name, index) =>
          `${name}: ${Array.from({ length: 16 }, (_, column) => index * 100 + column).join(" ")}`,
      ),
      "",
    ].join("\n"),
    ...Object.assign(
      {},
      ...[quoted, backslashed, greek, long].map((name, index) =>
        linesIn(`sys/class/net/${name}`, {
          address: "02:00:00:00:00:01",
          carrier: 1,
          flags: "0x1003",
          ifalias: index === 0 ? 'to the "north" \\ east' : `\u00e5 ${name}`,
          ifindex: index + 1,
          mtu: 1500,
          operstate: "up",
        }),
      ),
    ),
    "proc/diskstats": [
      ' 8 0 sd"a 1 2 3 4 5 6 7 8 9 10 11',
      " 8 16 sd\\b 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15",
      ` 8 32 ${greek} 1 2 3 4 5 6 7 8 9 10 11`,
      " 104 0 cciss!c0d0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17",
      "",
    ].join("\n"),
    "run/udev/data/b8:0": 'E:ID_MODEL=Disk "quoted" \\x20 \u00fc\nE:ID_SERIAL_SHORT=\\\\\n',
    "proc/1/mounts": [
      "/dev/sda1 / ext4 rw 0 0",
      "/dev/disk/by-label/A\\040B /mnt/with\\040blank ext4 rw 0 0",
      "/dev/sdb1 /mnt/tab\\011line\\012slash\\134 ext4 rw 0 0",
      `server:/ex"port /mnt/${greek} nfs4 ro 0 0`,
      `tmpfs /mnt/${long} tmpfs rw 0 0`,
      "",
    ].join("\n"),
    "mnt/with blank": null,
    "mnt/tab\tline\nslash\\": null,
    [`mnt/${greek}`]: null,
    [`mnt/${long}`]: null,
    "sys/devices/platform/odd device": null,
    "sys/class/hwmon/hwmon0/device": linkTo("../../../devices/platform/odd device"),
    ...linesIn("sys/class/hwmon/hwmon0", {
      name: 'chip "1" \\',
      temp1_input: 1000,
      temp1_label: `Sensor "${greek}" \\ 1`,
      fan2_input: 800,
      fan2_label: "",
    }),
    ...linesIn("sys/class/thermal/thermal_zone0", {
      type: 'zone "a"\\',
      temp: 30_000,
      policy: "x",
    }),
    ...linesIn('sys/class/power_supply/BAT "\\0', {
      type: "Battery",
      capacity: 50,
      model_name: `A\u0007B ${greek}`,
      status: "Full",
    }),
    ...linesIn("sys/class/nvme/nvme0", {
      firmware_rev: '"1"',
      model: `Drive \\ ${greek}`,
      serial: "0\t1",
      state: "live",
      cntlid: 1,
    }),
    ...linesIn("sys/class/dmi/id", { sys_vendor: 'Quote " Back \\', product_name: greek }),
    ...linesIn("sys/class/powercap/intel-rapl:0", {
      name: `odd name! ${greek}`,
      energy_uj: 5,
      max_energy_range_uj: 9,
    }),
    ...linesIn("sys/devices/system/edac/mc/mc0", {
      ce_count: 1,
      ce_noinfo_count: 0,
      ue_count: 0,
      ue_noinfo_count: 0,
    }),
    "proc/net/arp": `IP address       HW type     Flags       HW address            Mask     Device\n10.0.0.1 0x1 0x2 02:00:00:00:00:01 * ${quoted}\n`,
    ...linesIn("proc/sys/kernel", {
      ostype: "Linux",
      osrelease: '6.1 "odd"',
      version: "#1 \\ SMP",
      arch: "x86_64",
      hostname: greek,
      domainname: "(none)",
    }),
    "etc/os-release": `NAME="O\\"dd \\\\ \u00d8S"\nID=odd\nVERSION_ID="1"\nPRETTY_NAME='${greek}'\n`,
  };
}
