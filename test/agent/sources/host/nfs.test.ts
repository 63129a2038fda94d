import { expect, test } from "vitest";
import { drive } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

test("gives the procedures that the kernel tells and no others", async () => {
  const driven = await drive(sourceNamed("nfs"), {
    "proc/net/rpc/nfs": "net 4 0 4 1\nrpc 9 1 x\nproc3 3 0 71 5\nproc9 1 1\nproc4\n",
  });
  const samples = await driven.read();
  expect(Object.fromEntries(samples)).toEqual({
    'node_nfs_packets_total{protocol="udp"}': 0,
    'node_nfs_packets_total{protocol="tcp"}': 4,
    node_nfs_connections_total: 1,
    node_nfs_rpcs_total: 9,
    node_nfs_rpc_retransmissions_total: 1,
    'node_nfs_requests_total{method="Null",proto="3"}': 0,
    'node_nfs_requests_total{method="GetAttr",proto="3"}': 71,
    'node_nfs_requests_total{method="SetAttr",proto="3"}': 5,
  });
});
