import { expect, test } from "vitest";
import { drive } from "./drive.ts";
import { sourceNamed } from "./sources.ts";

const infiniband = sourceNamed("infiniband");

function portFiles(device: string, counters: Readonly<Record<string, number>>) {
  return Object.fromEntries(
    Object.entries(counters).map(([file, count]) => [
      `sys/class/infiniband/${device}/ports/1/hw_counters/${file}`,
      `${count}\n`,
    ]),
  );
}

function ours(samples: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...samples].filter(([name]) => name.startsWith("warpwatch_")));
}

test("gives the congestion counters of a ConnectX port by our names beside node_exporter's, from one reading", async () => {
  const samples = await (
    await drive(infiniband, portFiles("mlx5_0", { np_cnp_sent: 9, out_of_sequence: 4 }))
  ).read();
  const place = '{device="mlx5_0",port="1"}';
  expect(ours(samples)).toEqual({
    [`warpwatch_rdma_cnp_sent_total${place}`]: 9,
    [`warpwatch_rdma_out_of_sequence_packets_total${place}`]: 4,
  });
  expect(samples.get(`node_infiniband_np_cnp_packets_sent_total${place}`)).toBe(9);
});

test("gives those of Broadcom and Intel adapters by the same names, though node_exporter has none", async () => {
  const samples = await (
    await drive(infiniband, {
      ...portFiles("bnxt_re0", {
        rx_ecn_marked_pkts: 1,
        tx_cnp_pkts: 2,
        rx_cnp_pkts: 3,
        to_retransmits: 4,
        rnr_naks_rcvd: 5,
        active_qps: 6,
      }),
      ...portFiles("irdma0", { cnpSent: 7, RxECNMrkd: 8 }),
    })
  ).read();
  const broadcom = '{device="bnxt_re0",port="1"}';
  const intel = '{device="irdma0",port="1"}';
  expect(ours(samples)).toEqual({
    [`warpwatch_rdma_ecn_marked_packets_total${broadcom}`]: 1,
    [`warpwatch_rdma_cnp_sent_total${broadcom}`]: 2,
    [`warpwatch_rdma_cnp_handled_total${broadcom}`]: 3,
    [`warpwatch_rdma_retransmits_total${broadcom}`]: 4,
    [`warpwatch_rdma_rnr_nak_received_total${broadcom}`]: 5,
    [`warpwatch_rdma_cnp_sent_total${intel}`]: 7,
    [`warpwatch_rdma_ecn_marked_packets_total${intel}`]: 8,
  });
});

test("takes one of two files that stand for the same thing", async () => {
  const driven = await drive(
    infiniband,
    portFiles("bnxt_re0", { dup_req: 1, duplicate_request: 2 }),
  );
  const samples = await driven.read();
  expect(
    driven.series.filter(({ metric }) => metric.name === "warpwatch_rdma_duplicate_requests_total"),
  ).toHaveLength(1);
  expect(Object.values(ours(samples))).toHaveLength(1);
});
