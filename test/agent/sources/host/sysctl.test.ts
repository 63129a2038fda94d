import { expect, test } from "vitest";
import { createSysctlSource } from "../../../../agent/sources/host/sysctl.ts";
import { drive, openOutcome } from "./drive.ts";

test("tells settings as numbers by index or by the names given, and as words", async () => {
  const source = createSysctlSource({
    include: [
      "fs.file-nr:free,used,max",
      "net.ipv4.tcp_rmem",
      "vm.swappiness",
      "vm.gone",
      "vm.laptop:a,b",
    ],
    includeInfo: ["net.ipv4.tcp_congestion_control"],
  });
  const driven = await drive(source, {
    "proc/sys/fs/file-nr": "17\t0\t9223372036854775807\n",
    "proc/sys/net/ipv4/tcp_rmem": "4096\t131072\tmany\n",
    "proc/sys/vm/swappiness": "-1\n",
    "proc/sys/vm/laptop": "1\n",
    "proc/sys/net/ipv4/tcp_congestion_control": "cubic\n",
  });
  expect(Object.fromEntries(await driven.read())).toEqual({
    'node_sysctl_fs_file_nr_free{index=""}': 17,
    'node_sysctl_fs_file_nr_used{index=""}': 0,
    'node_sysctl_fs_file_nr_max{index=""}': Number("9223372036854775807"),
    'node_sysctl_net_ipv4_tcp_rmem{index="0"}': 4096,
    'node_sysctl_net_ipv4_tcp_rmem{index="1"}': 131_072,
    'node_sysctl_vm_swappiness{index=""}': -1,
    'node_sysctl_info{index="0",name="net.ipv4.tcp_congestion_control",value="cubic"}': 1,
  });
  driven.change({ "proc/sys/net/ipv4/tcp_congestion_control": "bbr\n" });
  const after = await driven.read();
  expect(
    after.get('node_sysctl_info{index="0",name="net.ipv4.tcp_congestion_control",value="bbr"}'),
  ).toBe(1);
  expect(driven.changes).toBe(1);
});

test("is absent as long as no setting is asked for", async () => {
  const source = createSysctlSource({ include: [], includeInfo: [] });
  expect(await openOutcome(source, {})).toMatch(/--collector.sysctl.include names some/);
});
