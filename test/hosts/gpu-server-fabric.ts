/** What the GPU server's fabric has beside InfiniBand: a Broadcom adapter that speaks RoCE, and network interfaces that belong to adapters. */
import type { Draw } from "./gpu-server.ts";
import type { HostTree } from "./tree.ts";

const portCounters =
  "port_rcv_data port_rcv_packets port_xmit_data port_xmit_packets link_downed symbol_error".split(
    " ",
  );
const hardwareCounters =
  "active_qps rx_pkts rx_bytes tx_pkts tx_bytes to_retransmits seq_err_naks_rcvd max_retry_exceeded rnr_naks_rcvd missing_resp dup_req oos_drop_count rx_out_of_buffer tx_cnp_pkts rx_cnp_pkts rx_ecn_marked_pkts".split(
    " ",
  );

export function gpuServerFabric(ports: number, draw: Draw): HostTree {
  const adapter = "sys/class/infiniband/bnxt_re0";
  const port = `${adapter}/ports/1`;
  const files: Record<string, string | null> = {
    [`${adapter}/board_id`]: "0x1750\n",
    [`${adapter}/fw_ver`]: "231.2.54.0\n",
    [`${adapter}/hca_type`]: "0x1760\n",
    [`${port}/link_layer`]: "Ethernet\n",
    [`${port}/state`]: "4: ACTIVE\n",
    [`${port}/phys_state`]: "5: LinkUp\n",
    [`${port}/rate`]: "400 Gb/sec (4X NDR)\n",
  };
  for (const counter of portCounters) files[`${port}/counters/${counter}`] = `${draw(1e12)}\n`;
  for (const counter of hardwareCounters)
    files[`${port}/hw_counters/${counter}`] = `${draw(1e6)}\n`;
  for (let interfaceIndex = 0; interfaceIndex < ports; interfaceIndex += 1)
    files[`sys/class/net/ens${interfaceIndex}np0/device`] = null;
  return files;
}
