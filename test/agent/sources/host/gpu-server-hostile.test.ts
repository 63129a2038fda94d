import { expect, test } from "vitest";
import { linkTo, type HostTree } from "../../../hosts/tree.ts";
import { drive } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

/** What a kernel file should never hold, and some do. */
const texts: readonly (string | Buffer)[] = [
  "",
  "\n",
  "\0\0\0\n",
  Buffer.from([0xff, 0xfe, 0x00, 0x0a]),
  "-1\n",
  "99999999999999999999999999\n",
  "1e400\n",
  "NaN\n",
  "0x10 ten\n",
  "12",
  "x".repeat(10_000),
  "a 1\na 1\na 1\n",
];

const id = "c".repeat(64);
const group = `sys/fs/cgroup/docker/${id}`;
const port = "sys/class/infiniband/mlx5_0/ports/1";
const device = "sys/devices/pci0000:00/0000:00:01.0";

/** By source: the host around, and the files that are broken in turn. */
const scenes: Readonly<Record<string, { host: HostTree; files: readonly string[] }>> = {
  infiniband: {
    host: { [`${port}/hw_counters/np_cnp_sent`]: "4\n" },
    files: ["out_of_sequence", "rp_cnp_handled"].map((name) => `${port}/hw_counters/${name}`),
  },
  pci: {
    host: {
      [`${device}/class`]: "0x020000\n",
      "sys/bus/pci/devices/0000:00:01.0": linkTo("../../../devices/pci0000:00/0000:00:01.0"),
      "sys/bus/pci/devices/0000:00:02.0": linkTo("0000:00:02.0"),
    },
    files: [
      "aer_dev_fatal",
      "aer_dev_correctable",
      "current_link_width",
      "max_link_width",
      "max_link_speed",
      "numa_node",
      "local_cpulist",
    ].map((name) => `${device}/${name}`),
  },
  gpu_cgroups: {
    host: {
      "sys/class/kfd": null,
      "sys/fs/cgroup/cgroup.controllers": "cpu\n",
      [`${group}/cgroup.procs`]: "77\n",
      "sys/fs/cgroup/docker/loop": linkTo("../docker"),
      "proc/77/fd/3": linkTo("/dev/kfd"),
      "proc/77/fd/2": linkTo("2"),
    },
    files: ["cpu.stat", "memory.max", "memory.stat", "io.stat", "pids.max", "io.pressure"].map(
      (name) => `${group}/${name}`,
    ),
  },
  stuck_processes: {
    host: { "proc/1/stat": "1 (init) S 0" },
    files: ["proc/2/stat", "proc/33/stat"],
  },
  disk_latency: {
    host: {},
    files: ["proc/diskstats"],
  },
  network_utilization: {
    host: {
      "proc/net/dev": "a\nb\neth0: 1 2 3 4 5 6 7 8 9\n",
      "sys/class/net/eth0/speed": "1000\n",
      "sys/class/net/eth0/device": null,
    },
    files: ["proc/net/dev", "sys/class/net/eth0/speed"],
  },
  tcp_retransmits: { host: {}, files: ["proc/net/snmp"] },
};

test.each(Object.entries(scenes))(
  "%s tells finite numbers of malformed files, or is down, and goes on",
  async (name, { host, files }) => {
    const source = sourceNamed(name);
    const sound = Object.fromEntries(files.map((file) => [file, "5\n"]));
    const driven = await drive(source, { ...sound, ...host });
    for (const text of texts) {
      driven.change(Object.fromEntries(files.map((file) => [file, text])));
      await driven.clock.advance(61_000);
      // Down is an answer too, but in a sentence.
      const samples = await driven.read().catch((error: unknown) => String(error));
      if (typeof samples === "string") expect(samples).toMatch(/^WarpwatchError: .*\/\S+/);
      else expect([...samples].filter(([, value]) => !Number.isFinite(value))).toEqual([]);
    }
  },
);
