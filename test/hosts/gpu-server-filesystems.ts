/** The filesystems and file servers of the GPU server: XFS, ZFS, NFS on both ends, and a load balancer. */
import type { Draw } from "./gpu-server.ts";
import type { HostTree } from "./tree.ts";

export function gpuServerFilesystems(draw: Draw): HostTree {
  const numbers = (count: number): string =>
    Array.from({ length: count }, () => draw(1e6)).join(" ");
  return {
    ...xfsFiles(numbers),
    ...zfsFiles(draw),
    "proc/net/rpc/nfs": [
      "net 18628 0 18628 6",
      `rpc ${numbers(3)}`,
      `proc2 18 ${numbers(18)}`,
      `proc3 22 ${numbers(22)}`,
      `proc4 61 ${numbers(61)}`,
      "",
    ].join("\n"),
    "proc/net/rpc/nfsd": [
      "rc 0 6 18622",
      "fh 7 0 0 0 0",
      "io 157286400 72864",
      "th 8 0 0.000 0.000 0.000 0.000 0.000 0.000 0.000 0.000 0.000 0.000",
      "ra 32 0 0 0 0 0 0 0 0 0 0 5",
      "net 18628 1 18627 6",
      "rpc 18628 3 1 1 1",
      `proc2 18 ${numbers(18)}`,
      `proc3 22 ${numbers(22)}`,
      "proc4 2 2 10853",
      `proc4ops 72 ${numbers(72)}`,
      "",
    ].join("\n"),
    "proc/net/ip_vs_stats":
      "   Total Incoming Outgoing         Incoming         Outgoing\n   Conns  Packets  Packets            Bytes            Bytes\n 16AA370 E33656E5        0     51D8C8883AB3                0\n\n Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s\n       4    1FB3C        0          1282A8F                0\n",
    "proc/net/ip_vs": [
      "IP Virtual Server version 1.2.1 (size=4096)",
      "Prot LocalAddress:Port Scheduler Flags",
      "  -> RemoteAddress:Port Forward Weight ActiveConn InActConn",
      "TCP  0A60000A:01BB rr ",
      "  -> 0AF40105:1F90      Masq    1      12         3",
      "  -> 0AF40206:1F90      Masq    2      0          1",
      "UDP  [2001:0db8:0000:0000:0000:0000:0000:0001]:0035 rr ",
      "  -> [2001:0db8:0000:0000:0000:0000:0000:00ff]:0035      Masq    1      4         9",
      "FWM  10001000 wlc",
      "  -> 0AF40105:1F90      Route   0      0          0",
      "",
    ].join("\n"),
  };
}

function xfsFiles(numbers: (count: number) => string): HostTree {
  const file = (): string =>
    [
      ["extent_alloc", 4],
      ["abt", 4],
      ["blk_map", 7],
      ["bmbt", 4],
      ["dir", 4],
      ["trans", 3],
      ["ig", 7],
      ["log", 5],
      ["push_ail", 10],
      ["xstrat", 2],
      ["rw", 2],
      ["attr", 4],
      ["icluster", 3],
      ["vnodes", 8],
      ["buf", 9],
      ["abtb2", 15],
      ["abtc2", 15],
      ["bmbt2", 15],
      ["ibt2", 15],
      ["fibt2", 15],
      ["qm", 8],
      ["xpc", 3],
      ["debug", 1],
    ]
      .map(([key, count]) => `${key} ${numbers(Number(count))}\n`)
      .join("");
  return {
    "sys/fs/xfs/nvme0n1p2/stats/stats": file(),
    "sys/fs/xfs/nvme1n1p2/stats/stats": file(),
  };
}

function zfsFiles(draw: Draw): HostTree {
  const table = (names: string, rest = ""): string =>
    `6 1 0x01 91 4368 5266997922 97951858082072\nname                            type data\n${rest}${names
      .split(" ")
      .map((name) => `${name.padEnd(31)} 4    ${draw(1e12)}\n`)
      .join("")}`;
  const folder = "proc/spl/kstat/zfs";
  return {
    [`${folder}/arcstats`]: `${table("hits misses demand_data_hits size c c_min c_max")}arc_need_free                   3    -5\n`,
    [`${folder}/zil`]: table("zil_commit_count zil_itx_count"),
    [`${folder}/dmu_tx`]: table("dmu_tx_assigned dmu_tx_delay"),
    [`${folder}/tank/io`]: `12 3 0x00 1 80 79205351707403 395818011156865\nnread    nwritten reads    writes   wtime    wlentime wupdate  rtime    rlentime rupdate  wcnt     rcnt\n${Array.from({ length: 12 }, () => draw(1e9)).join(" ")}\n`,
    [`${folder}/tank/objset-0x36`]: table(
      "writes nwritten reads nread",
      "dataset_name                    7    tank/data\n",
    ),
    [`${folder}/tank/state`]: "DEGRADED\n",
  };
}
