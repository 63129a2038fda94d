/** TCP's connections by state and IPsec's failures, under node_exporter's names: /proc/net/tcp, tcp6 and xfrm_stat. */
import { defineFamily, defineMetric } from "./metric.ts";

/** Two of the states are sums of bytes: what waits to be read and what waits to be sent. */
export const connectionStates = defineMetric({
  name: "node_tcp_connection_states",
  kind: "gauge",
  help: "TCP sockets in each state, and the bytes that wait in their queues (rx_queued_bytes, tx_queued_bytes).",
  labels: ["state"],
  sampling: "steady",
  compatibilityOnly: true,
});
/** Keys are the kernel's: XfrmInNoPols is in_no_pols. */
export const transformFailure = defineFamily({
  pattern: "node_xfrm_{key}_packets_total",
  kind: "counter",
  help: "Packets that IPsec dropped for the reason {key} since boot.",
  maximumKeys: 50,
  compatibilityOnly: true,
});
